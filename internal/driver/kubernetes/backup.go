package kubernetes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/bucket"
	"souk/internal/driver"
	"souk/internal/step"
)

var (
	stepBackupTaken   = step.New("kubernetes/backup-taken")
	stepBackupExpired = step.New("kubernetes/backup-expired")
	stepSource        = step.New("kubernetes/source")
)

// BackupEngine is an Engine that can keep backups of its instances in the zone's
// bucket, each instance's below a key of its own.
type BackupEngine interface {
	Engine
	// Snapshots says that no points in time between the backups are kept.
	Snapshots() bool
	// TakeBackup takes a backup of a running instance, unless it is there.
	TakeBackup(ctx context.Context, job *Job, primary string, order driver.BackupOrder) error
	// Archived says how far the running instance's log of changes is kept.
	Archived(ctx context.Context, job *Job, primary string, report *driver.BackupReport) error
	// Flush has all that a running instance has changed until now kept.
	Flush(ctx context.Context, job *Job, primary string) error
	// Backups lists what is kept of an instance, and ExpireBackup destroys one of
	// them, whether or not the instance exists.
	Backups(ctx context.Context, repo *Repository) ([]driver.Backup, error)
	ExpireBackup(ctx context.Context, repo *Repository, id string, last bool) error
	// Source is what the engine calls a backup that is to be restored.
	Source(ctx context.Context, repo *Repository, id string) (string, error)
	// Diagnose looks at the log of a pod that could not restore.
	Diagnose(ctx context.Context, job *Job, repo *Repository, log []byte) (Diagnosis, error)
}

// Diagnosis is why a restore did not come to its end.
type Diagnosis struct {
	// Exhausted: every change that is kept was applied, and none of them is after
	// the point in time; so all of them belong to it.
	Exhausted bool
	// Blocked is what people have to be told; nil: nothing yet.
	Blocked *driver.BlockedError
}

// BackupSecret is the Secret, in the namespace of each instance that keeps backups
// or is restored, with what its pods reach the zone's bucket by: accessKey,
// secretKey, region and ca.crt.
const BackupSecret = "backup-place"

// Restore is what an instance is made of.
type Restore struct {
	From string `json:"from"` // the instance whose backups they are
	// Source is what the engine calls the backup.
	Source string `json:"source"`
	// Until is the point in time, in real time; zero: the end of the backup.
	Until time.Time `json:"until,omitzero"`
	// Whole: every change that is kept is applied instead, as all are before Until.
	Whole bool `json:"whole,omitempty"`
}

// Repository is the backups of one instance in the zone's bucket.
type Repository struct {
	*bucket.Bucket
	InstanceID string
}

// Key is that of an object of the instance's.
func (r *Repository) Key(name string) string { return r.InstanceID + "/" + name }

// SecretOf derives a secret of another instance of the zone.
func (j *Job) SecretOf(instanceID, purpose string) []byte {
	return j.driver.authority.derive(instanceID + "/" + purpose)
}

// Repository is that of the instance itself.
func (j *Job) Repository() *Repository {
	return &Repository{Bucket: j.driver.bucket, InstanceID: j.Want.ID}
}

// Apply brings an object of the instance to what is wanted of it.
func (j *Job) Apply(ctx context.Context, kind schemaKind, o *unstructured.Unstructured) error {
	_, err := j.driver.client.Resource(kind).Namespace(j.Namespace).Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: manager, Force: true})
	return err
}

