package instance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// The states of a restore in place.
const (
	rewindBackingUp = "backing-up"
	rewindRestoring = "restoring"
	rewindCompleted = "completed"
	rewindFailed    = "failed"
)

// RestoreInPlace has the data of an instance replaced by that of one of its backups,
// after a backup of what there is now. One at a time is made, and none while a backup
// is taken, a drill is made or a change is applied.
func (s *Service) RestoreInPlace(ctx context.Context, tx store.Tx, p Place, name string, in api.RestoreInPlace) (api.InPlaceRestore, error) {
	if in.Confirm != name {
		return api.InPlaceRestore{}, problem.InvalidField("body.confirm", in.Confirm, "What was changed since is not in the instance any more afterwards. Type its name, %s, to confirm that.", name)
	}
	id, safety := store.NewID(), store.NewID()
	_, err := s.act(ctx, tx, p, name, func(r *row, at time.Time) (change, error) {
		if err := s.rewindable(ctx, tx, *r); err != nil {
			return change{}, err
		}
		of := &restoring{source: *r, location: "body."}
		if err := s.choose(ctx, tx, of, in.Backup, in.Time); err != nil {
			return change{}, err
		}
		q := instancedb.New(tx)
		if err := q.InsertBackup(ctx, instancedb.InsertBackupParams{ID: safety, OrganizationID: r.OrganizationID, InstanceID: r.ID, Actor: p.Actor, CreatedAt: at}); err != nil {
			return change{}, err
		}
		err := q.InsertRewind(ctx, instancedb.InsertRewindParams{ID: id, OrganizationID: r.OrganizationID, InstanceID: r.ID, BackupID: of.backup.ID, Target: of.target,
			SafetyID: safety, Actor: p.Actor, CreatedAt: at})
		return change{action: "restore.request", zone: true,
			message: fmt.Sprintf("A restore in place was asked for, %s. What there is now is backed up first, as %s.", of.state(), safety),
			details: map[string]any{"restore": id.String(), "backup": of.backup.ID.String(), "time": of.target, "safetyBackup": safety.String()}}, err
	})
	if err != nil {
		return api.InPlaceRestore{}, err
	}
	return s.InPlaceRestore(ctx, tx, p, name, id.String())
}

// rewindable says why an instance cannot be restored in place now, or nil.
func (s *Service) rewindable(ctx context.Context, tx store.Tx, r row) error {
	if err := alive(View{Instance: r}); err != nil {
		return err
	}
	if !planOf(r).enabled() {
		return problem.Conflict("backups-off", "No backups of %s are kept, and what there is now is backed up before it is restored in place. Turn them on first: souk update %s --set spec.backup.enabled=true.", r.Name, r.Name)
	}
	if why, err := s.noInPlace(ctx, tx, r); err != nil || why != "" {
		return errors.Join(err, problem.Conflict("no-restore-in-place", "%s cannot be restored in place: %s Restore it as a new instance instead.", r.Name, why))
	}
	if !intentActive(r) || !r.HeldData {
		return problem.Conflict("not-running", "%s is %s, and only an instance that runs is restored in place. Ask again when it is Ready.", r.Name, r.Phase)
	}
	if r.ObservedGeneration < r.Generation {
		return problem.Conflict("change-under-way", "A change of %s is being applied. Wait until it is done.", r.Name)
	}
	q := instancedb.New(tx)
	if err := notRestoring(ctx, q, r); err != nil {
		return err
	}
	rows, err := q.Backups(ctx, r.ID)
	if err != nil {
		return err
	}
	for _, b := range rows {
		if b.State == backupRunning || b.State == backupWanted {
			return problem.Conflict("backup-under-way", "A backup of %s is being taken. Wait until it is done.", r.Name)
		}
	}
	if _, err := q.OpenDrill(ctx, r.ID); !errors.Is(err, pgx.ErrNoRows) {
		return errors.Join(err, problem.Conflict("drill-under-way", "A restore drill of %s is under way. Wait until it is over.", r.Name))
	}
	return nil
}

// noInPlace says in plain words why the zone restores no backups of an instance in
// place, or "".
func (s *Service) noInPlace(ctx context.Context, tx store.Tx, r row) (string, error) {
	v, err := s.ByID(ctx, tx, r.ID)
	if err != nil {
		return "", err
	}
	engine, err := reportedEngine(ctx, tx, v.Zone, r.Service)
	if err != nil || engine.InPlace {
		return "", err
	}
	return "the zone's driver cannot do that with this service.", nil
}

// notRestoring refuses while the instance is restored in place.
func notRestoring(ctx context.Context, q *instancedb.Queries, r row) error {
	_, err := q.OpenRewind(ctx, r.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return problem.Conflict("restore-under-way", "%s is being restored in place. Wait until that is over.", r.Name)
}

// InPlaceRestores lists the restores in place of an instance, the newest first.
func (s *Service) InPlaceRestores(ctx context.Context, tx store.Tx, p Place, name string) (api.InPlaceRestoreList, error) {
	r, err := s.backedUp(ctx, tx, p, name)
	if err != nil {
		return api.InPlaceRestoreList{}, err
	}
	rows, err := instancedb.New(tx).Rewinds(ctx, r.ID)
	if err != nil {
		return api.InPlaceRestoreList{}, err
	}
	out := api.InPlaceRestoreList{Items: make([]api.InPlaceRestore, len(rows))}
	for i, w := range rows {
		out.Items[i] = rewindDoc(r, w)
	}
	out.Message, err = s.noInPlace(ctx, tx, r)
	return out, err
}

// InPlaceRestore returns one restore in place of an instance.
func (s *Service) InPlaceRestore(ctx context.Context, tx store.Tx, p Place, name, id string) (api.InPlaceRestore, error) {
	r, err := s.backedUp(ctx, tx, p, name)
	if err != nil {
		return api.InPlaceRestore{}, err
	}
	parsed, err := uuid.Parse(id)
	if err != nil {
		return api.InPlaceRestore{}, problem.NotFound("restore", id)
	}
	w, err := instancedb.New(tx).Rewind(ctx, instancedb.RewindParams{InstanceID: r.ID, ID: parsed})
	return rewindDoc(r, w), notFound(err, "restore", id)
}

func rewindDoc(r row, w instancedb.Rewind) api.InPlaceRestore {
	return api.InPlaceRestore{ID: w.ID.String(), Instance: r.Name, Backup: w.BackupID.String(), Time: utc(w.Target), SafetyBackup: w.SafetyID.String(), State: w.State,
		Message: w.Message, RequestedBy: w.Actor, CreatedAt: w.CreatedAt.UTC(), FinishedAt: utc(w.FinishedAt)}
}
