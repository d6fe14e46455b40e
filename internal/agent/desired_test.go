package agent_test

import (
	"context"
	"net/http"
	"testing"

	"souk/internal/agentapi"
	"souk/internal/driver"
)

// say makes one line of the desired stream of a Desired.
func say(wanted agentapi.Desired) agentapi.DesiredEvent {
	return agentapi.DesiredEvent{Instance: &wanted}
}

func TestLateRepeatedAndReorderedOrdersChangeNothing(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Want(wanted("db1", 3, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 3)

	m.server.Say(
		say(wanted("db1", 2, agentapi.IntentDeleted)), // late
		say(wanted("db1", 3, agentapi.IntentActive)),  // repeated
		say(wanted("db1", 1, agentapi.IntentPurged)),  // later still
		say(wanted("db1", 3, agentapi.IntentActive)),
	)
	m.server.Want(wanted("db2", 1, agentapi.IntentActive)) // comes after them
	m.awaitState("db2", driver.StateRunning, 1)

	if n := m.zone.count("stop db1") + m.zone.count("remove db1"); n != 0 {
		t.Errorf("a late order was carried out")
	}
	if n := m.zone.count("ensure db1"); n != 1 {
		t.Errorf("db1 was worked on %d times, want once", n)
	}
	if got := m.states("db1"); len(got) != 2 {
		t.Errorf("reported %v, want creating and running", got)
	}
}

func TestNoLateOrderBringsARemovedInstanceBack(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Want(wanted("db1", 5, agentapi.IntentPurged))
	m.awaitState("db1", driver.StateGone, 5)

	m.server.Say(say(wanted("db1", 4, agentapi.IntentActive)), say(wanted("db1", 5, agentapi.IntentPurged)))
	m.server.Want(wanted("db2", 1, agentapi.IntentActive))
	m.awaitState("db2", driver.StateRunning, 1)
	m.Restart()
	m.server.Say(say(wanted("db1", 4, agentapi.IntentActive)))
	m.server.Want(wanted("db3", 1, agentapi.IntentActive))
	m.awaitState("db3", driver.StateRunning, 1)

	if n := m.zone.count("ensure db1"); n != 0 {
		t.Error("a removed instance was made again")
	}
	if got := m.states("db1"); len(got) != 1 {
		t.Errorf("reported %v, want that it is gone, once", got)
	}
}

func TestAListThatStillWantsAnInstancePurgedIsAnsweredAgain(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentPurged))
	m.awaitState("db1", driver.StateGone, 1)

	m.server.Compact() // the list has db1 in it: this control plane never forgets
	m.server.Await("db1 is reported gone again", func() bool { return len(m.states("db1")) == 2 })
}

func TestATokenTooOldMeansTheWholeListAndDeletesNothing(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive), wanted("db2", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	m.awaitState("db2", driver.StateRunning, 1)
	lists := m.server.Lists()

	m.server.Compact()
	m.server.Forget("db2") // absent from the list, which says nothing
	m.server.Want(wanted("db1", 2, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 2)

	if m.server.Lists() != lists+1 {
		t.Errorf("listed %d times, want once more than %d", m.server.Lists(), lists)
	}
	if n := m.zone.count("stop db2") + m.zone.count("remove db2"); n != 0 {
		t.Error("an instance was touched because it was absent from a list")
	}
}

func TestARestartContinuesFromDiskWithTheControlPlaneAway(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	m.Stop()
	m.server.GoAway()

	before := m.zone.count("ensure db1")
	m.Start()
	eventually(t, "the instance is looked after", func() bool { return m.zone.count("ensure db1") > before })
	m.Stop()

	lists := m.server.Lists()
	m.server.ComeBack()
	m.Start()
	m.server.Want(wanted("db1", 2, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 2)
	if m.server.Lists() != lists {
		t.Error("the whole list was asked for although the agent had a token")
	}
}

func TestBrokenConnectionsAndFailingServersAreRetried(t *testing.T) {
	for name, fault := range map[string]func(m *machine){
		"connections drop":          func(m *machine) { m.server.DropConnections() },
		"hello answers 503":         func(m *machine) { m.server.Answer(agentapi.PathHello, 3, http.StatusServiceUnavailable, "") },
		"desired answers 500":       func(m *machine) { m.server.Answer(agentapi.PathDesired, 3, http.StatusInternalServerError, "") },
		"facts answer 502":          func(m *machine) { m.server.Answer(agentapi.PathFacts, 3, http.StatusBadGateway, "") },
		"stream answers 500":        func(m *machine) { m.server.Answer(agentapi.PathStream, 3, http.StatusInternalServerError, "") },
		"enrolment answers 500":     func(m *machine) { m.server.Answer(agentapi.PathEnrol, 3, http.StatusInternalServerError, "") },
		"answers to hello are lost": func(m *machine) { m.server.LoseAnswers(agentapi.PathHello, 3) },
		"enrolments are lost":       func(m *machine) { m.server.LoseAnswers(agentapi.PathEnrol, 3) },
		"receipts are lost":         func(m *machine) { m.server.LoseAnswers(agentapi.PathFacts, 3) },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			fault(m)
			m.Start()
			m.server.Want(wanted("db1", 1, agentapi.IntentActive))
			m.awaitState("db1", driver.StateRunning, 1)
			fault(m)
			m.server.DropConnections()
			m.server.Want(wanted("db1", 2, agentapi.IntentActive))
			m.awaitState("db1", driver.StateRunning, 2)
			m.server.Await("there is a stream of requests", func() bool { return m.server.Streams() > 0 })
		})
	}
}

func TestAPeerWithoutHeartbeatsIsGivenUp(t *testing.T) {
	m := newMachine(t)
	m.config.Timeouts.Silence = ms(300)
	m.Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)

	m.server.GoQuiet(true)
	m.server.Want(wanted("db1", 2, agentapi.IntentActive)) // is swallowed by the quiet stream
	eventually(t, "the agent notices", func() bool { return m.logged("no heartbeat came") })
	m.server.GoQuiet(false)
	m.awaitState("db1", driver.StateRunning, 2)
}

func TestANewerIntentEndsWhatIsBeingDoneForTheOlder(t *testing.T) {
	m := newMachine(t)
	began := make(chan struct{}, 1)
	m.zone.hook(func(ctx context.Context, call, _ string) error {
		if call != "ensure" {
			return nil
		}
		began <- struct{}{}
		<-ctx.Done() // hangs
		return ctx.Err()
	})
	m.Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	<-began
	m.server.Want(wanted("db1", 2, agentapi.IntentDeleted))
	m.awaitState("db1", driver.StateStopped, 2)
}
