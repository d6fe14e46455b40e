package instance

import (
	"context"
	"encoding/json"
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

// The states of a restore drill, beside wanted and running.
const (
	drillPassed = "passed"
	drillFailed = "failed"
)

// noDrills says in plain words why no restore drill of an instance's backups can
// be made, or "".
func (s *Service) noDrills(ctx context.Context, tx store.Tx, r row) (string, error) {
	if !planOf(r).enabled() {
		return "No backups are being taken.", nil
	}
	v, err := s.ByID(ctx, tx, r.ID)
	if err != nil {
		return "", err
	}
	engine, err := reportedEngine(ctx, tx, v.Zone, r.Service)
	if err != nil || engine.Drills {
		return "", err
	}
	return "The zone's driver cannot make restore drills of this service yet.", nil
}

// newestBackup is the newest that can be restored where the instance's backups are kept
// now, or nil.
func newestBackup(ctx context.Context, q *instancedb.Queries, r row) (*instancedb.Backup, error) {
	bucket, err := plannedBucket(ctx, q, r)
	if err != nil {
		return nil, err
	}
	rows, err := q.Backups(ctx, r.ID)
	var newest *instancedb.Backup
	for i, b := range rows {
		if b.State == backupCompleted && sameBucket(b.BucketID, bucket) && b.FinishedReal != nil && (newest == nil || b.FinishedReal.After(*newest.FinishedReal)) {
			newest = &rows[i]
		}
	}
	return newest, err
}

// planDrill has a drill made where one is due, and gives up those of an instance
// that does not run any more. It returns when the next is due; nil: none is.
func (s *Service) planDrill(ctx context.Context, tx store.Tx, id uuid.UUID, now time.Time) (*time.Time, error) {
	q := instancedb.New(tx)
	r, err := q.ByIDForUpdate(ctx, id)
	if err != nil {
		return nil, err
	}
	if !intentActive(r) {
		_, err := q.CancelDrills(ctx, instancedb.CancelDrillsParams{InstanceID: id, Message: "The instance was stopped before the drill was over.", At: now})
		return nil, err
	}
	set, err := q.BackupSet(ctx, id)
	if err != nil {
		return nil, err
	}
	plan := planOf(r)
	newest, err := newestBackup(ctx, q, r)
	if err != nil {
		return nil, err
	}
	why, err := s.noDrills(ctx, tx, r)
	if err != nil {
		return nil, err
	}
	due := set.DrillDue
	switch every := plan.DrillEvery(); {
	case why != "" || every == 0 || newest == nil || !r.HeldData:
		due = nil
	case due == nil:
		first := plan.FirstDrill(id.String(), now)
		due = &first
	case !due.After(now):
		if err := s.orderDrill(ctx, tx, r, *newest, "scheduled", SystemActor, now); err != nil {
			return nil, err
		}
		next := due.Add(every)
		if !next.After(now) { // what was missed is caught up once
			next = now.Add(every)
		}
		due = &next
	}
	return due, q.DrillDue(ctx, instancedb.DrillDueParams{InstanceID: id, DrillDue: due})
}

// orderDrill writes down that a drill is to be made, unless one is under way or the
// instance is restored in place, and tells the zone.
func (s *Service) orderDrill(ctx context.Context, tx store.Tx, r row, of instancedb.Backup, kind, actor string, at time.Time) error {
	q := instancedb.New(tx)
	if _, err := q.OpenDrill(ctx, r.ID); !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if _, err := q.OpenRewind(ctx, r.ID); !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	err := q.InsertDrill(ctx, instancedb.InsertDrillParams{ID: store.NewID(), OrganizationID: r.OrganizationID, InstanceID: r.ID, BackupID: of.ID, Kind: kind, Actor: actor, CreatedAt: at})
	if err != nil {
		return err
	}
	return changed(ctx, q, r, true, at)
}

// StartDrill asks for a restore drill beside the schedule, as soon as the zone can.
// One at a time is made.
func (s *Service) StartDrill(ctx context.Context, tx store.Tx, p Place, name string) (api.Drill, error) {
	var id uuid.UUID
	_, err := s.act(ctx, tx, p, name, func(r *row, at time.Time) (change, error) {
		if err := alive(View{Instance: *r}); err != nil {
			return change{}, err
		}
		if !intentActive(*r) || !r.HeldData {
			return change{}, problem.Conflict("not-running", "%s is %s, and a drill compares what is restored with an instance that runs. Ask again when it is Ready.", r.Name, r.Phase)
		}
		why, err := s.noDrills(ctx, tx, *r)
		if err != nil {
			return change{}, err
		}
		if why != "" {
			return change{}, problem.Conflict("no-drills", "No restore drill of %s can be made. %s", r.Name, why)
		}
		q := instancedb.New(tx)
		if err := notRestoring(ctx, q, *r); err != nil {
			return change{}, err
		}
		if _, err := q.OpenDrill(ctx, r.ID); !errors.Is(err, pgx.ErrNoRows) {
			if err != nil {
				return change{}, err
			}
			return change{}, problem.Conflict("drill-under-way", "A restore drill of %s is under way already. Wait until it is over.", r.Name)
		}
		newest, err := newestBackup(ctx, q, *r)
		if err != nil {
			return change{}, err
		}
		if newest == nil {
			return change{}, problem.Conflict("no-backup", "There is no backup of %s yet that could be restored. Ask for one first: souk backup %s.", r.Name, r.Name)
		}
		id = store.NewID()
		err = q.InsertDrill(ctx, instancedb.InsertDrillParams{ID: id, OrganizationID: r.OrganizationID, InstanceID: r.ID, BackupID: newest.ID, Kind: "requested", Actor: p.Actor, CreatedAt: at})
		return change{action: "drill.request", message: "A restore drill was asked for.", details: map[string]any{"drill": id.String(), "backup": newest.ID.String()}, zone: true}, err
	})
	if err != nil {
		return api.Drill{}, err
	}
	return s.Drill(ctx, tx, p, name, id.String())
}

// Drills lists the restore drills of an instance, also after it was removed for
// good.
func (s *Service) Drills(ctx context.Context, tx store.Tx, p Place, name string) (api.DrillList, error) {
	r, err := s.backedUp(ctx, tx, p, name)
	if err != nil {
		return api.DrillList{}, err
	}
	q := instancedb.New(tx)
	rows, err := q.Drills(ctx, r.ID)
	if err != nil {
		return api.DrillList{}, err
	}
	out := api.DrillList{Items: make([]api.Drill, len(rows)), Every: planOf(r).drills()}
	for i, d := range rows {
		out.Items[i] = drillDoc(r, d)
	}
	if out.Message, err = s.noDrills(ctx, tx, r); err != nil || out.Message != "" || !intentActive(r) {
		return out, err
	}
	set, err := q.BackupSet(ctx, r.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return out, nil
	}
	out.Next = utc(set.DrillDue)
	return out, err
}

// Drill returns one restore drill of an instance.
func (s *Service) Drill(ctx context.Context, tx store.Tx, p Place, name, id string) (api.Drill, error) {
	r, d, err := s.findDrill(ctx, tx, p, name, id)
	return drillDoc(r, d), err
}

func (s *Service) findDrill(ctx context.Context, tx store.Tx, p Place, name, id string) (row, instancedb.Drill, error) {
	r, err := s.backedUp(ctx, tx, p, name)
	if err != nil {
		return r, instancedb.Drill{}, err
	}
	parsed, err := uuid.Parse(id)
	if err != nil {
		return r, instancedb.Drill{}, problem.NotFound("drill", id)
	}
	d, err := instancedb.New(tx).Drill(ctx, instancedb.DrillParams{InstanceID: r.ID, ID: parsed})
	return r, d, notFound(err, "drill", id)
}

func drillDoc(r row, d instancedb.Drill) api.Drill {
	return api.Drill{ID: d.ID.String(), Instance: r.Name, Backup: d.BackupID.String(), Kind: d.Kind, State: d.State, Message: d.Message, RequestedBy: d.Actor,
		CreatedAt: d.CreatedAt.UTC(), StartedAt: utc(d.StartedAt), FinishedAt: utc(d.FinishedAt), Result: drillResult(d), Certificate: d.Certificate != ""}
}

// drillResult is what the zone measured; nil where nothing was restored.
func drillResult(d instancedb.Drill) *api.DrillResult {
	var m agentapi.DrillMeasured
	if len(d.Measured) == 0 || json.Unmarshal(d.Measured, &m) != nil {
		return nil
	}
	out := &api.DrillResult{Version: m.Version, RestoreMilliseconds: m.RestoreMillis, PointInTime: m.PointInTime, LossMilliseconds: m.LossMillis,
		Canaries: m.Canaries, CanariesSHA256: m.Digest, Checks: []api.DrillCheck{}}
	for _, c := range m.Checks {
		out.Checks = append(out.Checks, api.DrillCheck(c))
	}
	return out
}
