package agent_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"souk/internal/agentapi"
	"souk/internal/driver"
)

func TestFailuresAreReportedInPlainWords(t *testing.T) {
	blocked := func(permanent bool) error {
		return &driver.BlockedError{
			Message: "No port is free in this zone.", BlockedBy: "operator", Permanent: permanent, Err: errors.New("bind: /secret/inside"),
		}
	}
	cases := []struct {
		name    string
		ranOnce bool
		err     error
		gone    bool // the engine is not there either
		state   driver.State
		message string
		by      string
	}{
		{name: "blocked for now, never ran", err: blocked(false), state: driver.StateCreating, message: "No port is free", by: "operator"},
		{name: "blocked for good, never ran", err: blocked(true), state: driver.StateFailed, message: "No port is free", by: "operator"},
		{name: "blocked, but runs on", ranOnce: true, err: blocked(true), state: driver.StateRunning, message: "No port is free", by: "operator"},
		{name: "blocked, and does not run", ranOnce: true, gone: true, err: blocked(false), state: driver.StateRunning, message: "No port is free", by: "operator"},
		{name: "fails again and again, never ran", err: errors.New("exit status 1: /inside"), state: driver.StateCreating, message: "failed several times to make"},
		{name: "fails again and again, runs on", ranOnce: true, err: errors.New("exit status 1: /inside"), state: driver.StateRunning, message: "failed several times to bring"},
	}
	cases[3].state = driver.StateDegraded
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t).Start()
			generation := int64(1)
			if c.ranOnce {
				m.server.Want(wanted("db1", 1, agentapi.IntentActive))
				m.awaitState("db1", driver.StateRunning, 1)
				generation = 2
			}
			m.zone.hook(func(context.Context, string, string) error { return c.err })
			if c.gone {
				m.zone.set("db1", driver.StateStopped)
			}
			m.server.Want(wanted("db1", generation, agentapi.IntentActive))
			fact := m.server.AwaitFact("the failure is reported", func(f agentapi.Fact) bool { return f.Observation.Message != "" })
			seen := fact.Observation
			if seen.State != c.state || seen.BlockedBy != c.by || !strings.Contains(seen.Message, c.message) {
				t.Errorf("reported %s, %q, by %q", seen.State, seen.Message, seen.BlockedBy)
			}
			if strings.Contains(seen.Message, "inside") {
				t.Errorf("internals reach the user: %q", seen.Message)
			}
			eventually(t, "the operator finds the reason", func() bool { return m.logged("/inside") || m.logged("secret/inside") })

			m.zone.hook(func(context.Context, string, string) error { return nil })
			m.server.Want(wanted("db1", generation+1, agentapi.IntentActive))
			if well := m.awaitState("db1", driver.StateRunning, generation+1); well.Observation.Message != "" {
				t.Errorf("well again, it still says %q", well.Observation.Message)
			}
		})
	}
}

func TestATemporaryFailureIsNotReported(t *testing.T) {
	m := newMachine(t)
	failures := 2
	m.zone.hook(func(context.Context, string, string) error {
		if failures--; failures >= 0 {
			return errors.New("not now")
		}
		return nil
	})
	m.Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	if got := m.states("db1"); len(got) != 2 {
		t.Errorf("reported %v, want creating and running", got)
	}
}

func TestLostDataIsReportedAndNeverMadeAnew(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive)) // HeldData is not said: the agent knows by itself
	m.awaitState("db1", driver.StateRunning, 1)
	m.zone.lose("db1")
	m.zone.events <- "db1"
	fact := m.awaitState("db1", driver.StateFailed, 1)
	for _, words := range []string{"gone", "nothing was recreated"} {
		if !strings.Contains(fact.Observation.Message, words) {
			t.Errorf("%q does not say %q", fact.Observation.Message, words)
		}
	}
	calls := m.zone.count("ensure db1")
	m.server.Want(wanted("db2", 1, agentapi.IntentActive))
	m.awaitState("db2", driver.StateRunning, 1)
	if m.zone.count("ensure db1") != calls {
		t.Error("it is retried in a hot loop")
	}
	m.Restart()
	m.server.Want(wanted("db3", 1, agentapi.IntentActive))
	m.awaitState("db3", driver.StateRunning, 1)
	if _, err := m.zone.Observe(t.Context(), "db1"); !errors.Is(err, driver.ErrNotFound) {
		t.Error("lost data was made anew after a restart")
	}
}

func TestAPanicOverOneInstanceLeavesTheOthersAlone(t *testing.T) {
	m := newMachine(t)
	m.zone.hook(func(_ context.Context, _, id string) error {
		if id == "bad" {
			panic("nil map")
		}
		return nil
	})
	m.Start()
	m.server.Want(wanted("bad", 1, agentapi.IntentActive), wanted("good", 1, agentapi.IntentActive))
	m.awaitState("good", driver.StateRunning, 1)
	m.server.AwaitFact("the failure is reported", func(f agentapi.Fact) bool {
		return f.InstanceID == "bad" && f.Observation.Message != "" && f.Observation.State == driver.StateCreating
	})
}

func TestRemovalIsRetriedUntilNothingIsLeft(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	failures := 5
	m.zone.hook(func(context.Context, string, string) error {
		if failures--; failures >= 0 {
			return errors.New("device busy")
		}
		return nil
	})
	m.server.Want(wanted("db1", 2, agentapi.IntentPurged))
	m.awaitState("db1", driver.StateGone, 2)
	if len(m.zone.ids()) != 0 {
		t.Error("something is left of it")
	}
}
