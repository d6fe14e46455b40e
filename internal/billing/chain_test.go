package billing

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"souk/internal/agentapi"
	"souk/internal/driver"
)

var t0 = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }

var small, large = Terms{Plan: uuid.UUID{1}, StorageGiB: 10}, Terms{Plan: uuid.UUID{2}, StorageGiB: 20}

func order(s int) Command {
	return Command{Generation: 1, ActiveGeneration: 1, Intent: agentapi.IntentActive, At: at(s), Terms: small}
}

// then returns the command that follows c.
func then(c Command, s int, intent agentapi.Intent, t Terms) Command {
	n := Command{Generation: c.Generation + 1, ActiveGeneration: c.ActiveGeneration, Intent: intent, At: at(s), Terms: t}
	if intent == agentapi.IntentActive && c.Intent != agentapi.IntentActive {
		n.ActiveGeneration = n.Generation
	}
	return n
}

func fact(s int, state driver.State, generation int64) Fact {
	return Fact{State: state, Generation: generation, At: at(s)}
}

// link is a Segment in short.
type link struct {
	from, to int // -1: open
	state    State
	compute  bool
	storage  bool
	plan     byte
}

func TestChain(t *testing.T) {
	o := order(0)
	update := then(o, 100, agentapi.IntentActive, large)
	suspend := then(o, 100, agentapi.IntentSuspended, small)
	resume := then(suspend, 200, agentapi.IntentActive, small)
	remove := then(o, 100, agentapi.IntentDeleted, small)
	purge := then(remove, 900, agentapi.IntentPurged, small)
	for _, c := range []struct {
		name     string
		commands []Command
		facts    []Fact
		want     []link
	}{
		{"ordered", []Command{o}, nil, []link{{0, -1, StateProvisioning, false, false, 1}}},
		{"ready", []Command{o}, []Fact{fact(1, driver.StateCreating, 0), fact(5, driver.StateRunning, 1)},
			[]link{{0, 5, StateProvisioning, false, false, 1}, {5, -1, StateActive, true, true, 1}}},
		{"degraded is billed", []Command{o}, []Fact{fact(5, driver.StateRunning, 1), fact(9, driver.StateDegraded, 1)},
			[]link{{0, 5, StateProvisioning, false, false, 1}, {5, -1, StateActive, true, true, 1}}},
		{"failed before it held data is free", []Command{o}, []Fact{fact(5, driver.StateFailed, 0)},
			[]link{{0, 5, StateProvisioning, false, false, 1}, {5, -1, StateFailed, false, false, 1}}},
		{"failed with data bills storage", []Command{o}, []Fact{fact(5, driver.StateRunning, 1), fact(9, driver.StateFailed, 1), fact(12, driver.StateRunning, 1)},
			[]link{{0, 5, StateProvisioning, false, false, 1}, {5, 9, StateActive, true, true, 1}, {9, 12, StateFailed, false, true, 1}, {12, -1, StateActive, true, true, 1}}},
		{"old plan until applied", []Command{o, update}, []Fact{fact(5, driver.StateRunning, 1), fact(110, driver.StateRunning, 2)},
			[]link{{0, 5, StateProvisioning, false, false, 1}, {5, 110, StateActive, true, true, 1}, {110, -1, StateActive, true, true, 2}}},
		{"suspended from acceptance, though the zone is away", []Command{o, suspend}, []Fact{fact(5, driver.StateRunning, 1)},
			[]link{{0, 5, StateProvisioning, false, false, 1}, {5, 100, StateActive, true, true, 1}, {100, -1, StateSuspended, false, true, 1}}},
		{"resumed: billed from the next ready", []Command{o, suspend, resume}, []Fact{fact(5, driver.StateRunning, 1), fact(101, driver.StateStopped, 2), fact(204, driver.StateRunning, 3)},
			[]link{{0, 5, StateProvisioning, false, false, 1}, {5, 100, StateActive, true, true, 1}, {100, 200, StateSuspended, false, true, 1}, {200, 204, StateResuming, false, true, 1}, {204, -1, StateActive, true, true, 1}}},
		{"a stale report of running does not end resuming", []Command{o, suspend, resume}, []Fact{fact(5, driver.StateRunning, 1), fact(201, driver.StateRunning, 1)},
			[]link{{0, 5, StateProvisioning, false, false, 1}, {5, 100, StateActive, true, true, 1}, {100, 200, StateSuspended, false, true, 1}, {200, -1, StateResuming, false, true, 1}}},
		{"deleted and purged", []Command{o, remove, purge}, []Fact{fact(5, driver.StateRunning, 1), fact(102, driver.StateStopped, 2), fact(903, driver.StateGone, 3)},
			[]link{{0, 5, StateProvisioning, false, false, 1}, {5, 100, StateActive, true, true, 1}, {100, 900, StateDeleted, false, true, 1}, {900, 903, StatePurging, false, false, 1}}},
		{"gone without a purge ends nothing", []Command{o}, []Fact{fact(5, driver.StateRunning, 1), fact(9, driver.StateGone, 1)},
			[]link{{0, 5, StateProvisioning, false, false, 1}, {5, -1, StateActive, true, true, 1}}},
		{"gone of an older generation does not end a purge", []Command{o, remove, purge}, []Fact{fact(5, driver.StateRunning, 1), fact(900, driver.StateGone, 2)},
			[]link{{0, 5, StateProvisioning, false, false, 1}, {5, 100, StateActive, true, true, 1}, {100, 900, StateDeleted, false, true, 1}, {900, -1, StatePurging, false, false, 1}}},
		{"what is said at the moment of the end changes nothing", []Command{o, remove, purge}, []Fact{fact(5, driver.StateRunning, 1), fact(903, driver.StateGone, 3), fact(903, driver.StateRunning, 3)},
			[]link{{0, 5, StateProvisioning, false, false, 1}, {5, 100, StateActive, true, true, 1}, {100, 900, StateDeleted, false, true, 1}, {900, 903, StatePurging, false, false, 1}}},
		{"a late fact changes the past", []Command{o, suspend}, []Fact{fact(5, driver.StateRunning, 1), fact(50, driver.StateFailed, 1)},
			[]link{{0, 5, StateProvisioning, false, false, 1}, {5, 50, StateActive, true, true, 1}, {50, 100, StateFailed, false, true, 1}, {100, -1, StateSuspended, false, true, 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Chain(c.commands, c.facts)
			if len(got) != len(c.want) {
				t.Fatalf("%d links, want %d: %+v", len(got), len(c.want), got)
			}
			for i, s := range got {
				l := link{int(s.From.Sub(t0).Seconds()), -1, s.State, s.ComputeBilled, s.StorageBilled, s.Terms.Plan[0]}
				if !s.To.IsZero() {
					l.to = int(s.To.Sub(t0).Seconds())
				}
				if l != c.want[i] {
					t.Errorf("link %d is %+v, want %+v", i, l, c.want[i])
				}
			}
		})
	}
}

// A random life, accounted for second by second by an obvious reference, gives
// the same as the chain, which has no gap, no overlap and no empty link.
func TestChainAgainstSeconds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		commands, facts := randomLife(t)
		chain := Chain(commands, facts)
		for i, s := range chain {
			if i > 0 && !chain[i-1].To.Equal(s.From) {
				t.Fatalf("gap or overlap before link %d: %+v", i, chain)
			}
			if !s.To.IsZero() && !s.To.After(s.From) {
				t.Fatalf("link %d is empty: %+v", i, s)
			}
			if s.To.IsZero() != (i == len(chain)-1) && s.To.IsZero() {
				t.Fatalf("link %d is open but not the last", i)
			}
		}
		for sec := 0; sec < 400; sec++ {
			want, alive := reference(commands, facts, at(sec))
			got, found := covering(chain, at(sec))
			if alive != found {
				t.Fatalf("second %d: accounted for %v, alive %v", sec, found, alive)
			}
			if alive && (got.ComputeBilled != want.ComputeBilled || got.StorageBilled != want.StorageBilled || got.Terms != want.Terms || got.State != want.State) {
				t.Fatalf("second %d: chain says %+v, reference %+v\n%+v\n%+v", sec, got, want, commands, facts)
			}
		}
	})
}

