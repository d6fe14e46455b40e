package agent_test

import (
	"testing"
	"time"

	"souk/internal/agentapi"
	"souk/internal/driver"
)

func TestFactsCarrySouksTimeAndTheMachines(t *testing.T) {
	const ahead = 8 * 24 * time.Hour
	m := newMachine(t).Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)

	m.server.AdvanceClock(ahead)
	m.server.Want(wanted("db1", 2, agentapi.IntentActive))
	fact := m.awaitState("db1", driver.StateRunning, 2)
	if got := fact.EffectiveAt.Sub(fact.RealAt); got != ahead {
		t.Errorf("effective %v after the machine's time, want %v", got, ahead)
	}

	// An offset never becomes smaller, and is kept.
	m.server.AdvanceClock(time.Hour)
	m.server.Want(wanted("db1", 3, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 3)
	m.Restart()
	m.server.Want(wanted("db1", 4, agentapi.IntentActive))
	fact = m.awaitState("db1", driver.StateRunning, 4)
	if got := fact.EffectiveAt.Sub(fact.RealAt); got != ahead {
		t.Errorf("effective %v after the machine's time, want still %v", got, ahead)
	}
	if fact.EffectiveAt.Location() != time.UTC || fact.EffectiveAt.Nanosecond()%1000 != 0 {
		t.Errorf("%v is not in UTC, in whole microseconds", fact.EffectiveAt)
	}
}

func TestFactsOfAnInstanceNeverGoBackInTime(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	first := m.awaitState("db1", driver.StateRunning, 1)

	m.clock.Move(-time.Hour)
	m.server.Want(wanted("db1", 2, agentapi.IntentActive))
	second := m.awaitState("db1", driver.StateRunning, 2)
	if second.EffectiveAt.Before(first.EffectiveAt) {
		t.Errorf("effective at %v, before %v", second.EffectiveAt, first.EffectiveAt)
	}
	if !second.RealAt.Before(first.RealAt) {
		t.Errorf("the machine's own time was changed too: %v", second.RealAt)
	}
}

func TestNoFactIsEarlierThanTheCommandThatLedToIt(t *testing.T) {
	m := newMachine(t).Start()
	order := wanted("db1", 1, agentapi.IntentActive)
	order.AcceptedAt = time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond) // the machine's clock is slow
	m.server.Want(order)
	if fact := m.awaitState("db1", driver.StateRunning, 1); fact.EffectiveAt.Before(order.AcceptedAt) {
		t.Errorf("effective at %v, before the command of %v", fact.EffectiveAt, order.AcceptedAt)
	}
}
