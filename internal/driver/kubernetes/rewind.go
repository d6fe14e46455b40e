package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"souk/internal/driver"
	"souk/internal/step"
)

var (
	stepRewindBegun   = step.New("kubernetes/rewind-begun")
	stepRewindFound   = step.New("kubernetes/rewind-found")
	stepRewindAside   = step.New("kubernetes/rewind-aside")
	stepRewindMade    = step.New("kubernetes/rewind-made")
	stepRewindServed  = step.New("kubernetes/rewind-served")
	stepRewindCleared = step.New("kubernetes/rewind-cleared")
	stepRewindFailed  = step.New("kubernetes/rewind-failed")
	stepRewindBack    = step.New("kubernetes/rewind-back")
)

// RewindingEngine is a BackupEngine whose instances can be restored in place: what is
// restored is a main object of its own, beside the one that there is, which is stopped
// and keeps its volumes meanwhile.
type RewindingEngine interface {
	BackupEngine
	// MadeBy is the engine as it works on what a restore in place has made; 0: on what
	// there was before all of them.
	MadeBy(rewind int64) RewindingEngine
	// Owns says whether a main object is the one that the engine works on, or another
	// object of the instance's is that one's alone.
	Owns(o *unstructured.Unstructured) bool
}

// rewind is a restore in place, as it is recorded.
type rewind struct {
	Number int64       `json:"number,omitempty"`
	Stage  rewindStage `json:"stage,omitempty"`
	Of     *Restore    `json:"of,omitempty"` // what is restored, once it is found
	// Before is the restore in place that made what was set aside; 0: none did.
	Before int64 `json:"before,omitempty"`
	// Stuck is since when what is restored does not get on; zero: it does. Problem is
	// then why, and Who has to act; of a restore that failed Problem is the reason.
	Stuck   time.Time `json:"stuck,omitzero"`
	Problem string    `json:"problem,omitempty"`
	Who     string    `json:"who,omitempty"`
}

// rewindStage says how far a restore in place has come; "": it is over.
type rewindStage string

const (
	rewindFinding   rewindStage = "finding"   // the backup; what there is serves
	rewindStopping  rewindStage = "stopping"  // what there is, which keeps its volumes
	rewindRestoring rewindStage = "restoring" // beside it, until that serves as wanted
	rewindBack      rewindStage = "back"      // what was restored goes, and what there was serves again
	rewindClearing  rewindStage = "clearing"  // what was restored serves, and what there was goes
)

const (
	// rewindTries is how often restoring may fail before what there was comes back.
	rewindTries = 3
	// rewindPatience is how long what is restored may not get on before that.
	rewindPatience = 3 * time.Minute
)

// aside says whether what there was is set aside, and nothing is in its place yet.
func (r rewind) aside() bool {
	return r.Stage == rewindStopping || r.Stage == rewindRestoring || r.Stage == rewindBack
}

// doubled says whether there are two main objects.
func (r rewind) doubled() bool {
	return r.Stage == rewindRestoring || r.Stage == rewindBack || r.Stage == rewindClearing
}

// told is what is reported of a restore in place that is over, or nil.
func (r rewind) told() *driver.Rewound {
	if r.Number == 0 || r.Stage != "" {
		return nil
	}
	return &driver.Rewound{Number: r.Number, Problem: r.Problem}
}

// message says what goes on while what there was is set aside.
func (r rewind) message() (text, who string) {
	switch {
	case r.Stage == rewindBack:
		return "The restore in place failed; what there was before is started again.", ""
	case r.Problem != "":
		return "It is being restored in place. " + r.Problem, r.Who
	}
	return "It is being restored in place.", ""
}

// madeBy is the engine as it works on what an instance is by now.
func madeBy(engine Engine, rec record) Engine {
	if rewinding, ok := engine.(RewindingEngine); ok {
		return rewinding.MadeBy(rec.MadeBy)
	}
	return engine
}

// owned are those of an instance's objects that are of what an engine works on.
func owned(engine Engine, objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	rewinding, ok := engine.(RewindingEngine)
	if !ok {
		return objects
	}
	return slices.DeleteFunc(slices.Clone(objects), func(o *unstructured.Unstructured) bool { return !rewinding.Owns(o) })
}

