package instance

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/agentapi"
	"souk/internal/audit"
	"souk/internal/driver"
	"souk/internal/instance/instancedb"
	"souk/internal/store"
)

// mostChecks is how many checks a zone may tell of in one drill.
const mostChecks = 32

// applyDrill takes in what a zone reports of a restore drill. What comes late or
// again changes nothing.
func (s *Service) applyDrill(ctx context.Context, tx store.Tx, zone, id uuid.UUID, epoch int64, f agentapi.Fact) error {
	q := instancedb.New(tx)
	r, at, fresh, err := s.takeReport(ctx, q, zone, id, epoch, f)
	if err != nil || !fresh {
		return err
	}
	is := *f.Drill
	drill, err := uuid.Parse(is.ID)
	if err != nil {
		return nil
	}
	d, err := q.DrillForUpdate(ctx, instancedb.DrillForUpdateParams{InstanceID: id, ID: drill})
	if errors.Is(err, pgx.ErrNoRows) || err == nil && d.State != backupWanted && d.State != backupRunning {
		return nil
	}
	if err != nil {
		return err
	}
	started := before(is.StartedAt, at)
	if is.FinishedAt.IsZero() {
		if err := q.BeginDrill(ctx, instancedb.BeginDrillParams{ID: drill, StartedAt: &started}); err != nil {
			return err
		}
		return changed(ctx, q, r, false, at)
	}
	return s.endDrill(ctx, tx, r, d, is, started, before(is.FinishedAt, at), at)
}

func (s *Service) endDrill(ctx context.Context, tx store.Tx, r row, d instancedb.Drill, is agentapi.DrillFact, started, finished, at time.Time) error {
	q := instancedb.New(tx)
	state, problem := drillPassed, text(is.Problem)
	measured := measuredBy(is.Measured)
	if problem == "" && measured == nil {
		problem = "The zone did not say what was compared."
	}
	line := "A restore drill passed: the newest backup was restored to an instance of its own, compared, and removed again."
	if problem != "" {
		state, line = drillFailed, "A restore drill failed. "+problem
	}
	err := q.EndDrill(ctx, instancedb.EndDrillParams{ID: d.ID, State: state, Message: problem, StartedAt: &started, FinishedAt: &finished, Measured: measured})
	if err != nil {
		return err
	}
	if err := q.InsertEvent(ctx, instancedb.InsertEventParams{ID: store.NewID(), OrganizationID: r.OrganizationID, InstanceID: r.ID, At: at, Kind: "backup", Message: line}); err != nil {
		return err
	}
	err = audit.Write(ctx, tx, audit.Event{Organization: r.OrganizationID, Project: r.ProjectID, At: at, Actor: SystemActor, Action: "drill." + state,
		Kind: "instance", ObjectID: r.ID.String(), ObjectName: r.Name, Details: map[string]any{"drill": d.ID.String(), "backup": d.BackupID.String()}})
	if err != nil {
		return err
	}
	return changed(ctx, q, r, true, at)
}

// measuredBy is what a zone measured, cut to what may be stored; nil for nothing.
func measuredBy(m *agentapi.DrillMeasured) json.RawMessage {
	if m == nil {
		return nil
	}
	out := *m
	out.Version, out.Digest = text(m.Version), text(m.Digest)
	out.RestoreMillis, out.LossMillis, out.Canaries = max(m.RestoreMillis, 0), max(m.LossMillis, 0), max(m.Canaries, 0)
	out.Checks = nil
	for _, c := range m.Checks[:min(len(m.Checks), mostChecks)] {
		out.Checks = append(out.Checks, driver.Check{Name: text(c.Name), Passed: c.Passed, Detail: text(c.Detail)})
	}
	return mustJSON(out)
}