func covering(chain []Segment, t time.Time) (Segment, bool) {
	for _, s := range chain {
		if !t.Before(s.From) && (s.To.IsZero() || t.Before(s.To)) {
			return s, true
		}
	}
	return Segment{}, false
}

// randomLife draws commands that the control plane would accept and facts that
// it would let in, late ones too.
func randomLife(t *rapid.T) ([]Command, []Fact) {
	commands := []Command{order(0)}
	s := 0
	for range rapid.IntRange(0, 6).Draw(t, "commands") {
		s += rapid.IntRange(0, 40).Draw(t, "pause")
		last := commands[len(commands)-1]
		next := map[agentapi.Intent][]agentapi.Intent{
			agentapi.IntentActive:    {agentapi.IntentActive, agentapi.IntentSuspended, agentapi.IntentDeleted},
			agentapi.IntentSuspended: {agentapi.IntentSuspended, agentapi.IntentActive, agentapi.IntentDeleted},
			agentapi.IntentDeleted:   {agentapi.IntentActive, agentapi.IntentPurged},
		}[last.Intent]
		if len(next) == 0 {
			break
		}
		terms := rapid.SampledFrom([]Terms{small, large}).Draw(t, "terms")
		commands = append(commands, then(last, s, rapid.SampledFrom(next).Draw(t, "intent"), terms))
	}
	var facts []Fact
	f, generation := 0, int64(0)
	for range rapid.IntRange(0, 10).Draw(t, "facts") {
		f += rapid.IntRange(0, 40).Draw(t, "lag")
		known := int64(0)
		for _, c := range commands {
			if !c.At.After(at(f)) {
				known = c.Generation
			}
		}
		generation = rapid.Int64Range(generation, known).Draw(t, "generation")
		state := rapid.SampledFrom([]driver.State{driver.StateCreating, driver.StateRunning, driver.StateDegraded, driver.StateStopped, driver.StateFailed, driver.StateGone}).Draw(t, "state")
		facts = append(facts, fact(f, state, generation))
	}
	return commands, facts
}