// rewind takes the next step of a restore in place. It says whether what there is of
// the instance is to be left as it is meanwhile.
func (d *Driver) rewind(ctx context.Context, job *Job, engine Engine, rec *record) (held bool, err error) {
	rewinding, ok := engine.(RewindingEngine)
	if !ok {
		return false, nil
	}
	if want := job.Want.Rewind; want != nil && want.Number > rec.Rewind.Number && rec.Rewind.Stage == "" && rec.Initialised {
		rec.Rewind = rewind{Number: want.Number, Stage: rewindFinding}
		if err := d.save(ctx, job.Want.ID, *rec); err != nil {
			return false, err
		}
		stepRewindBegun.Done()
	}
	if rec.Rewind.aside() || rec.Rewind.Stage == rewindClearing {
		if !rec.Changing.IsZero() {
			d.tryDuring(job, engine, rec.Changing)
		}
		d.lookAgain(job.Want.ID)
	}
	switch rec.Rewind.Stage {
	case rewindFinding:
		if err := d.findRewound(ctx, job, rec); err != nil || rec.Rewind.Stage == "" {
			return false, err
		}
		return true, d.setAside(ctx, job, engine, rec)
	case rewindStopping:
		return true, d.setAside(ctx, job, engine, rec)
	case rewindRestoring:
		return true, d.restoreBeside(ctx, job, rewinding.MadeBy(rec.Rewind.Number), rec)
	case rewindBack:
		return d.putBack(ctx, job, rewinding.MadeBy(rec.Rewind.Number), rec)
	}
	return false, nil
}

// findRewound finds the backup that is to be restored, while the instance serves. What
// will never do ends the restore.
func (d *Driver) findRewound(ctx context.Context, job *Job, rec *record) error {
	want := job.Want.Rewind
	if want == nil || want.Number != rec.Rewind.Number {
		rec.Rewind = rewind{Number: rec.Rewind.Number, Problem: "It was given up before the backup was found."}
		return d.save(ctx, job.Want.ID, *rec)
	}
	found, err := d.sourceOf(ctx, &want.Restore)
	var blocked *driver.BlockedError
	switch {
	case err == nil:
		rec.Rewind = rewind{Number: want.Number, Stage: rewindStopping, Of: found, Before: rec.MadeBy}
		rec.Changing = d.cfg.Now().UTC()
	case errors.As(err, &blocked) && blocked.Permanent:
		rec.Rewind = rewind{Number: want.Number, Problem: blocked.Message}
	default:
		return err
	}
	if err := d.save(ctx, job.Want.ID, *rec); err != nil {
		return err
	}
	stepRewindFound.Done()
	return nil
}

// setAside stops what there is, in good order where it can: what it has changed is put
// away then.
func (d *Driver) setAside(ctx context.Context, job *Job, engine Engine, rec *record) error {
	d.tryDuring(job, engine, rec.Changing)
	before := *job
	if err := d.halt(ctx, &before, engine, rec); err != nil {
		return err
	}
	rec.Rewind.Stage = rewindRestoring
	if err := d.save(ctx, job.Want.ID, *rec); err != nil {
		return err
	}
	stepRewindAside.Done()
	return nil
}

// restoreBeside restores beside what is set aside, until what comes of it serves as
// wanted. From then on it is what the instance is.
func (d *Driver) restoreBeside(ctx context.Context, job *Job, engine RewindingEngine, rec *record) error {
	if d.cfg.Place == nil { // without one it would begin empty
		return d.giveUp(ctx, job, rec, "The zone has no place for backups any more.")
	}
	want := job.Want.Rewind
	if want == nil || want.Number != rec.Rewind.Number { // without its key, too
		return d.giveUp(ctx, job, rec, "It was given up before the backup was restored.")
	}
	of := *job
	of.Restore, of.Place = rec.Rewind.Of, d.cfg.Place
	of.Want.Restore, of.Want.HeldData = &want.Restore, false
	if err := d.makeBeside(ctx, &of, engine); err != nil {
		return err
	}
	stepRewindMade.Done()
	view := d.view(ctx, engine, of.Want)
	if seen := engine.Look(view); !seen.Serving {
		return d.restoring(ctx, &of, engine, view, seen.Unrestored, rec)
	}
	err := engine.Settle(ctx, &of, view)
	switch {
	case errors.Is(err, ErrNotYet):
		return nil
	case err != nil:
		d.log.Warn("what was restored in place cannot be settled", "instance", job.Want.ID, "error", err)
		return d.stuck(ctx, job, rec, "Settings and log-ins cannot be brought into force in what was restored.", "operator")
	}
	rec.MadeBy, rec.Restored, rec.Settled = rec.Rewind.Number, rec.Rewind.Of, ""
	rec.Rewind = rewind{Number: rec.Rewind.Number, Stage: rewindClearing, Before: rec.Rewind.Before}
	if err := d.save(ctx, job.Want.ID, *rec); err != nil {
		return err
	}
	stepRewindServed.Done()
	return nil
}

