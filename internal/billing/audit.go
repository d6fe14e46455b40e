package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/internal/billing/billingdb"
	"souk/internal/money"
	"souk/internal/store"
)

// Report is the outcome of an audit.
type Report struct {
	At                                   time.Time
	Instances, Commands, Facts, Segments int64
	BackupSteps, BackupSegments          int64
	Accounted                            money.Amount // seconds, of all instances' own chains together
	Differences                          []Difference
}

// Difference is one way in which what is stored is not what the raw commands
// and facts say.
type Difference struct {
	ID                     uuid.UUID
	Organization, Instance string
	Problem                string
}

// Audit goes through every instance, checks its raw commands and facts, and
// recomputes its chain from them, moment by moment and without the code that
// wrote it, to compare it with what is stored; and so the chain of its backups, from
// those that are on record. It writes nothing.
func Audit(ctx context.Context, tx store.Tx, now time.Time) (Report, error) {
	q := billingdb.New(tx)
	r := Report{At: now}
	var micros int64
	after := uuid.Nil
	for {
		page, err := q.AuditedInstances(ctx, after)
		if err != nil {
			return r, err
		}
		all, err := readRaw(ctx, q, page)
		if err != nil {
			return r, err
		}
		for _, i := range page {
			seen := all.audit(i, now)
			r.Instances++
			r.Commands += int64(len(seen.commands))
			r.Facts += int64(len(seen.facts))
			r.Segments += int64(len(seen.stored))
			r.BackupSteps += int64(len(seen.steps))
			r.BackupSegments += int64(len(seen.backups.stored))
			micros += seen.micros
			for _, p := range seen.problems {
				r.Differences = append(r.Differences, Difference{i.ID, i.Organization, i.Name, p})
			}
			after = i.ID
		}
		if len(page) == 0 {
			break
		}
	}
	r.Accounted = money.Prorate(money.MustParse("1"), micros, time.Second.Microseconds(), 6)
	orphans, err := q.Orphans(ctx)
	for _, id := range orphans {
		r.Differences = append(r.Differences, Difference{ID: id, Problem: "there are commands, facts or links of it, but no such instance"})
	}
	return r, err
}

// audited is what was seen of one instance.
type audited struct {
	instance billingdb.AuditedInstancesRow
	commands []billingdb.Command
	facts    []billingdb.RawFactsRow
	stored   []billingdb.Segment // as known now
	replaced []billingdb.Segment
	now      time.Time
	kept     []billingdb.BackupsOfRow
	steps    []billingdb.BackupStep
	backups  backupLinks
	micros   int64
	problems []string
}

// backupLinks are those of the chain of backups: as known now, and those before.
type backupLinks struct{ stored, replaced []billingdb.BackupSegment }

func (a *audited) wrong(format string, args ...any) {
	a.problems = append(a.problems, fmt.Sprintf(format, args...))
}

// raw is all that is stored of some instances, by instance.
type raw struct {
	commands map[uuid.UUID][]billingdb.Command
	facts    map[uuid.UUID][]billingdb.RawFactsRow
	segments map[uuid.UUID][]billingdb.Segment
	kept     map[uuid.UUID][]billingdb.BackupsOfRow
	steps    map[uuid.UUID][]billingdb.BackupStep
	backups  map[uuid.UUID][]billingdb.BackupSegment
}

// readRaw reads a page's worth at once: one by one, most of the time of an audit
// would be spent on the way to the database.
func readRaw(ctx context.Context, q *billingdb.Queries, page []billingdb.AuditedInstancesRow) (raw, error) {
	ids := make([]uuid.UUID, len(page))
	for i, row := range page {
		ids[i] = row.ID
	}
	commands, err := q.CommandsOf(ctx, ids)
	if err != nil {
		return raw{}, err
	}
	facts, err := q.RawFacts(ctx, ids)
	if err != nil {
		return raw{}, err
	}
	segments, err := q.AllSegments(ctx, ids)
	if err != nil {
		return raw{}, err
	}
	kept, err := q.BackupsOf(ctx, ids)
	if err != nil {
		return raw{}, err
	}
	steps, err := q.BackupStepsOf(ctx, ids)
	if err != nil {
		return raw{}, err
	}
	backups, err := q.AllBackupSegments(ctx, ids)
	return raw{
		grouped(commands, func(c billingdb.Command) uuid.UUID { return c.InstanceID }),
		grouped(facts, func(f billingdb.RawFactsRow) uuid.UUID { return f.InstanceID }),
		grouped(segments, func(s billingdb.Segment) uuid.UUID { return s.InstanceID }),
		grouped(kept, func(b billingdb.BackupsOfRow) uuid.UUID { return b.InstanceID }),
		grouped(steps, func(s billingdb.BackupStep) uuid.UUID { return s.InstanceID }),
		grouped(backups, func(s billingdb.BackupSegment) uuid.UUID { return s.InstanceID }),
	}, err
}

func grouped[T any](rows []T, by func(T) uuid.UUID) map[uuid.UUID][]T {
	out := map[uuid.UUID][]T{}
	for _, r := range rows {
		out[by(r)] = append(out[by(r)], r)
	}
	return out
}

// audit checks one instance.
func (r raw) audit(i billingdb.AuditedInstancesRow, now time.Time) *audited {
	a := &audited{instance: i, commands: r.commands[i.ID], facts: r.facts[i.ID], kept: r.kept[i.ID], steps: r.steps[i.ID], now: now}
	for _, s := range r.segments[i.ID] {
		if s.SupersededAt == nil {
			a.stored = append(a.stored, s)
		} else {
			a.replaced = append(a.replaced, s)
		}
	}
	for _, s := range r.backups[i.ID] {
		if s.SupersededAt == nil {
			a.backups.stored = append(a.backups.stored, s)
		} else {
			a.backups.replaced = append(a.backups.replaced, s)
		}
	}
	a.checkCommands()
	a.checkFacts()
	if len(a.problems) == 0 { // a chain of broken facts says nothing more
		a.checkChain()
		a.checkRecord()
		a.checkBackups()
	}
	return a
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