// reference answers for one moment by looking at everything before it.
func reference(commands []Command, facts []Fact, t time.Time) (Segment, bool) {
	var known []Command
	for _, c := range commands {
		if !c.At.After(t) {
			known = append(known, c)
		}
	}
	wanted := known[len(known)-1]
	held, readyAgain, failed, inForce := false, false, false, int64(0)
	for _, f := range facts {
		if f.At.After(t) {
			continue
		}
		wantedThen := commands[0]
		for _, c := range commands {
			if !c.At.After(f.At) {
				wantedThen = c
			}
		}
		if f.State == driver.StateGone && wantedThen.Intent == agentapi.IntentPurged && f.Generation >= wantedThen.Generation {
			return Segment{}, false
		}
		held = held || f.State == driver.StateRunning
		readyAgain = readyAgain || f.State == driver.StateRunning && f.Generation >= wanted.ActiveGeneration
		failed = f.State == driver.StateFailed
		inForce = max(inForce, f.Generation)
	}
	s := Segment{Terms: wanted.Terms}
	for _, c := range known {
		if held && c.Generation == inForce {
			s.Terms = c.Terms
		}
	}
	active := wanted.Intent == agentapi.IntentActive
	s.ComputeBilled = active && held && readyAgain && !failed
	s.StorageBilled = held && wanted.Intent != agentapi.IntentPurged
	switch {
	case wanted.Intent == agentapi.IntentPurged:
		s.State = StatePurging
	case wanted.Intent == agentapi.IntentDeleted:
		s.State = StateDeleted
	case wanted.Intent == agentapi.IntentSuspended:
		s.State = StateSuspended
	case failed:
		s.State = StateFailed
	case !held:
		s.State = StateProvisioning
	case !readyAgain:
		s.State = StateResuming
	default:
		s.State = StateActive
	}
	return s, true
}
