package instance

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// The states of a backup.
const (
	backupWanted    = "wanted"
	backupRunning   = "running"
	backupCompleted = "completed"
	backupFailed    = "failed"
	backupLost      = "lost"
	backupExpiring  = "expiring"
	backupExpired   = "expired"
)

func (s *Service) realNow() time.Time {
	if s.RealNow != nil {
		return s.RealNow().UTC()
	}
	return time.Now().UTC()
}

// backedUp finds an instance by name or ID, one that was removed for good too.
func (s *Service) backedUp(ctx context.Context, tx store.Tx, p Place, name string) (row, error) {
	q := instancedb.New(tx)
	if id, err := uuid.Parse(name); err == nil {
		r, err := q.InProject(ctx, instancedb.InProjectParams{ProjectID: p.Project, ID: id})
		if !errors.Is(err, pgx.ErrNoRows) {
			return r, err
		}
	}
	r, err := q.NewestByName(ctx, instancedb.NewestByNameParams{ProjectID: p.Project, Name: name})
	return r, notFound(err, "instance", name)
}

// BackupSummaries says of which instances of a project backups are kept.
func (s *Service) BackupSummaries(ctx context.Context, tx store.Tx, p Place) ([]api.BackupSummary, error) {
	rows, err := instancedb.New(tx).BackupSummaries(ctx, p.Project)
	out := make([]api.BackupSummary, len(rows))
	for i, r := range rows {
		out[i] = api.BackupSummary{Instance: r.Name, InstanceID: r.ID.String(), Service: r.Service, Phase: api.Phase(r.Phase), Backups: r.Backups, Newest: r.Newest.UTC(), StoredBytes: r.StoredBytes}
	}
	return out, err
}

// Backups lists what is kept of an instance, also after it was removed for good.
func (s *Service) Backups(ctx context.Context, tx store.Tx, p Place, name string) (api.BackupList, error) {
	r, err := s.backedUp(ctx, tx, p, name)
	if err != nil {
		return api.BackupList{}, err
	}
	q := instancedb.New(tx)
	rows, err := q.Backups(ctx, r.ID)
	if err != nil {
		return api.BackupList{}, err
	}
	out := api.BackupList{Items: []api.Backup{}, Instance: r.Name, InstanceID: r.ID.String(), Phase: api.Phase(r.Phase), Enabled: planOf(r).enabled() && r.Intent == string(agentapi.IntentActive)}
	names, err := bucketNames(ctx, q, r, rows)
	if err != nil {
		return api.BackupList{}, err
	}
	for _, b := range rows {
		each := backupDoc(r, b)
		if b.BucketID != nil {
			each.Bucket = names[*b.BucketID]
		}
		out.Items = append(out.Items, each)
	}
	if out.Enabled {
		if next := planOf(r).Next(r.ID.String(), s.Clock.Now()); !next.IsZero() {
			out.Next = &next
		}
	}
	v, err := s.ByID(ctx, tx, r.ID)
	if err != nil {
		return api.BackupList{}, err
	}
	engine, err := reportedEngine(ctx, tx, v.Zone, r.Service)
	if err != nil {
		return api.BackupList{}, err
	}
	out.Snapshots, out.OwnBuckets = engine.Snapshots, engine.OwnBuckets
	if why := whyNoBackups(engine); why != "" && !out.Enabled {
		out.Unavailable = sentenceCase(why)
	}
	set, err := q.BackupSet(ctx, r.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return out, nil
	}
	if err != nil {
		return api.BackupList{}, err
	}
	out.Message = set.Message
	out.From, out.Until = s.reach(set, rows)
	return out, nil
}

// reach is between which points in time, in real time, an instance can be restored.
func (s *Service) reach(set instancedb.BackupSet, rows []instancedb.Backup) (from, until *time.Time) {
	for _, b := range rows {
		if b.State == backupCompleted && sameBucket(b.BucketID, set.BucketID) && b.FinishedReal != nil && (from == nil || b.FinishedReal.Before(*from)) {
			from = utc(b.FinishedReal)
		}
	}
	until = utc(set.ArchivedUntil)
	if now := s.realNow(); set.Archiving {
		until = &now
	}
	if from == nil || until == nil || until.Before(*from) {
		return nil, nil
	}
	return from, until
}

func backupDoc(r row, b instancedb.Backup) api.Backup {
	return api.Backup{ID: b.ID.String(), Instance: r.Name, Kind: b.Kind, State: b.State, Message: b.Message, RequestedBy: b.Actor, CreatedAt: b.CreatedAt.UTC(),
		StartedAt: utc(b.StartedAt), FinishedAt: utc(b.FinishedAt), SizeBytes: b.SizeBytes, StoredBytes: b.StoredBytes}
}

// Backup returns one backup of an instance.
func (s *Service) Backup(ctx context.Context, tx store.Tx, p Place, name, id string) (api.Backup, error) {
	r, err := s.backedUp(ctx, tx, p, name)
	if err != nil {
		return api.Backup{}, err
	}
	q := instancedb.New(tx)
	b, err := findBackup(ctx, q, r, id)
	if err != nil {
		return api.Backup{}, err
	}
	out := backupDoc(r, b)
	if b.BucketID != nil {
		names, err := bucketNames(ctx, q, r, []instancedb.Backup{b})
		if err != nil {
			return api.Backup{}, err
		}
		out.Bucket = names[*b.BucketID]
	}
	out.IfDeleted, err = ifDeleted(ctx, q, r, b)
	return out, err
}

func findBackup(ctx context.Context, q *instancedb.Queries, r row, id string) (instancedb.Backup, error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return instancedb.Backup{}, problem.NotFound("backup", id)
	}
	b, err := q.Backup(ctx, instancedb.BackupParams{InstanceID: r.ID, ID: parsed})
	return b, notFound(err, "backup", id)
}

// BackUp asks for a backup beside the plan, as soon as the zone can. One at a time
// can be asked for.
func (s *Service) BackUp(ctx context.Context, tx store.Tx, p Place, name string) (api.Backup, error) {
	id := store.NewID()
	_, err := s.act(ctx, tx, p, name, func(r *row, at time.Time) (change, error) {
		if err := alive(View{Instance: *r}); err != nil {
			return change{}, err
		}
		if !planOf(*r).enabled() {
			return change{}, problem.Conflict("backups-off", "No backups of %s are kept. Turn them on first: souk update %s --set spec.backup.enabled=true.", r.Name, r.Name)
		}
		if !intentActive(*r) || !r.HeldData {
			return change{}, problem.Conflict("not-running", "%s is %s, and only an instance that runs can be backed up. Ask again when it is Ready.", r.Name, r.Phase)
		}
		q := instancedb.New(tx)
		if err := notRestoring(ctx, q, *r); err != nil {
			return change{}, err
		}
		rows, err := q.Backups(ctx, r.ID)
		if err != nil {
			return change{}, err
		}
		for _, b := range rows {
			if b.Kind == "requested" && (b.State == backupWanted || b.State == backupRunning) {
				return change{}, problem.Conflict("backup-under-way", "A backup of %s was asked for already and is not done yet. Wait until it is.", r.Name)
			}
		}
		err = q.InsertBackup(ctx, instancedb.InsertBackupParams{ID: id, OrganizationID: r.OrganizationID, InstanceID: r.ID, Actor: p.Actor, CreatedAt: at})
		return change{action: "backup.request", message: "A backup was asked for.", details: map[string]any{"backup": id.String()}, zone: true}, err
	})
	if err != nil {
		return api.Backup{}, err
	}
	return s.Backup(ctx, tx, p, name, id.String())
}
