package instance

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/internal/audit"
	"souk/internal/driver"
	"souk/internal/instance/instancedb"
	"souk/internal/store"
)

// advanceRewind goes on with a restore in place once the backup of what there was is
// taken, or gives it up where that could not be.
func (s *Service) advanceRewind(ctx context.Context, tx store.Tx, r *row, at time.Time) error {
	q := instancedb.New(tx)
	w, err := q.OpenRewind(ctx, r.ID)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && (w.State != rewindBackingUp || !intentActive(*r)) {
		return nil
	}
	if err != nil {
		return err
	}
	safety, err := q.Backup(ctx, instancedb.BackupParams{InstanceID: r.ID, ID: w.SafetyID})
	if err != nil {
		return err
	}
	switch safety.State {
	case backupCompleted:
		if err := q.BeginRewind(ctx, w.ID); err != nil {
			return err
		}
		return s.commit(ctx, tx, r, change{kind: "update", action: "restore.begin", at: at, actor: w.Actor, status: "Being restored in place.",
			message: "What there was is backed up, as " + w.SafetyID.String() + ". The restore in place begins.",
			details: map[string]any{"restore": w.ID.String(), "safetyBackup": w.SafetyID.String()}})
	case backupFailed, backupLost:
		return s.endRewind(ctx, tx, *r, w, "What there was could not be backed up first, so nothing was restored. "+safety.Message, at, nil)
	}
	return nil
}

// applyRewound takes in what a zone says of a restore in place that is over.
func (s *Service) applyRewound(ctx context.Context, tx store.Tx, r row, is *driver.Rewound, at, real time.Time) error {
	if is == nil {
		return nil
	}
	w, err := instancedb.New(tx).OpenRewind(ctx, r.ID)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && (w.State != rewindRestoring || w.Number != is.Number) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.endRewind(ctx, tx, r, w, text(is.Problem), at, realUntil(real, s.realNow()))
}

// endRewind writes down what came of a restore in place. After one that was carried
// out a backup is taken: points in time after it go back to that.
func (s *Service) endRewind(ctx context.Context, tx store.Tx, r row, w instancedb.Rewind, problem string, at time.Time, real *time.Time) error {
	q := instancedb.New(tx)
	state, line := rewindCompleted, "Restored in place, "+asOf(w.Target)+". What there was before is in the backup "+w.SafetyID.String()+"."
	if problem != "" {
		state, line = rewindFailed, "The restore in place failed; the data is as it was before. "+problem
	}
	if err := q.EndRewind(ctx, instancedb.EndRewindParams{ID: w.ID, State: state, Message: problem, FinishedAt: &at, FinishedReal: real}); err != nil {
		return err
	}
	if state == rewindCompleted {
		if err := q.InsertBackup(ctx, instancedb.InsertBackupParams{ID: store.NewID(), OrganizationID: r.OrganizationID, InstanceID: r.ID, Actor: SystemActor, CreatedAt: at}); err != nil {
			return err
		}
	}
	if err := q.InsertEvent(ctx, instancedb.InsertEventParams{ID: store.NewID(), OrganizationID: r.OrganizationID, InstanceID: r.ID, At: at, Kind: "backup", Message: line}); err != nil {
		return err
	}
	err := audit.Write(ctx, tx, audit.Event{Organization: r.OrganizationID, Project: r.ProjectID, At: at, Actor: SystemActor, Action: "restore." + state,
		Kind: "instance", ObjectID: r.ID.String(), ObjectName: r.Name, Details: map[string]any{"restore": w.ID.String(), "safetyBackup": w.SafetyID.String()}})
	if err != nil {
		return err
	}
	return changed(ctx, q, r, true, at)
}

// abandonRewind ends a restore in place of an instance that is removed for good.
func (s *Service) abandonRewind(ctx context.Context, tx store.Tx, r row, at time.Time) error {
	w, err := instancedb.New(tx).OpenRewind(ctx, r.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.endRewind(ctx, tx, r, w, "The instance was removed for good before.", at, nil)
}