// makeBeside makes what is restored, and all that is its alone.
func (d *Driver) makeBeside(ctx context.Context, job *Job, engine RewindingEngine) error {
	if err := d.locate(ctx, job, engine); err != nil {
		return err
	}
	all, err := engine.Secrets(job)
	if err != nil {
		return err
	}
	for _, secret := range all {
		if err := d.put(ctx, secrets, secret); err != nil {
			return err
		}
	}
	if err := d.keep(ctx, job, engine); err != nil {
		return err
	}
	return d.applyMain(ctx, job, engine, false)
}

// restoring looks at what is restored and does not serve yet: whether all that is kept
// belongs to it, and whether it ever will, by what its pods have said already or by the
// log of one that failed.
func (d *Driver) restoring(ctx context.Context, job *Job, engine RewindingEngine, view View, said *driver.BlockedError, rec *record) error {
	switch {
	case said != nil && said.Permanent:
		return d.giveUp(ctx, job, rec, said.Message)
	case said != nil:
		return d.stuck(ctx, job, rec, said.Message, said.BlockedBy)
	}
	failed, _ := attempts(view.Pods)
	if len(failed) == 0 {
		message, who := Obstacle(view)
		if message == "" && retrying(view.Pods) {
			return nil // whether it gets on by now is not known
		}
		return d.stuck(ctx, job, rec, message, who)
	}
	found, log, err := d.diagnose(ctx, job, failed[len(failed)-1])
	if err != nil {
		return err
	}
	if found.Exhausted && !rec.Rewind.Of.Whole {
		rec.Rewind.Of.Whole = true
		if err := d.save(ctx, job.Want.ID, *rec); err != nil {
			return err
		}
		_, err := d.discard(ctx, engine, job.Namespace)
		return err
	}
	if found.Blocked == nil || !found.Blocked.Permanent && len(failed) < rewindTries {
		return nil
	}
	d.log.Warn("a restore in place failed", "instance", job.Want.ID, "attempts", len(failed), "log", tailOf(log))
	if found.Blocked.Permanent {
		return d.giveUp(ctx, job, rec, found.Blocked.Message)
	}
	return d.giveUp(ctx, job, rec, "The backup could not be restored: it is damaged, or the zone's place for backups cannot be used. Restore from another one; if that fails as well, the zone's operator has to act, who finds the reason in the log of the zone's agent.")
}

// retrying says whether a pod does again what it did not do before.
func retrying(all []*unstructured.Unstructured) bool {
	return slices.ContainsFunc(all, func(pod *unstructured.Unstructured) bool {
		statuses, _, _ := unstructured.NestedSlice(pod.Object, "status", "containerStatuses")
		return slices.ContainsFunc(statuses, func(s any) bool {
			status, _ := s.(map[string]any)
			again, _, _ := unstructured.NestedInt64(status, "restartCount")
			return again > 0
		})
	})
}

// stuck notes what keeps a restore from getting on, and gives it up after a while.
func (d *Driver) stuck(ctx context.Context, job *Job, rec *record, message, who string) error {
	if message == "" && rec.Rewind.Stuck.IsZero() {
		return nil
	}
	now := d.cfg.Now().UTC()
	switch {
	case message == "":
		rec.Rewind.Stuck, rec.Rewind.Problem, rec.Rewind.Who = time.Time{}, "", ""
	case rec.Rewind.Stuck.IsZero():
		rec.Rewind.Stuck, rec.Rewind.Problem, rec.Rewind.Who = now, message, who
	case now.Sub(rec.Rewind.Stuck) >= rewindPatience:
		return d.giveUp(ctx, job, rec, message)
	default:
		return nil
	}
	return d.save(ctx, job.Want.ID, *rec)
}

// giveUp has what there was come back.
func (d *Driver) giveUp(ctx context.Context, job *Job, rec *record, problem string) error {
	rec.Rewind.Stage, rec.Rewind.Problem = rewindBack, problem
	if err := d.save(ctx, job.Want.ID, *rec); err != nil {
		return err
	}
	stepRewindFailed.Done()
	return nil
}

