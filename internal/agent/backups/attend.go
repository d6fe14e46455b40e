package backups

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"time"

	"souk/internal/agent/store"
	"souk/internal/agentapi"
	"souk/internal/backup"
	"souk/internal/driver"
	"souk/internal/step"
)

var stepBackupTaken = step.New("agent/backup-taken")

// The kinds of backups.
const (
	scheduled = "scheduled"
	requested = "requested"
)

// attempts are made of a backup that was asked for, before whoever asked is told
// that it failed. One that the plan wants is tried until there is a newer one.
const attempts = 4

// attend takes the next backup that an instance lacks, and reports what there is.
func (k *Keeper) attend(ctx context.Context, id string) next {
	work, err := k.opt.Store.Load(id)
	if err != nil || work.Desired.Backups == nil || work.Desired.Backup == nil || work.Desired.Intent != agentapi.IntentActive {
		if errors.Is(err, store.ErrNotCached) {
			k.forget(id)
		}
		return next{}
	}
	if work.Reported == nil || !work.Reported.Ran {
		return next{after: k.opt.Progress}
	}
	wanted, s := work.Desired, k.state(id)
	is, err := k.opt.Driver.Backups(ctx, wanted.BackupSource())
	if err != nil {
		return k.cannotLook(ctx, id, wanted.Backup.Place.OwnID(), s, err)
	}
	fact := agentapi.BackupFact{BackupReport: is, Bucket: wanted.Backup.Place.OwnID()}
	order, wait := k.due(wanted, is, s)
	if order == nil {
		return k.report(id, s, fact, next{after: wait})
	}
	fact.Attempts = []agentapi.BackupAttempt{{BackupOrder: *order}}
	if n := k.report(id, s, fact, next{}); n.failed {
		return n
	}
	return k.take(ctx, wanted, s, fact, *order)
}

// cannotLook reports that nothing is known of the backups at the moment.
func (k *Keeper) cannotLook(ctx context.Context, id, bucket string, s *state, err error) next {
	if ctx.Err() != nil {
		return next{}
	}
	k.opt.Logger.Warn("the backups of an instance cannot be looked at; it is tried again", "instance", id, "error", err)
	fact := s.reported
	fact.Message, fact.Attempts, fact.Bucket = inWords(err), nil, bucket
	if s.reported.Bucket != bucket {
		fact.BackupReport = driver.BackupReport{Message: fact.Message} // of another place nothing is known yet
	}
	k.report(id, s, fact, next{})
	return next{failed: true}
}

func inWords(err error) string {
	var blocked *driver.BlockedError
	if errors.As(err, &blocked) {
		return blocked.Message
	}
	return "Backups cannot be taken at the moment; it is tried again. The zone's operator finds the reason in the agent's log."
}

// due is the backup to take now, or for how long there is none.
func (k *Keeper) due(wanted agentapi.Desired, is driver.BackupReport, s *state) (*driver.BackupOrder, time.Duration) {
	real := k.opt.Now()
	now := real.Add(k.opt.Store.Offset()).UTC()
	has := func(id string) bool {
		return slices.ContainsFunc(is.Backups, func(b driver.Backup) bool { return b.ID == id })
	}
	for _, id := range wanted.Backups.Take {
		if !has(id) && s.failures[id] < attempts {
			return &driver.BackupOrder{ID: id, Kind: requested, At: now}, 0
		}
	}
	if wanted.Backups.Plan.Disabled {
		return nil, k.opt.Look
	}
	if len(is.Backups) == 0 {
		if wait := s.seen.Add(k.firstAfter(wanted.ID)).Sub(real); wait > 0 {
			return nil, wait
		}
		return &driver.BackupOrder{ID: backup.FirstID(wanted.ID, wanted.Backup.Place.OwnID()), Kind: scheduled, At: now}, 0
	}
	newest := is.Backups[len(is.Backups)-1].At
	if last := wanted.Backups.Plan.Last(wanted.ID, now); last.After(newest) {
		return &driver.BackupOrder{ID: backup.ID(wanted.ID, last), Kind: scheduled, At: now}, 0
	}
	wait := k.opt.Look
	if next := wanted.Backups.Plan.Next(wanted.ID, now); !next.IsZero() {
		wait = min(wait, next.Sub(now))
	}
	return nil, wait
}

// take takes one backup and looks again.
func (k *Keeper) take(ctx context.Context, wanted agentapi.Desired, s *state, fact agentapi.BackupFact, order driver.BackupOrder) next {
	log := k.opt.Logger.With("instance", wanted.ID, "name", wanted.Name, "backup", order.ID, "kind", order.Kind)
	log.Info("a backup is being taken")
	limited, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	err := k.opt.Driver.TakeBackup(limited, wanted.Instance, order)
	stepBackupTaken.Done()
	if ctx.Err() != nil {
		return next{} // the next agent begins it anew
	}
	if err == nil {
		log.Info("a backup was taken")
		delete(s.failures, order.ID)
		return next{after: time.Nanosecond}
	}
	s.failures[order.ID]++
	log.Error("a backup could not be taken and is tried again", "failures", s.failures[order.ID], "error", err)
	fact.Attempts = []agentapi.BackupAttempt{{BackupOrder: order, Problem: inWords(err), GivenUp: order.Kind == requested && s.failures[order.ID] >= attempts}}
	k.report(wanted.ID, s, fact, next{})
	return next{failed: true}
}

// report puts what is true into the outbox, if it says anything new.
func (k *Keeper) report(id string, s *state, fact agentapi.BackupFact, n next) next {
	now := k.opt.Now()
	if !s.at.IsZero() && now.Sub(s.at) < reportAgain && same(s.reported, fact) {
		return n
	}
	if err := k.opt.Store.ReportBackups(id, fact); err != nil {
		if !errors.Is(err, store.ErrClosed) {
			k.opt.Logger.Error("a report of backups cannot be written to disk and will be made again", "instance", id, "error", err)
		}
		return next{failed: true}
	}
	s.reported, s.at = fact, now
	return n
}

// same says that the second fact tells nobody anything that the first did not.
// While changes are put away it goes without saying that there are newer ones.
func same(a, b agentapi.BackupFact) bool {
	if a.Archiving && b.Archiving {
		a.ArchivedUntil, b.ArchivedUntil = time.Time{}, time.Time{}
	}
	a.Attempts, b.Attempts = timeless(a.Attempts), timeless(b.Attempts)
	return reflect.DeepEqual(a, b)
}

// timeless are attempts without when they were begun, which each is anew.
func timeless(all []agentapi.BackupAttempt) []agentapi.BackupAttempt {
	out := slices.Clone(all)
	for i := range out {
		out[i].At = time.Time{}
	}
	return out
}
