package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"souk/internal/agent/durable"
	"souk/internal/bucket"
	"souk/internal/driver"
	"souk/internal/shim"
	"souk/internal/step"
	"souk/internal/supervisor"
)

var (
	stepBackupTaken   = step.New("process/backup-taken")
	stepBackupExpired = step.New("process/backup-expired")
)

// BackupEngine is an Engine that can keep backups of its instances.
type BackupEngine interface {
	Engine
	// NoBackups says in plain words why it cannot on this machine, or "".
	NoBackups() string
	// Snapshots says that no points in time between the backups are kept.
	Snapshots() bool
	// TakeBackup takes a backup of a running instance, unless it is there.
	TakeBackup(ctx context.Context, job *Job, order driver.BackupOrder) error
	// Archived says how far the running instance's log of changes is kept.
	Archived(ctx context.Context, host *Host, report *driver.BackupReport) error
	// Backups lists what the repository holds, and ExpireBackup destroys one of
	// them, whether or not the instance exists.
	Backups(ctx context.Context, repo *Repository) ([]driver.Backup, error)
	ExpireBackup(ctx context.Context, repo *Repository, id string, last bool) error
	// Flush has all that a running instance has changed until now kept.
	Flush(ctx context.Context, host *Host) error
}

// Repository is the backups of one instance, as the agent itself reaches them.
type Repository struct {
	Place *driver.BackupPlace
	Of    driver.BackupSource
	// Dir is a folder of the agent's own for this instance's files.
	Dir string
}

// Run carries out a program under the agent's account and returns its output. An
// exit code other than 0 is a shim.ExitError.
func (r *Repository) Run(ctx context.Context, argv, env []string) ([]byte, error) {
	return runHere(ctx, argv, env)
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
		return nil, "Souk cannot keep backups of this service yet."
	case d.cfg.Backups == nil:
		return nil, "the zone has no place for backups. Its operator has to give it one."
	}
	return keeper, keeper.NoBackups()
}

// TakeBackup implements driver.BackupKeeper.
func (d *Driver) TakeBackup(ctx context.Context, want driver.Instance, order driver.BackupOrder) error {
	keeper, err := d.keeper(want.Service)
	if err != nil {
		return err
	}
	if err := supervisor.ValidID(order.ID); err != nil {
		return err
	}
	u, err := d.unit(want.ID)
	if err != nil {
		return err
	}
	u.backups.Lock()
	defer u.backups.Unlock()
	host, err := d.running(ctx, u)
	if err != nil {
		return err
	}
	if prover, ok := keeper.(ProvingEngine); ok {
		if _, err := prover.PutCanary(ctx, host); err != nil { // a backup without one is better than none
			d.cfg.Logger.Warn("no canary could be put into an instance before its backup", "instance", want.ID, "error", err)
		}
	}
	if err := keeper.TakeBackup(ctx, &Job{Host: host, Want: want}, order); err != nil {
		return err
	}
	stepBackupTaken.Done()
	return nil
}

var errNotRunning = errors.New("the instance does not run")

// running finds an instance whose engine runs.
func (d *Driver) running(ctx context.Context, u *unit) (*Host, error) {
	place, err := d.cfg.Supervisor.Find(ctx, u.id)
	if errors.Is(err, supervisor.ErrNotFound) {
		return nil, errNotRunning
	}
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	u.place = place
	u.mu.Unlock()
	host := d.host(u)
	status, err := host.Status(ctx)
	if shim.Unreachable(err) || err == nil && status.State != shim.Running {
		return nil, errNotRunning
	}
	return host, err
}

// Backups implements driver.BackupKeeper.
func (d *Driver) Backups(ctx context.Context, of driver.BackupSource) (driver.BackupReport, error) {
	keeper, u, repo, err := d.repository(of)
	if err != nil {
		return driver.BackupReport{}, err
	}
	u.backups.Lock()
	defer u.backups.Unlock()
	var report driver.BackupReport
	if report.Backups, err = keeper.Backups(ctx, repo); err != nil {
		return driver.BackupReport{}, err
	}
	host, err := d.running(ctx, u)
	if errors.Is(err, errNotRunning) {
		return report, nil
	}
	if err != nil {
		return driver.BackupReport{}, err
	}
	return report, keeper.Archived(ctx, host, &report)
}

// ExpireBackup implements driver.BackupKeeper.
func (d *Driver) ExpireBackup(ctx context.Context, of driver.BackupSource, id string, last bool) error {
	keeper, u, repo, err := d.repository(of)
	if err != nil {
		return err
	}
	if err := supervisor.ValidID(id); err != nil {
		return err
	}
	u.backups.Lock()
	defer u.backups.Unlock()
	if err := keeper.ExpireBackup(ctx, repo, id, last); err != nil {
		return err
	}
	stepBackupExpired.Done()
	if last {
		return os.RemoveAll(repo.Dir)
	}
	return nil
}

func (d *Driver) repository(of driver.BackupSource) (BackupEngine, *unit, *Repository, error) {
	keeper, err := d.keeper(of.Service)
	if err != nil {
		return nil, nil, nil, err
	}
	u, err := d.unit(of.InstanceID)
	if err != nil {
		return nil, nil, nil, err
	}
	dir := filepath.Join(d.cfg.Dir, "backups", of.InstanceID)
	for _, folder := range []string{filepath.Dir(dir), dir} {
		if err := durable.Folder(folder); err != nil {
			return nil, nil, nil, err
		}
	}
	place, err := placeOf(of, d.cfg.Backups)
	return keeper, u, &Repository{Place: place, Of: of, Dir: dir}, err
}

// placeOf is where backups are kept: a bucket of the customer's, or else the zone's place.
func placeOf(of driver.BackupSource, zone *driver.BackupPlace) (*driver.BackupPlace, error) {
	if of.Place == nil {
		return zone, nil
	}
	return of.Place.Verified()
}

// PlaceOf is where backups are kept; nil where the zone has no place for them.
func (h *Host) PlaceOf(of driver.BackupSource) (*driver.BackupPlace, error) {
	return placeOf(of, h.Backups)
}

// flushTime is how long a source may take to put away what it has changed last.
const flushTime = 2 * time.Minute

// flushSource has the instance that a restore comes from, if it runs here, put
// away everything that it has changed, so that the point in time is reached.
func (d *Driver) flushSource(ctx context.Context, keeper BackupEngine, restore *driver.Restore) error {
	u, err := d.unit(restore.From.InstanceID)
	if err != nil {
		return err
	}
	host, err := d.running(ctx, u)
	if errors.Is(err, errNotRunning) {
		return nil // it put everything away when it stopped
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, flushTime)
	defer cancel()
	if err := keeper.Flush(ctx, host); err != nil {
		return fmt.Errorf("put away the last changes of the instance that is restored from: %w", err)
	}
	return nil
}

// prepareRestore sees to it that a new instance can be made of what it is to be
// restored from.
func (d *Driver) prepareRestore(ctx context.Context, u *unit, want driver.Instance) error {
	if want.Restore == nil || want.HeldData || u.initialised() {
		return nil
	}
	keeper, err := d.keeper(want.Service)
	if err != nil || want.Restore.Time.IsZero() || want.Restore.Lost {
		return err
	}
	return d.flushSource(ctx, keeper, want.Restore)
}

// TryBucket implements driver.BucketKeeper.
func (d *Driver) TryBucket(ctx context.Context, place *driver.BackupPlace) error {
	return bucket.Try(ctx, place, d.cfg.PrivateBuckets)
}
