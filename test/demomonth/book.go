package main

import (
	"slices"
	"time"

	"souk/internal/agentapi"
	"souk/internal/driver"
)

// book is what the zone wrote down of one instance while it came to pass: what was
// accepted, what became true, and what was backed up. The month's costs are computed
// from it a second time, by other code than Souk's.
type book struct {
	commands []command
	facts    []fact
	kept     []keptBackup
}

// command is something that a user asked for.
type command struct {
	at         time.Time
	generation int64
	intent     agentapi.Intent
	plan       string
	storageGiB int64
}

// fact is what became true of the instance.
type fact struct {
	at         time.Time
	state      driver.State
	generation int64
	late       bool // it happened while the zone was cut off
}

// keptBackup is a backup that is kept from then on.
type keptBackup struct {
	at    time.Time
	bytes int64
	late  bool // taken while the zone was cut off
}

func (b *book) accepted(d agentapi.Desired) {
	b.commands = append(b.commands, command{d.AcceptedAt.UTC(), d.Generation, d.Intent, d.Plan.Name, d.StorageGiB})
}

func (b *book) observed(at time.Time, state driver.State, generation int64, late bool) {
	b.facts = append(b.facts, fact{at, state, generation, late})
}

func (b *book) backedUp(at time.Time, bytes int64, late bool) {
	b.kept = append(b.kept, keptBackup{at, bytes, late})
}

// inTime is the book without what nobody heard of in time.
func (b *book) inTime() book {
	return book{commands: b.commands,
		facts: slices.DeleteFunc(slices.Clone(b.facts), func(f fact) bool { return f.late }),
		kept:  slices.DeleteFunc(slices.Clone(b.kept), func(k keptBackup) bool { return k.late })}
}

// generation is the newest that was accepted.
func (b *book) generation() int64 {
	if n := len(b.commands); n > 0 {
		return b.commands[n-1].generation
	}
	return 0
}

// inForce is the newest generation that became true.
func (b *book) inForce() (newest int64) {
	for _, f := range b.facts {
		newest = max(newest, f.generation)
	}
	return newest
}

// moments are all at which anything changed.
func (b *book) moments() (all []time.Time) {
	for _, c := range b.commands {
		all = append(all, c.at)
	}
	for _, f := range b.facts {
		all = append(all, f.at)
	}
	for _, k := range b.kept {
		all = append(all, k.at)
	}
	return all
}

// state is what is true of an instance at one moment.
type state struct {
	plan        string
	storageGiB  int64
	computed    bool // compute is billed
	stored      bool // storage is billed
	backupBytes int64
}

// at goes through the book from its beginning, as one would by hand.
func (b *book) at(t time.Time) (s state) {
	intent, since := agentapi.Intent(""), int64(0)
	for _, c := range b.commands {
		if c.at.After(t) {
			break
		}
		if c.intent == agentapi.IntentActive && intent != agentapi.IntentActive {
			since = c.generation // what has to run again before it is billed
		}
		intent = c.intent
	}
	ran, again, inForce := false, false, int64(0)
	for _, f := range b.facts {
		if f.at.After(t) {
			break
		}
		if f.state == driver.StateRunning {
			ran = true
			again = again || f.generation >= since
		}
		inForce = max(inForce, f.generation)
	}
	for _, c := range b.commands {
		if c.generation == inForce {
			s.plan, s.storageGiB = c.plan, c.storageGiB
		}
	}
	s.computed = ran && again && intent == agentapi.IntentActive
	s.stored = ran && intent != agentapi.IntentPurged
	for _, k := range b.kept {
		if !k.at.After(t) {
			s.backupBytes += k.bytes
		}
	}
	return s
}
