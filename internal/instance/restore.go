package instance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// restoring is what a new instance is made of.
type restoring struct {
	source row
	backup instancedb.Backup
	target *time.Time // real time; nil: the end of the backup
	// location of what was asked for: what is wrong is said there.
	location string
}

// findRestore finds what an order is to be made of, and fills in what its spec
// does not say by what was backed up. It returns nil where that is nothing.
func (s *Service) findRestore(ctx context.Context, tx store.Tx, p Place, o *api.InstanceOrder) (*restoring, error) {
	from := o.RestoreFrom
	if from == nil {
		return nil, nil
	}
	source, err := s.backedUp(ctx, tx, p, from.Instance)
	if found := problem.As(err); found != nil && found.Status == http.StatusNotFound {
		return nil, problem.InvalidField("body.restoreFrom.instance", from.Instance, "There is no instance named %q in project %s, nor was there one whose backups are kept.", from.Instance, p.ProjectName)
	}
	if err != nil {
		return nil, err
	}
	out := &restoring{source: source, location: "body.restoreFrom."}
	if err := s.choose(ctx, tx, out, from.Backup, from.Time); err != nil {
		return nil, err
	}
	v, err := s.ByID(ctx, tx, source.ID)
	if err != nil {
		return nil, err
	}
	return out, likeSource(&o.Spec, v)
}

// choose takes the backup or the point in time that is asked for: exactly one of them.
func (s *Service) choose(ctx context.Context, tx store.Tx, t *restoring, backup string, at *time.Time) error {
	if (backup == "") == (at == nil) {
		return problem.InvalidField(strings.TrimSuffix(t.location, "."), nil, "Say either which backup to restore or which point in time.")
	}
	if at != nil {
		return s.findPoint(ctx, tx, t, at.UTC())
	}
	return t.find(ctx, instancedb.New(tx), backup)
}

// find takes the backup that is named.
func (t *restoring) find(ctx context.Context, q *instancedb.Queries, id string) error {
	b, err := findBackup(ctx, q, t.source, id)
	if found := problem.As(err); found != nil && found.Status == http.StatusNotFound {
		return problem.InvalidField(t.location+"backup", id, "%s has no such backup.", t.source.Name)
	}
	if err != nil {
		return err
	}
	if b.State != backupCompleted {
		return problem.InvalidField(t.location+"backup", id, "This backup is %s and cannot be restored; choose one that is completed.", b.State)
	}
	t.backup = b
	return nil
}

// findPoint takes the newest backup before a point in time.
func (s *Service) findPoint(ctx context.Context, tx store.Tx, t *restoring, at time.Time) error {
	q := instancedb.New(tx)
	rows, err := q.Backups(ctx, t.source.ID)
	if err != nil {
		return err
	}
	set, err := q.BackupSet(ctx, t.source.ID)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	from, until := s.reach(set, rows)
	if from == nil && set.ArchivedUntil == nil && slices.ContainsFunc(rows, func(b instancedb.Backup) bool { return b.State == backupCompleted }) {
		return problem.InvalidField(t.location+"time", at, "Of %s there are snapshots, and no points in time between them. Say which backup to restore instead.", t.source.Name)
	}
	if from == nil {
		return problem.InvalidField(t.location+"time", at, "No point in time of %s can be restored: there is no backup of it yet.", t.source.Name)
	}
	if at.Before(*from) || at.After(*until) {
		return problem.InvalidField(t.location+"time", at, "%s can be restored to a point in time from %s to %s.", t.source.Name, from.Format(time.RFC3339), until.Format(time.RFC3339))
	}
	rewound, err := q.RewoundBefore(ctx, instancedb.RewoundBeforeParams{InstanceID: t.source.ID, Before: at})
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	for _, b := range rows {
		if b.State == backupCompleted && sameBucket(b.BucketID, set.BucketID) && !b.FinishedReal.After(at) && b.FinishedReal.After(rewound) && (t.backup.FinishedReal == nil || b.FinishedReal.After(*t.backup.FinishedReal)) {
			t.backup = b
		}
	}
	if t.backup.FinishedReal == nil {
		return problem.InvalidField(t.location+"time", at, "%s was restored in place at %s, and there is no backup between that and this point in time.", t.source.Name, rewound.UTC().Format(time.RFC3339))
	}
	t.target = &at
	return nil
}

// likeSource fills in what a spec does not say. Backups are restored in the zone
// that keeps them, by the service that they are of.
func likeSource(spec *api.InstanceSpec, v View) error {
	was := v.API(time.Time{}).Spec
	for _, f := range []struct {
		location string
		want     *string
		is       string
	}{
		{"body.spec.service", &spec.Service, was.Service}, {"body.spec.zone", &spec.Zone, was.Zone},
	} {
		if *f.want != "" && *f.want != f.is {
			return problem.InvalidField(f.location, *f.want, "What was backed up in %s can be restored there only.", f.is)
		}
		*f.want = f.is
	}
	if spec.Plan == "" {
		spec.Plan = was.Plan
	}
	if spec.ServiceLevel == "" {
		spec.ServiceLevel = was.ServiceLevel
	}
	if spec.StorageGiB == 0 {
		spec.StorageGiB = was.StorageGiB
	}
	if spec.StorageGiB < was.StorageGiB {
		return problem.InvalidField("body.spec.storageGiB", spec.StorageGiB, "What was backed up had %d GiB of storage; give at least as much.", was.StorageGiB)
	}
	if spec.Parameters == nil {
		spec.Parameters = was.Parameters
	}
	if spec.AllowedNetworks == nil {
		spec.AllowedNetworks = was.AllowedNetworks
	}
	if spec.Logs == nil {
		spec.Logs = was.Logs
	}
	if spec.Maintenance == nil {
		spec.Maintenance = was.Maintenance
	}
	if spec.Backup == nil && *was.Backup.Enabled {
		spec.Backup = was.Backup
	}
	return nil
}

// state says which state is restored.
func (t *restoring) state() string {
	if t.target != nil {
		return asOf(t.target)
	}
	return "as of the end of its backup of " + t.backup.FinishedReal.UTC().Format(time.RFC3339)
}

func asOf(target *time.Time) string {
	if target == nil {
		return "as of the end of a backup"
	}
	return "as of " + target.UTC().Format(time.RFC3339Nano)
}

// record writes down what the new instance is made of, and says so.
func (t *restoring) record(ctx context.Context, q *instancedb.Queries, r row, at time.Time, c *change) error {
	there, err := holdBackup(ctx, q, t.backup.ID)
	if err != nil {
		return err
	}
	if !there {
		return problem.InvalidField(t.location+"backup", t.backup.ID.String(), "This backup has just been deleted; choose another one.")
	}
	c.details["restoredFrom"], c.details["backup"] = t.source.ID.String(), t.backup.ID.String()
	if t.target != nil {
		c.details["time"] = t.target.Format(time.RFC3339Nano)
	}
	c.message += fmt.Sprintf(" It is restored from %s, %s.", t.source.Name, t.state())
	return q.InsertRestore(ctx, instancedb.InsertRestoreParams{InstanceID: r.ID, OrganizationID: r.OrganizationID, SourceID: t.source.ID, BackupID: t.backup.ID, Target: t.target, CreatedAt: at})
}
