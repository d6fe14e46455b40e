package postgresql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/shim"
)

const (
	backupConfigFile = shim.ConfFolder + "/pgbackrest.conf"
	backupCAFile     = shim.ConfFolder + "/backup-ca.pem"
	backupRole       = "souk_backup" // pgBackRest's own; it may begin and end a backup, and read settings
)

// archiveEvery is for how long a change may wait, in seconds, before the log that
// it is in is put away, full or not.
const archiveEvery = "60"

// addArchiving has the server put its log of changes away, beside its backups.
// What cannot be put away stays with the instance and counts against its storage.
func (s settings) addArchiving(host *process.Host) error {
	archive, err := quote(strings.Join(command(host.Path(backupConfigFile), "archive-push"), " ") + ` "%p"`)
	if err != nil {
		return err
	}
	s.value["archive_mode"], s.restart["archive_mode"] = "on", true
	s.value["archive_command"] = archive
	s.value["archive_timeout"] = archiveEvery
	return nil
}

// backupFiles are those that pgBackRest needs under the instance's account.
func (w *work) backupFiles() ([]shim.File, error) {
	if w.Want.Backup == nil {
		return nil, nil
	}
	place, err := w.PlaceOf(w.Want.BackupSource())
	if err != nil || place == nil {
		return nil, err
	}
	return []shim.File{
		{Path: backupCAFile, Mode: 0o600, Data: []byte(place.CAPEM)},
		{Path: backupConfigFile, Mode: 0o600, Data: repositoryConfig(place, w.Want.BackupSource(), w.Path(backupCAFile), w.Path(shim.RunFolder+"/backup"),
			"["+stanza+"]", "pg1-path="+w.Path(clusterFolder), "pg1-socket-path="+w.Path(shim.RunFolder), fmt.Sprintf("pg1-port=%d", w.Port),
			"pg1-user="+backupRole, "pg1-database=postgres")},
	}, nil
}

// allowBackups makes the role that pgBackRest works as.
func (w *work) allowBackups(ctx context.Context) error {
	if w.Want.Backup == nil {
		return nil
	}
	var has bool
	if err := w.admin.QueryRow(ctx, "SELECT exists (SELECT FROM pg_roles WHERE rolname = $1)", backupRole).Scan(&has); err != nil {
		return err
	}
	if !has {
		if err := w.admin.exec(ctx, "CREATE ROLE %s LOGIN NOINHERIT", backupRole); err != nil {
			return err
		}
	}
	var granted bool
	err := w.admin.QueryRow(ctx, "SELECT rolinherit AND has_database_privilege(rolname, 'postgres', 'CONNECT') FROM pg_roles WHERE rolname = $1", backupRole).Scan(&granted)
	if err != nil || granted {
		return err
	}
	for _, statement := range []string{
		"GRANT pg_read_all_settings, pg_read_all_stats TO %s",
		"GRANT EXECUTE ON FUNCTION pg_catalog.pg_backup_start, pg_catalog.pg_backup_stop, pg_catalog.pg_switch_wal, pg_catalog.pg_create_restore_point TO %s",
		"GRANT CONNECT ON DATABASE postgres TO %s",
		"ALTER ROLE %s INHERIT", // last: it says that all of this has been granted
	} {
		if err := w.admin.exec(ctx, statement, backupRole); err != nil {
			return err
		}
	}
	return nil
}

// TakeBackup takes a whole backup of the running server, unless it is there.
func (e *engine) TakeBackup(ctx context.Context, job *process.Job, order driver.BackupOrder) error {
	w := &work{Job: job, engine: e}
	config, place := w.Path(backupConfigFile), job.Want.Backup.Place
	aside := func(arguments ...string) ([]byte, error) {
		output, err := w.Run(ctx, shim.Command{Argv: command(config, arguments...), Env: environment(), Aside: true})
		return output, inWords(place, err)
	}
	output, err := aside("info", "--output=json")
	if err != nil {
		return err
	}
	held, err := parseInfo(place, output)
	if err != nil || slices.ContainsFunc(held, func(b heldBackup) bool { return b.Annotation.ID == order.ID }) {
		return err
	}
	if len(held) == 0 { // where there is a backup the repository has been prepared
		if err := w.prepareRepository(ctx, place); err != nil {
			return err
		}
	}
	_, err = aside("--type=full", "--annotation=souk-id="+order.ID, "--annotation=souk-kind="+order.Kind,
		"--annotation=souk-at="+order.At.UTC().Format(time.RFC3339Nano), "backup")
	return err
}

// archiver is what the server says of putting its log away.
type archiver struct {
	on           bool
	wal          string // the last file that was put away
	last, failed *time.Time
	// ended is when that file was finished, and with it what is put away; nil once the
	// server has forgotten.
	ended   *time.Time
	waiting int64
}

func (s *session) archiver(ctx context.Context) (a archiver, err error) {
	err = s.QueryRow(ctx, `SELECT current_setting('archive_mode') = 'on', coalesce(last_archived_wal, ''), last_archived_time, last_failed_time,
		(SELECT modification FROM pg_ls_archive_statusdir() WHERE name = last_archived_wal || '.done'),
		(SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready') FROM pg_stat_archiver`).Scan(&a.on, &a.wal, &a.last, &a.failed, &a.ended, &a.waiting)
	return a, err
}

// Archived says how far the server's log of changes is kept.
func (e *engine) Archived(ctx context.Context, host *process.Host, report *driver.BackupReport) error {
	admin, err := connect(ctx, host, "postgres")
	if err != nil {
		return err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	return admin.archived(ctx, report)
}

func (s *session) archived(ctx context.Context, report *driver.BackupReport) error {
	a, err := s.archiver(ctx)
	if err != nil || !a.on {
		return err
	}
	if a.last != nil {
		report.ArchivedUntil = a.last.UTC()
	}
	if a.ended != nil { // putting it away has taken its time
		report.ArchivedUntil = a.ended.UTC()
	}
	report.Archiving = a.last != nil && (a.failed == nil || a.failed.Before(*a.last))
	if a.failed != nil && !report.Archiving && len(report.Backups) > 0 { // before the first backup nothing can be put away
		report.Message = fmt.Sprintf("The changes since the last backup cannot be put away at the moment (%d files wait, and take up the instance's storage): the place for backups cannot be used. It is tried again; if this goes on, whoever keeps that place has to act.", a.waiting)
	}
	return nil
}

// Flush has everything that the server has changed until now put away.
func (e *engine) Flush(ctx context.Context, host *process.Host) error {
	admin, err := connect(ctx, host, "postgres")
	if err != nil {
		return err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	return admin.flush(ctx)
}

// flush has everything that the server has changed until now put away. A change
// of its own comes after all others, so that the log reaches past them.
func (s *session) flush(ctx context.Context) error {
	a, err := s.archiver(ctx)
	if err != nil || !a.on {
		return err
	}
	if _, err := s.Exec(ctx, "SELECT pg_current_xact_id()"); err != nil {
		return err
	}
	var until string
	if err := s.QueryRow(ctx, "SELECT pg_walfile_name(pg_switch_wal())").Scan(&until); err != nil {
		return err
	}
	for pause := firstPause; ; pause = min(pause*2, time.Second) {
		if a, err = s.archiver(ctx); err != nil || a.wal >= until {
			return err
		}
		select {
		case <-ctx.Done():
			return &driver.BlockedError{Message: "The last changes of the instance cannot be put away: the place for backups cannot be used. It is tried again; if this goes on, whoever keeps that place has to act.", BlockedBy: "operator", Err: context.Cause(ctx)}
		case <-time.After(pause):
		}
	}
}
