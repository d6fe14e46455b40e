package agent_test

import (
	"fmt"
	"slices"
	"testing"

	"souk/internal/agentapi"
	"souk/internal/driver"
)

// Repeats, gaps and changed repeats fail the test inside agenttest.
func TestOrdersInFlightWhileTheControlPlaneIsAwayAreReportedCompletely(t *testing.T) {
	const instances = 40
	m := newMachine(t)
	m.Start()
	m.server.Want(wanted("first", 1, agentapi.IntentActive))
	m.awaitState("first", driver.StateRunning, 1)

	release := m.server.Hold(agentapi.PathFacts) // facts go nowhere from here on
	for i := range instances {
		m.server.Want(wanted(fmt.Sprintf("db%d", i), 1, agentapi.IntentActive))
	}
	eventually(t, "all orders are carried out", func() bool { return len(m.zone.ids()) == instances+1 })
	m.server.GoAway()
	release()
	m.Restart() // the outbox outlives the process
	m.server.ComeBack()

	for i := range instances {
		id := fmt.Sprintf("db%d", i)
		m.awaitState(id, driver.StateRunning, 1)
		if got := m.states(id); !slices.Equal(got, []driver.State{driver.StateCreating, driver.StateRunning}) {
			t.Errorf("%s: reported %v", id, got)
		}
	}
}

func TestFactsWhoseReceiptIsLostAreSentAgainUnchanged(t *testing.T) {
	m := newMachine(t)
	m.server.LoseAnswers(agentapi.PathFacts, 2)
	m.Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	m.Restart()
	m.server.Want(wanted("db1", 2, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 2)
}

func TestAnUnchangedInstanceIsNotReportedAgain(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	for range 3 {
		before := m.zone.count("ensure db1")
		m.zone.events <- "db1"
		eventually(t, "it is looked at", func() bool { return m.zone.count("ensure db1") > before })
	}
	m.Restart()
	m.server.Want(wanted("db2", 1, agentapi.IntentActive))
	m.awaitState("db2", driver.StateRunning, 1)
	if got := m.states("db1"); len(got) != 2 {
		t.Errorf("reported %v, want creating and running", got)
	}
}

func TestADataFolderOlderThanItsReportsIsRefused(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	m.Stop()
	m.server.ExpectOldFolder()
	m.removeCache() // as after a restore of the folder from before

	m.Start()
	err := m.Ended()
	mustSay(t, err, "older copy", "souk zone enrol")
	m.Start()
	mustSay(t, m.Ended(), "older copy") // remembered

	m.newToken()
	m.Start()
	m.server.Want(wanted("db1", 2, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 2)
}
