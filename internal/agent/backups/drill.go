package backups

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"souk/internal/agent/store"
	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/pause"
	"souk/internal/step"
)

var (
	stepDrillRestored = step.New("agent/drill-restored")
	stepDrillExamined = step.New("agent/drill-examined")
	stepDrillRemoved  = step.New("agent/drill-removed")
)

// drillTries counts the attempts at the drills that are wanted.
type drillTries struct {
	mu       sync.Mutex
	failures map[string]int
	ended    map[string]bool // reported; the control plane may still ask until it has heard
}

func (d *drillTries) isOver(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ended[id]
}

func (d *drillTries) end(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended == nil {
		d.ended = map[string]bool{}
	}
	d.ended[id] = true
	delete(d.failures, id)
}

func (d *drillTries) fail(id string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failures == nil {
		d.failures = map[string]int{}
	}
	d.failures[id]++
	return d.failures[id]
}

// drill makes the restore drill that is wanted of an instance, from the start: one
// that was cut short has measured nothing. What it made is gone when it returns,
// but for a moment in which the process is killed; then the next one removes it.
func (k *Keeper) drill(ctx context.Context, id string) next {
	if err := k.throwAway(ctx); err != nil {
		if ctx.Err() == nil {
			k.opt.Logger.Error("what a restore drill made cannot be removed yet; it is tried again", "error", err)
		}
		return next{failed: true}
	}
	work, err := k.opt.Store.Load(id)
	if err != nil || work.Desired.Backups == nil || work.Desired.Backup == nil || work.Desired.Backups.Drill == nil || work.Desired.Intent != agentapi.IntentActive {
		if err != nil && !errors.Is(err, store.ErrNotCached) {
			k.opt.Logger.Error("what is wanted of an instance cannot be read", "instance", id, "error", err)
		}
		return next{}
	}
	order := *work.Desired.Backups.Drill
	prover, ok := k.opt.Driver.(driver.Prover)
	if !ok || k.tries.isOver(order.ID) {
		return next{}
	}
	fact := agentapi.DrillFact{DrillOrder: order, StartedAt: k.soukNow()}
	if err := k.opt.Store.ReportDrill(id, fact); err != nil {
		return next{failed: true}
	}
	log := k.opt.Logger.With("instance", id, "name", work.Desired.Name, "drill", order.ID, "backup", order.BackupID)
	log.Info("a restore drill begins")
	limited, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	fact.Measured, err = k.prove(limited, prover, work.Desired, order)
	if removed := k.throwAway(ctx); removed != nil && err == nil {
		err = removed
	}
	if ctx.Err() != nil {
		return next{} // the next agent begins it anew
	}
	if err != nil {
		log.Warn("a restore drill did not pass", "error", err)
		if !final(err) && k.tries.fail(order.ID) < attempts {
			return next{failed: true}
		}
		fact.Problem = drillInWords(err)
	}
	fact.FinishedAt = k.soukNow()
	if err := k.opt.Store.ReportDrill(id, fact); err != nil {
		return next{failed: true}
	}
	k.tries.end(order.ID)
	log.Info("a restore drill is over", "passed", fact.Problem == "")
	return next{}
}

func (k *Keeper) soukNow() time.Time { return k.opt.Now().Add(k.opt.Store.Offset()).UTC() }

// throwAway removes whatever drills have made.
func (k *Keeper) throwAway(ctx context.Context) error {
	ids, err := k.opt.Store.ThrowAways()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := k.opt.Runner.Remove(ctx, id); err != nil {
			return err
		}
		stepDrillRemoved.Done()
		if err := k.opt.Store.ForgetThrowAway(id); err != nil {
			return err
		}
	}
	return nil
}

// differs is what a drill finds wrong with what was restored.
type differs struct{ message string }

func (d *differs) Error() string { return d.message }

// final says that trying again cannot change what a drill found.
func final(err error) bool {
	var found *differs
	var blocked *driver.BlockedError
	return errors.As(err, &found) || errors.As(err, &blocked) && blocked.Permanent
}

func drillInWords(err error) string {
	var found *differs
	var blocked *driver.BlockedError
	switch {
	case errors.As(err, &found):
		return found.message
	case errors.As(err, &blocked):
		return blocked.Message
	}
	return "The backup could not be restored. The zone's operator finds the reason in the agent's log."
}

// prove restores the backup and compares. What was measured is returned with an
// error too, as far as it went.
func (k *Keeper) prove(ctx context.Context, prover driver.Prover, wanted agentapi.Desired, order agentapi.DrillOrder) (*agentapi.DrillMeasured, error) {
	began, err := k.lead(ctx, prover, wanted, order)
	if err != nil {
		return nil, err
	}
	copied, err := throwAwayOf(wanted, order)
	if err != nil {
		return nil, err
	}
	if began.pointInTime {
		copied.Restore.Time = k.opt.Now().UTC()
	}
	if err := k.opt.Store.NoteThrowAway(copied.ID, wanted.ID); err != nil {
		return nil, err
	}
	from := time.Now()
	if err := k.restore(ctx, copied); err != nil {
		return nil, err
	}
	is := &agentapi.DrillMeasured{RestoreMillis: time.Since(from).Milliseconds(), PointInTime: began.pointInTime, Newest: began.newest.At}
	stepDrillRestored.Done()
	was, err := prover.Canaries(ctx, wanted.Instance)
	if err != nil {
		return is, err
	}
	got, err := prover.Canaries(ctx, copied)
	if err != nil {
		return is, err
	}
	problem := compare(is, was, got, began.kept)
	if is.Examination, err = prover.Examine(ctx, copied); err != nil {
		return is, err
	}
	stepDrillExamined.Done()
	for _, c := range is.Checks {
		if !c.Passed && problem == "" {
			problem = "The restored data does not hold what its engine checks. " + c.Detail
		}
	}
	if problem != "" {
		return is, &differs{problem}
	}
	return is, nil
}