// Get returns an object of the instance, or nil.
func (j *Job) Get(ctx context.Context, kind schemaKind, name string) (*unstructured.Unstructured, error) {
	o, err := j.driver.client.Resource(kind).Namespace(j.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return o, err
}

// Delete deletes an object of the instance, if it is there.
func (j *Job) Delete(ctx context.Context, kind schemaKind, name string) error {
	err := j.driver.client.Resource(kind).Namespace(j.Namespace).Delete(ctx, name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// errDeleted: an object that is watched is not there any more.
var errDeleted = errors.New("it was deleted by somebody")

// Watch calls f with an object of the instance as it is, and after each of its
// changes, until f has seen enough or ctx ends.
func (j *Job) Watch(ctx context.Context, kind schemaKind, name string, f func(*unstructured.Unstructured) (bool, error)) error {
	for {
		watch, err := j.driver.client.Resource(kind).Namespace(j.Namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
		if err != nil {
			return err
		}
		o, err := j.Get(ctx, kind, name)
		for open := true; open && err == nil && ctx.Err() == nil; {
			if o == nil {
				err = fmt.Errorf("%s %s: %w", kind.Resource, name, errDeleted)
				break
			}
			var done bool
			if done, err = f(o); done || err != nil {
				watch.Stop()
				return err
			}
			select {
			case _, open = <-watch.ResultChan():
				o, err = j.Get(ctx, kind, name)
			case <-ctx.Done():
			}
		}
		watch.Stop()
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// keeper finds the engine that keeps a service's backups in this zone.
func (d *Driver) keeper(service string) (BackupEngine, error) {
	engine, err := d.engine(service)
	if err != nil {
		return nil, err
	}
	keeper, why := d.keeps(engine)
	if why != "" {
		return nil, driver.NoBackupsHere(why)
	}
	return keeper, nil
}

// keeps says whether backups can be kept of an engine's instances, or why not.
func (d *Driver) keeps(engine Engine) (BackupEngine, string) {
	keeper, ok := engine.(BackupEngine)
	switch {
	case !ok:
		return nil, "Souk cannot keep backups of this service on Kubernetes yet."
	case d.bucket == nil:
		return nil, "the zone has no place for backups. Its operator has to give it one."
	}
	return keeper, ""
}

// backupLocks has the calls for one instance's backups made one at a time.
type backupLocks struct {
	mu   sync.Mutex
	byID map[string]*sync.Mutex
}

func (l *backupLocks) lock(id string) (unlock func()) {
	l.mu.Lock()
	if l.byID == nil {
		l.byID = map[string]*sync.Mutex{}
	}
	of := l.byID[id]
	if of == nil {
		of = &sync.Mutex{}
		l.byID[id] = of
	}
	l.mu.Unlock()
	of.Lock()
	return of.Unlock
}

var _ driver.BackupKeeper = (*Driver)(nil)

var errNotRunning = errors.New("the instance does not run")

// TakeBackup implements driver.BackupKeeper.
func (d *Driver) TakeBackup(ctx context.Context, want driver.Instance, order driver.BackupOrder) error {
	keeper, err := d.keeper(want.Service)
	if err != nil {
		return err
	}
	if err := cmp.Or(validID(want.ID), validID(order.ID)); err != nil {
		return err
	}
	if err := d.lease.hold(ctx); err != nil {
		return err
	}
	defer d.backups.lock(want.ID)()
	primary, err := d.running(ctx, keeper, want.ID)
	if err != nil {
		return err
	}
	if prover, ok := keeper.(ProvingEngine); ok {
		if _, err := prover.PutCanary(ctx, d.job(want), primary); err != nil { // a backup without one is better than none
			d.log.Warn("no canary could be put into an instance before its backup", "instance", want.ID, "error", err)
		}
	}
	keeper = madeBy(keeper, recordOf(d.watches.get(namespaces, "", namespaceOf(want.ID)))).(BackupEngine)
	if err := keeper.TakeBackup(ctx, d.job(want), primary, order); err != nil {
		return plain(err, keeper.Operator())
	}
	stepBackupTaken.Done()
	return nil
}

// running finds the pod that clients of an instance are led to.
func (d *Driver) running(ctx context.Context, engine Engine, id string) (primary string, err error) {
	if err := d.seen(ctx, engine); err != nil {
		return "", err
	}
	ns := d.watches.get(namespaces, "", namespaceOf(id))
	rec := recordOf(ns)
	if ns == nil || ns.GetDeletionTimestamp() != nil || rec.Stopped || !rec.Initialised {
		return "", errNotRunning
	}
	engine = madeBy(engine, rec)
	seen := engine.Look(d.view(ctx, engine, driver.Instance{ID: id, Plan: rec.Plan, StorageGiB: rec.StorageGiB, ServiceLevel: rec.Level}))
	if !seen.Serving {
		return "", errNotRunning
	}
	return seen.Primary, nil
}

// Backups implements driver.BackupKeeper.
func (d *Driver) Backups(ctx context.Context, of driver.BackupSource) (driver.BackupReport, error) {
	keeper, repo, err := d.repository(of)
	if err != nil {
		return driver.BackupReport{}, err
	}
	defer d.backups.lock(of.InstanceID)()
	var report driver.BackupReport
	if report.Backups, err = keeper.Backups(ctx, repo); err != nil {
		return driver.BackupReport{}, unusablePlace(err)
	}
	primary, err := d.running(ctx, keeper, of.InstanceID)
	if errors.Is(err, errNotRunning) {
		return report, nil
	}
	if err != nil {
		return driver.BackupReport{}, err
	}
	return report, keeper.Archived(ctx, d.job(driver.Instance{ID: of.InstanceID, Service: of.Service}), primary, &report)
}

// ExpireBackup implements driver.BackupKeeper.
func (d *Driver) ExpireBackup(ctx context.Context, of driver.BackupSource, id string, last bool) error {
	keeper, repo, err := d.repository(of)
	if err != nil {
		return err
	}
	if err := validID(id); err != nil {
		return err
	}
	defer d.backups.lock(of.InstanceID)()
	if err := keeper.ExpireBackup(ctx, repo, id, last); err != nil {
		return unusablePlace(err)
	}
	stepBackupExpired.Done()
	return nil
}

func (d *Driver) repository(of driver.BackupSource) (BackupEngine, *Repository, error) {
	keeper, err := d.keeper(of.Service)
	if err != nil {
		return nil, nil, err
	}
	if err := validID(of.InstanceID); err != nil {
		return nil, nil, err
	}
	return keeper, &Repository{Bucket: d.bucket, InstanceID: of.InstanceID}, nil
}

// unusablePlace turns what went wrong with the place of backups into words for users.
func unusablePlace(err error) error {
	var blocked *driver.BlockedError
	if err == nil || errors.As(err, &blocked) {
		return err
	}
	return &driver.BlockedError{
		Message:   "The zone's place for backups cannot be used at the moment. It is tried again; if this goes on, the zone's operator has to act.",
		BlockedBy: "operator", Err: err,
	}
}

// backupSecret is what the pods of an instance reach the zone's bucket by; nil where
// they have no need to.
func (d *Driver) backupSecret(job *Job, engine Engine) *unstructured.Unstructured {
	if job.Place == nil {
		return nil
	}
	return Secret(job.Namespace, BackupSecret, withLabels(job.Labels, engine.Reloaded()), map[string][]byte{
		"accessKey": []byte(job.Place.AccessKey), "secretKey": []byte(job.Place.SecretKey), "region": []byte(job.Place.Region), "ca.crt": []byte(job.Place.CAPEM),
	})
}

// placeFor is the zone's place for backups where an instance uses it.
func (d *Driver) placeFor(want driver.Instance) *driver.BackupPlace {
	if want.Backup == nil && want.Restore == nil {
		return nil
	}
	return d.cfg.Place
}

// flushTime is how long a source may take to put away what it has changed last.
const flushTime = 2 * time.Minute

// prepareRestore finds what a new instance is made of. From then on it is noted, and
// nothing is asked for it any more.
func (d *Driver) prepareRestore(ctx context.Context, job *Job, rec *record) error {
	if from := job.Want.Restore; from != nil && rec.Source == "" && !rec.Initialised && !job.Want.HeldData {
		found, err := d.sourceOf(ctx, from)
		if err != nil {
			return err
		}
		rec.Source, rec.Whole = found.Source, found.Whole
		if err := d.save(ctx, job.Want.ID, *rec); err != nil {
			return err
		}
		stepSource.Done()
	}
	job.madeOf(*rec)
	return nil
}

// madeOf has a job know what the instance is, or was, made of.
func (j *Job) madeOf(rec record) {
	if rec.Restored != nil || rec.Rewind.Of != nil {
		j.Place = j.driver.cfg.Place
	}
	switch from := j.Want.Restore; {
	case rec.Restored != nil:
		j.Restore = rec.Restored
	case from != nil && rec.Source != "":
		j.Restore = &Restore{From: from.From.InstanceID, Source: rec.Source, Until: from.Time, Whole: rec.Whole}
	}
}

// sourceOf finds what is to be restored.
func (d *Driver) sourceOf(ctx context.Context, from *driver.Restore) (*Restore, error) {
	keeper, repo, err := d.repository(from.From)
	if err != nil {
		return nil, err
	}
	if !from.Time.IsZero() && !from.Lost {
		if err := d.flushSource(ctx, keeper, from.From); err != nil {
			return nil, err
		}
	}
	source, err := keeper.Source(ctx, repo, from.BackupID)
	if err != nil {
		return nil, unusablePlace(err)
	}
	// Of an instance that is as if it were lost, what is kept is all that there is.
	return &Restore{From: from.From.InstanceID, Source: source, Until: from.Time, Whole: from.Lost && !from.Time.IsZero()}, nil
}

// flushSource has the instance that a restore comes from, if it runs, put away
// everything that it has changed, so that the point in time is reached.
func (d *Driver) flushSource(ctx context.Context, keeper BackupEngine, of driver.BackupSource) error {
	primary, err := d.running(ctx, keeper, of.InstanceID)
	if errors.Is(err, errNotRunning) {
		return nil // it put everything away when it stopped
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, flushTime)
	defer cancel()
	if err := keeper.Flush(ctx, d.job(driver.Instance{ID: of.InstanceID, Service: of.Service}), primary); err != nil {
		return fmt.Errorf("put away the last changes of the instance that is restored from: %w", err)
	}
	return nil
}

// failedRestore looks at why an instance does not come out of its backup. Where
// only the point in time is after the last change it begins anew, with every change.
func (d *Driver) failedRestore(ctx context.Context, job *Job, engine Engine, view View, rec *record) error {
	if job.Restore == nil || rec.Initialised {
		return nil
	}
	failed, again := attempts(view.Pods)
	if len(failed) == 0 {
		return nil
	}
	found, _, err := d.diagnose(ctx, job, failed[len(failed)-1])
	if err != nil {
		return err
	}
	if found.Blocked != nil && !again {
		return found.Blocked
	}
	if !found.Exhausted || rec.Whole {
		return nil
	}
	rec.Whole = true
	if err := d.save(ctx, job.Want.ID, *rec); err != nil {
		return err
	}
	main, err := d.main(ctx, engine, job.Namespace)
	if err != nil || main == nil {
		return err
	}
	foreground := metav1.DeletePropagationForeground
	return d.client.Resource(engine.Kind()).Namespace(job.Namespace).Delete(ctx, main.GetName(), metav1.DeleteOptions{PropagationPolicy: &foreground})
}

// attempts are the pods that could not restore, where none could, and whether another
// attempt is under way.
func attempts(all []*unstructured.Unstructured) (failed []string, again bool) {
	for _, pod := range all {
		switch PhaseOf(pod) {
		case "Failed":
			failed = append(failed, pod.GetName())
		case "Succeeded":
			return nil, false
		default:
			again = true
		}
	}
	return failed, again
}

// diagnose has the engine look at the log of a pod that could not restore.
func (d *Driver) diagnose(ctx context.Context, job *Job, pod string) (found Diagnosis, log []byte, err error) {
	keeper, repo, err := d.repository(driver.BackupSource{InstanceID: job.Restore.From, Service: job.Want.Service})
	if err != nil {
		return found, nil, err
	}
	log, err = d.core.Get().Namespace(job.Namespace).Resource("pods").Name(pod).SubResource("log").DoRaw(ctx)
	if err != nil {
		return found, nil, err
	}
	found, err = keeper.Diagnose(ctx, job, repo, log)
	return found, log, unusablePlace(err)
}
