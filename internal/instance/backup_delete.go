package instance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// DeleteBackup gives one backup up before it expires, also of an instance that was
// removed for good. From then on it cannot be restored and costs nothing, even if the
// zone cannot be reached to remove it. While the instance is protected, confirm has to
// be its name. It is idempotent.
func (s *Service) DeleteBackup(ctx context.Context, tx store.Tx, p Place, name, id, confirm string) (api.Backup, error) {
	r, err := s.backedUp(ctx, tx, p, name)
	if err != nil {
		return api.Backup{}, err
	}
	q := instancedb.New(tx)
	if r, err = q.ByIDForUpdate(ctx, r.ID); err != nil {
		return api.Backup{}, err
	}
	b, err := findBackup(ctx, q, r, id)
	if err != nil {
		return api.Backup{}, err
	}
	if b.State == backupExpiring {
		return backupDoc(r, b), nil
	}
	if err := deletable(ctx, q, r, b); err != nil {
		return api.Backup{}, err
	}
	if r.Protected && confirm != r.Name {
		return api.Backup{}, problem.InvalidField("query.confirm", confirm, "%s is protected against deletion, and so are its backups. Type its name, %s, to delete one.", r.Name, r.Name)
	}
	lost, err := ifDeleted(ctx, q, r, b)
	if err != nil {
		return api.Backup{}, err
	}
	at, err := s.now(ctx, q, r)
	if err != nil {
		return api.Backup{}, err
	}
	if err := q.ExpireBackup(ctx, b.ID); err != nil {
		return api.Backup{}, err
	}
	if err := billing.RecordBackups(ctx, tx, r.OrganizationID, r.ID, at); err != nil {
		return api.Backup{}, err
	}
	b.State = backupExpiring
	err = s.tell(ctx, tx, r, change{action: "backup.delete", message: fmt.Sprintf("The backup of %s is deleted. %s", b.CreatedAt.UTC().Format(time.RFC3339), lost),
		details: map[string]any{"backup": b.ID.String()}, at: at, actor: p.Actor, request: p.RequestID})
	return backupDoc(r, b), err
}

// deletable says why a backup cannot be given up now, or nil. It locks the backup, so
// that nothing is made of it meanwhile.
func deletable(ctx context.Context, q *instancedb.Queries, r row, b instancedb.Backup) error {
	state, err := q.LockBackup(ctx, b.ID)
	if err != nil {
		return err
	}
	if state != backupCompleted && state != backupLost {
		return problem.Conflict("not-completed", "This backup of %s is %s, and only one that is completed or lost can be deleted.", r.Name, state)
	}
	inUse, err := q.RestoresUnderWay(ctx, r.ID)
	if err != nil {
		return err
	}
	if slices.Contains(inUse, b.ID) {
		return problem.Conflict("restore-under-way", "Something is being restored from this backup of %s. Wait until that is over.", r.Name)
	}
	return nil
}

// ifDeleted says in plain words what cannot be restored any more without a backup.
func ifDeleted(ctx context.Context, q *instancedb.Queries, r row, b instancedb.Backup) (string, error) {
	if b.State != backupCompleted || b.FinishedReal == nil {
		return "", nil
	}
	rows, err := q.Backups(ctx, r.ID)
	if err != nil {
		return "", err
	}
	others := slices.DeleteFunc(rows, func(o instancedb.Backup) bool {
		return o.ID == b.ID || o.State != backupCompleted || o.FinishedReal == nil
	})
	if len(others) == 0 {
		return fmt.Sprintf("It is the last one: without it nothing of %s can be restored until there is another.", r.Name), nil
	}
	set, err := q.BackupSet(ctx, r.ID)
	if err != nil {
		return "", err
	}
	if set.ArchivedUntil == nil || !sameBucket(b.BucketID, set.BucketID) {
		return fmt.Sprintf("The state of %s cannot be restored without it.", b.FinishedReal.UTC().Format(time.RFC3339)), nil
	}
	return pointsLost(ctx, q, r, b, others)
}

// pointsLost says which points in time cannot be reached without a backup: those since
// it and before the next one, unless an earlier one reaches them too.
func pointsLost(ctx context.Context, q *instancedb.Queries, r row, b instancedb.Backup, others []instancedb.Backup) (string, error) {
	rewound, err := q.RewoundBefore(ctx, instancedb.RewoundBeforeParams{InstanceID: r.ID, Before: *b.FinishedReal})
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", err
	}
	var next *time.Time
	for _, o := range others {
		if !sameBucket(o.BucketID, b.BucketID) {
			continue
		}
		at := *o.FinishedReal
		if at.Before(*b.FinishedReal) && at.After(rewound) {
			return "Every point in time that can be restored now can be restored without it too.", nil
		}
		if at.After(*b.FinishedReal) && (next == nil || at.Before(*next)) {
			next = &at
		}
	}
	from := b.FinishedReal.UTC().Format(time.RFC3339)
	if next == nil {
		return fmt.Sprintf("No point in time from %s on can be restored without it, until there is another backup.", from), nil
	}
	return fmt.Sprintf("No point in time from %s to %s can be restored without it.", from, next.UTC().Format(time.RFC3339)), nil
}

// holdBackup keeps a backup from being given up or expiring until tx is over, and says
// whether it is there.
func holdBackup(ctx context.Context, q *instancedb.Queries, id uuid.UUID) (bool, error) {
	_, err := q.HoldBackup(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