// putBack destroys what was restored; then what there was may serve again.
func (d *Driver) putBack(ctx context.Context, job *Job, engine RewindingEngine, rec *record) (held bool, err error) {
	gone, err := d.discard(ctx, engine, job.Namespace)
	if err != nil || !gone {
		return true, err
	}
	rec.Settled, rec.Rewind = "", rewind{Number: rec.Rewind.Number, Problem: rec.Rewind.Problem}
	if err := d.save(ctx, job.Want.ID, *rec); err != nil {
		return true, err
	}
	stepRewindBack.Done()
	return false, nil
}

// clearAside destroys what was set aside, once what was restored serves in its place.
func (d *Driver) clearAside(ctx context.Context, job *Job, engine Engine, rec *record) error {
	rewinding, ok := engine.(RewindingEngine)
	if !ok || rec.Rewind.Stage != rewindClearing {
		return nil
	}
	gone, err := d.discard(ctx, rewinding.MadeBy(rec.Rewind.Before), job.Namespace)
	if err != nil || !gone {
		return err
	}
	rec.Rewind = rewind{Number: rec.Rewind.Number}
	if err := d.save(ctx, job.Want.ID, *rec); err != nil {
		return err
	}
	stepRewindCleared.Done()
	return nil
}

// endRewind brings a restore in place of an instance that is stopped to an end: where
// what was restored is not in force yet, it never will be.
func (d *Driver) endRewind(ctx context.Context, job *Job, engine Engine, rec *record) error {
	rewinding, ok := engine.(RewindingEngine)
	if !ok || !rec.Rewind.doubled() && !rec.Rewind.aside() {
		return nil
	}
	if rec.Rewind.Stage == rewindStopping || rec.Rewind.Stage == rewindRestoring {
		if err := d.giveUp(ctx, job, rec, "The instance was stopped before it was restored. Ask for it again once it runs."); err != nil {
			return err
		}
	}
	return d.waiters.until(ctx, job.Want.ID, func() (over bool, err error) {
		if rec.Rewind.Stage == rewindClearing {
			err = d.clearAside(ctx, job, engine, rec)
		} else {
			_, err = d.putBack(ctx, job, rewinding.MadeBy(rec.Rewind.Number), rec)
		}
		return rec.Rewind.Stage == "", err
	})
}

// discard deletes what an engine works on, with its volumes and all that is its alone,
// and says whether nothing of it is left.
func (d *Driver) discard(ctx context.Context, engine RewindingEngine, namespace string) (gone bool, err error) {
	main, err := d.main(ctx, engine, namespace)
	if err != nil {
		return false, err
	}
	if main != nil && main.GetDeletionTimestamp() == nil {
		if err := d.adopt(ctx, engine, main); err != nil {
			return false, err
		}
		if err := d.deleteWhole(ctx, engine.Kind(), main); err != nil {
			return false, err
		}
	}
	left := main != nil || len(owned(engine, d.watches.list(engine.Kind(), namespace))) > 0
	for _, kind := range []schemaKind{pods, claims, services} {
		left = left || len(owned(engine, d.watches.list(kind, namespace))) > 0
	}
	return !left, nil
}

// adopt has all that is a main object's alone go with it when it is deleted, as the agent
// itself may delete no volumes.
func (d *Driver) adopt(ctx context.Context, engine RewindingEngine, main *unstructured.Unstructured) error {
	owner, err := json.Marshal(map[string]any{"metadata": map[string]any{"ownerReferences": []any{map[string]any{
		"apiVersion": main.GetAPIVersion(), "kind": main.GetKind(), "name": main.GetName(), "uid": main.GetUID(),
	}}}})
	if err != nil {
		return err
	}
	for _, kind := range []schemaKind{claims, services, secrets} {
		of := d.client.Resource(kind).Namespace(main.GetNamespace())
		found, err := of.List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, o := range living(owned(engine, pointers(found.Items))) {
			if len(o.GetOwnerReferences()) > 0 {
				continue
			}
			if _, err := of.Patch(ctx, o.GetName(), types.MergePatchType, owner, metav1.PatchOptions{FieldManager: manager}); err != nil && !apierrors.IsNotFound(err) {
				return err
			}
		}
	}
	return nil
}

// logTail is how much of a log is passed on.
const logTail = 2000

func tailOf(log []byte) string { return string(log[max(0, len(log)-logTail):]) }