// beginning is what there was when a restore drill began.
type beginning struct {
	newest      driver.Canary
	pointInTime bool
	// kept is until when everything was put away, in real time: what came after would
	// have been lost with the instance, though it may be put away while the copy is
	// being restored. Zero where there are no points in time.
	kept time.Time
}

// lead writes canaries until the first of them has been put away, so that it can be
// told how much would be lost; where there are no points in time it writes one.
func (k *Keeper) lead(ctx context.Context, prover driver.Prover, wanted agentapi.Desired, order agentapi.DrillOrder) (at beginning, err error) {
	first, err := prover.PutCanary(ctx, wanted.Instance)
	if err != nil {
		return at, err
	}
	at.newest = first
	for until := time.Now().Add(k.opt.Lead); ; {
		is, err := k.opt.Driver.Backups(ctx, wanted.BackupSource())
		if err != nil {
			return at, err
		}
		at.pointInTime, at.kept = !is.ArchivedUntil.IsZero(), keptBy(is, order.BackupID)
		if !at.pointInTime || is.ArchivedUntil.After(first.At) || !time.Now().Before(until) {
			return at, nil
		}
		if err := pause.For(ctx, k.opt.Canary); err != nil {
			return at, err
		}
		if at.newest, err = prover.PutCanary(ctx, wanted.Instance); err != nil {
			return at, err
		}
	}
}

// keptBy is until when everything is put away by a backup and the changes after it;
// zero where changes are not put away.
func keptBy(is driver.BackupReport, backupID string) time.Time {
	until := is.ArchivedUntil
	for _, b := range is.Backups {
		if b.ID == backupID && !until.IsZero() && b.FinishedAt.After(until) {
			until = b.FinishedAt
		}
	}
	return until
}

// throwAwayOf is the instance that a drill makes: as large as the one that was backed
// up, but one server alone, and without anybody who may enter.
func throwAwayOf(wanted agentapi.Desired, order agentapi.DrillOrder) (driver.Instance, error) {
	if order.ID == "" || order.ID == wanted.ID {
		return driver.Instance{}, fmt.Errorf("a drill cannot have the ID %q", order.ID)
	}
	copied := wanted.Instance
	copied.ID, copied.Generation, copied.HeldData = order.ID, 1, false
	copied.ServiceLevel = "best-effort"
	copied.AllowedNetworks, copied.Credentials, copied.Backup = nil, nil, nil
	copied.Rewind, copied.Restore = nil, &driver.Restore{From: wanted.BackupSource(), BackupID: order.BackupID, Lost: true}
	return copied, nil
}

// restore has the throw-away instance made, until it answers.
func (k *Keeper) restore(ctx context.Context, copied driver.Instance) error {
	for {
		seen, err := k.opt.Runner.Ensure(ctx, copied)
		if err != nil || seen.State == driver.StateRunning {
			return err
		}
		if seen.State == driver.StateFailed {
			return &driver.BlockedError{Message: seen.Message, BlockedBy: seen.BlockedBy, Permanent: true}
		}
		if err := pause.For(ctx, k.opt.Progress); err != nil {
			return err
		}
	}
}

// compare measures what would be lost and says what is wrong with the canaries, or
// "". Those that one side does not have any more are left out. What was put away after
// kept counts as lost (zero: nothing was), but is compared as well.
func compare(is *agentapi.DrillMeasured, was, got []driver.Canary, kept time.Time) string {
	counted := slices.DeleteFunc(slices.Clone(got), func(c driver.Canary) bool { return !kept.IsZero() && c.At.After(kept) })
	if len(counted) == 0 || len(was) == 0 {
		return "The restored data holds no canary, though one was written before the backup was taken."
	}
	last := got[len(got)-1]
	is.Restored = counted[len(counted)-1].At
	is.LossMillis = max(is.Newest.Sub(is.Restored).Milliseconds(), 0)
	from := max(was[0].Number, got[0].Number)
	within := func(all []driver.Canary) []driver.Canary {
		return slices.DeleteFunc(slices.Clone(all), func(c driver.Canary) bool { return c.Number < from || c.Number > last.Number })
	}
	was, got = within(was), within(got)
	is.Canaries, is.Digest = len(got), digest(got)
	if len(got) == 0 || digest(was) != is.Digest {
		return "The canaries in the restored data are not those that were written: rows are missing or changed."
	}
	return ""
}

// digest is the SHA-256 over canaries.
func digest(all []driver.Canary) string {
	h := sha256.New()
	for _, c := range all {
		c.At = c.At.UTC()
		_ = json.NewEncoder(h).Encode(c)
	}
	return hex.EncodeToString(h.Sum(nil))
}
