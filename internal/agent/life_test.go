package agent_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"souk/internal/agent"
	"souk/internal/agentapi"
	"souk/internal/driver"
)

func TestWholeLifeOfAnInstance(t *testing.T) {
	m := newMachine(t).Start()
	steps := []struct {
		intent agentapi.Intent
		state  driver.State
	}{
		{agentapi.IntentActive, driver.StateRunning},
		{agentapi.IntentSuspended, driver.StateStopped},
		{agentapi.IntentActive, driver.StateRunning},
		{agentapi.IntentDeleted, driver.StateStopped},
		{agentapi.IntentPurged, driver.StateGone},
	}
	for i, step := range steps {
		generation := int64(i + 1)
		m.server.Want(wanted("db1", generation, step.intent))
		m.awaitState("db1", step.state, generation)
	}
	want := []driver.State{
		driver.StateCreating, driver.StateRunning, driver.StateStopped, driver.StateRunning, driver.StateStopped, driver.StateGone,
	}
	if got := m.states("db1"); !slices.Equal(got, want) {
		t.Errorf("reported %v, want %v", got, want)
	}
	if len(m.zone.instances) != 0 {
		t.Errorf("the zone still holds %v", m.zone.instances)
	}
	if hellos := m.server.Hellos(); len(hellos) != 1 || hellos[0].Protocol != agentapi.ProtocolVersion || hellos[0].BootID == "" {
		t.Errorf("hello: %+v", hellos)
	}
}

func TestStoppingLetsWorkUnderWayFinishAndLeavesInstances(t *testing.T) {
	m := newMachine(t)
	m.config.Timeouts.Shutdown = agent.Duration(20 * time.Second)
	began, finish := make(chan struct{}), make(chan struct{})
	m.zone.hook(func(ctx context.Context, call, _ string) error {
		close(began)
		select {
		case <-finish:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	m.Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	<-began
	m.stop()
	close(finish)
	m.Stop()
	m.zone.hook(func(context.Context, string, string) error { return nil })
	if len(m.zone.ids()) != 1 || m.zone.count("stop db1") != 0 {
		t.Error("the instance was not left as it was")
	}
	m.Start()
	m.awaitState("db1", driver.StateRunning, 1)
}

func TestStoppingEndsWorkThatDoesNotFinish(t *testing.T) {
	m := newMachine(t)
	m.config.Timeouts.Shutdown = ms(50)
	began := make(chan struct{})
	m.zone.hook(func(ctx context.Context, _, _ string) error {
		close(began)
		<-ctx.Done()
		return ctx.Err()
	})
	m.Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	<-began
	m.Stop()
	m.zone.hook(func(context.Context, string, string) error { return nil })
	m.Start()
	m.awaitState("db1", driver.StateRunning, 1)
	if got := m.states("db1"); len(got) != 2 {
		t.Errorf("reported %v, want creating and running", got)
	}
}

func TestWhatTheControlPlaneDoesNotKnowIsNamedAndLeftAlone(t *testing.T) {
	m := newMachine(t)
	m.zone.set("stray", driver.StateRunning)
	m.Start()
	eventually(t, "the log names it", func() bool { return m.logged("instance=stray") })
	m.zone.events <- "stray"
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	if !slices.Contains(m.zone.ids(), "stray") || len(m.states("stray")) != 0 {
		t.Error("it was touched, or reported")
	}
}

func TestHelloIsSaidAgainWhenTheZoneCanDoSomethingElse(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Await("hello is said", func() bool { return len(m.server.Hellos()) == 1 })
	m.zone.setInfo(driver.Info{Driver: "fake", Engines: []driver.EngineVersion{{Service: "postgresql", Version: "15.18"}}})
	m.server.Await("it is said again", func() bool { return len(m.server.Hellos()) == 2 })
	if got := m.server.Hellos()[1]; len(got.Info.Engines) != 1 || got.BootID != m.server.Hellos()[0].BootID {
		t.Errorf("said %+v", got)
	}
}

func TestEveryInstanceIsLookedAtAgainInTime(t *testing.T) {
	m := newMachine(t)
	m.config.Timeouts.Resync = ms(200)
	m.Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	m.zone.lose("db1") // and no event says so
	m.awaitState("db1", driver.StateFailed, 1)
}

func TestAnAilingInstanceIsLookedAtUntilItIsWell(t *testing.T) {
	m := newMachine(t)
	m.config.Timeouts.Resync = ms(3_600_000)
	m.zone.ails = 4 // as an engine that takes long to recover, of which no event tells
	m.Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	if got := m.states("db1"); !slices.Equal(got, []driver.State{driver.StateCreating, driver.StateDegraded, driver.StateRunning}) {
		t.Errorf("reported %v", got)
	}
}
