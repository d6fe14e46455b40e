package instance

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/backup"
	"souk/internal/billing"
	"souk/internal/driver"
	"souk/internal/instance/instancedb"
	"souk/internal/store"
)

// lookAgain is after how long, by Souk's clock, an instance's backups are seen to
// again, although there is nothing new.
const lookAgain = time.Hour

// MarkExpired marks the backups of one instance that no rule keeps any more, has a
// restore drill made where one is due, and says whether it saw to one. What has
// expired is removed where it is kept next.
func (s *Service) MarkExpired(ctx context.Context, st *store.Store) (bool, error) {
	done := false
	err := st.System(ctx, func(tx store.Tx) error {
		q := instancedb.New(tx)
		now := s.Clock.Now()
		due, err := q.BackupSetDue(ctx, now)
		if done = len(due) > 0; err != nil || !done {
			return err
		}
		if err := s.markExpired(ctx, tx, due[0], now); err != nil {
			return err
		}
		again := now.Add(lookAgain)
		drill, err := s.planDrill(ctx, tx, due[0], now)
		if err != nil {
			return err
		}
		if drill != nil && drill.Before(again) {
			again = *drill
		}
		return q.LookAtBackupSet(ctx, instancedb.LookAtBackupSetParams{InstanceID: due[0], LookAt: &again})
	})
	return done, err
}

// markExpired marks them. From then on they cost nothing, even if the zone cannot be
// reached to remove them.
func (s *Service) markExpired(ctx context.Context, tx store.Tx, instance uuid.UUID, now time.Time) error {
	q := instancedb.New(tx)
	r, err := q.ByIDForUpdate(ctx, instance)
	if err != nil {
		return err
	}
	rows, err := q.LockBackups(ctx, instance)
	if err != nil {
		return err
	}
	inUse, err := q.RestoresUnderWay(ctx, instance)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, id := range inUse {
		used[id.String()] = true
	}
	var taken []backup.Taken
	for _, b := range rows {
		if b.StartedAt != nil {
			taken = append(taken, backup.Taken{ID: b.ID.String(), At: *b.StartedAt})
		}
	}
	plan := planOf(r)
	for _, id := range plan.Keep.Expired(taken, plan.Zone, now, r.PurgedAt) {
		if used[id] {
			continue
		}
		if err := q.ExpireBackup(ctx, uuid.MustParse(id)); err != nil {
			return err
		}
	}
	at, err := s.now(ctx, q, r)
	if err != nil {
		return err
	}
	return billing.RecordBackups(ctx, tx, r.OrganizationID, r.ID, at)
}

// ExpiringBackup is one that is to be removed where it is kept.
type ExpiringBackup struct {
	ID           uuid.UUID
	Zone         uuid.UUID
	Of           driver.BackupSource
	Last         bool // with it, all that is kept of an instance that is gone
	organization uuid.UUID
	project      uuid.UUID
	instance     uuid.UUID
	name         string
}

// Expiring returns some of the backups that are to be removed.
func (s *Service) Expiring(ctx context.Context, st *store.Store, limit int32) ([]ExpiringBackup, error) {
	var out []ExpiringBackup
	err := st.System(ctx, func(tx store.Tx) error {
		rows, err := instancedb.New(tx).BackupsExpiring(ctx, limit)
		if err != nil {
			return err
		}
		out = make([]ExpiringBackup, len(rows))
		for i, b := range rows {
			key, err := s.OpenBackupKey(ctx, b.InstanceID, b.Secret)
			if err != nil {
				return err
			}
			place, err := s.BackupPlace(ctx, tx, b.OrganizationID, b.BucketID)
			if err != nil {
				return err
			}
			out[i] = ExpiringBackup{ID: b.ID, Zone: b.ZoneID, Last: b.Last, Of: driver.BackupSource{InstanceID: b.InstanceID.String(), Service: b.Service, Key: key, Place: place},
				organization: b.OrganizationID, project: b.ProjectID, instance: b.InstanceID, name: b.Name}
		}
		return nil
	})
	return out, err
}

// Expired records that a backup is not there any more. It is idempotent.
func (s *Service) Expired(ctx context.Context, st *store.Store, b ExpiringBackup) error {
	return st.System(ctx, func(tx store.Tx) error {
		q := instancedb.New(tx)
		now := s.Clock.Now()
		r, err := q.ByIDForUpdate(ctx, b.instance)
		if err != nil {
			return err
		}
		n, err := q.BackupExpired(ctx, instancedb.BackupExpiredParams{ID: b.ID, ExpiredAt: &now})
		if err != nil || n == 0 {
			return err
		}
		err = audit.Write(ctx, tx, audit.Event{Organization: b.organization, Project: b.project, At: now, Actor: SystemActor, Action: "backup.expire",
			Kind: "instance", ObjectID: b.instance.String(), ObjectName: b.name, Details: map[string]any{"backup": b.ID.String()}})
		if err != nil {
			return err
		}
		return changed(ctx, q, r, r.Phase != string(api.PhasePurged), now) // where it was the last one, another is taken at once
	})
}
