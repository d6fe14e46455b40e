package maintenance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/audit"
	"souk/internal/instance"
	"souk/internal/maintenance/maintenancedb"
	"souk/internal/store"
)

// overrun is how long after its window a maintenance may go on before it counts as
// failed. What was begun is still carried out.
const overrun = time.Hour

// chunk bounds how many maintenances are begun at a time.
const chunk = 100

// CarryOut begins what is due and ends what is done. One that fails keeps no other
// from it.
func (s *Service) CarryOut(ctx context.Context) error {
	var due []maintenancedb.DueRow
	var under []maintenancedb.RunningRow
	err := s.Store.System(ctx, func(tx store.Tx) (err error) {
		q := maintenancedb.New(tx)
		if due, err = q.Due(ctx, maintenancedb.DueParams{Limit: chunk, Now: s.Clock.Now()}); err != nil {
			return err
		}
		under, err = q.Running(ctx)
		return err
	})
	if err != nil {
		return err
	}
	var failed error
	for _, m := range under {
		failed = errors.Join(failed, stuck("end", m.ID, s.within(ctx, m.OrganizationID, func(tx store.Tx) error { return s.end(ctx, tx, m.ID) })))
	}
	for _, m := range due {
		err := s.within(ctx, m.OrganizationID, func(tx store.Tx) error { return s.begin(ctx, tx, m.ID) })
		if why, refused := instance.Refused(err); refused {
			err = s.within(ctx, m.OrganizationID, func(tx store.Tx) error { return s.refuse(ctx, tx, m.ID, why) })
		}
		failed = errors.Join(failed, stuck("begin", m.ID, err))
	}
	return failed
}

// stuck says which maintenance an error is about; it is tried again, and the others
// do not wait for it.
func stuck(step string, id uuid.UUID, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s maintenance %s: %w", step, id, err)
}

// within runs f in a transaction of an organization's.
func (s *Service) within(ctx context.Context, organization uuid.UUID, f func(tx store.Tx) error) error {
	return s.Store.Tenant(ctx, store.Scope{Organizations: []uuid.UUID{organization}}, f)
}

// locked reads a maintenance, which stays as it is until the transaction ends.
func locked(ctx context.Context, q *maintenancedb.Queries, id uuid.UUID) (maintenancedb.GetRow, error) {
	if _, err := q.Lock(ctx, id); err != nil {
		return maintenancedb.GetRow{}, err
	}
	return q.Get(ctx, id)
}

// begin begins a maintenance whose time has come, if its instance is fit for it.
// Where it is not until the window closes, as while the control plane or the zone is
// away, the maintenance moves on to the next one.
func (s *Service) begin(ctx context.Context, tx store.Tx, id uuid.UUID) error {
	q := maintenancedb.New(tx)
	m, err := locked(ctx, q, id)
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	if m.State != planned || m.FromAt.After(now) {
		return nil // another replica was faster, or somebody put it off
	}
	v, err := s.Instances.ByID(ctx, tx, m.InstanceID)
	if err != nil {
		return err
	}
	if v.Intent == string(agentapi.IntentDeleted) || v.Intent == string(agentapi.IntentPurged) {
		_, err := s.cancel(ctx, tx, id, "Its instance was deleted.")
		return err
	}
	why := s.unfit(v)
	if now.Before(m.UntilAt) && why != "" {
		return nil // there is time
	}
	if !now.Before(m.UntilAt) {
		return s.missed(ctx, q, m, v, why, now)
	}
	return s.carryOut(ctx, tx, q, m, v, now)
}

// unfit says why an instance cannot be maintained now, or "".
func (s *Service) unfit(v instance.View) string {
	if !instance.Reachable(v.ZoneSeenReal, v.ZoneRevoked, s.real()).Status {
		return "its zone could not be reached"
	}
	switch api.Phase(v.Phase) {
	case api.PhaseReady, api.PhaseSuspended:
		return ""
	}
	return "the instance was " + v.Phase
}

// missed moves a maintenance on to the next window.
func (s *Service) missed(ctx context.Context, q *maintenancedb.Queries, m maintenancedb.GetRow, v instance.View, why string, now time.Time) error {
	if why == "" {
		why = "Souk itself was away"
	}
	from, until := instance.WindowOf(v.Instance).Next(now)
	return q.Move(ctx, maintenancedb.MoveParams{ID: m.ID, FromAt: from, UntilAt: until, NoticeAt: &now, Deferrals: m.Deferrals, At: &now,
		Message: fmt.Sprintf("The window of %s passed without it, as %s. It takes place in the next one.", m.FromAt.UTC().Format(time.RFC3339), why)})
}

func (s *Service) carryOut(ctx context.Context, tx store.Tx, q *maintenancedb.Queries, m maintenancedb.GetRow, v instance.View, now time.Time) error {
	if m.Kind == kindRestart {
		v, err := s.Instances.Restart(ctx, tx, m.InstanceID, m.Title)
		if err != nil {
			return err
		}
		if err := s.audit(ctx, tx, m, "maintenance.begin", now); err != nil {
			return err
		}
		return q.Begin(ctx, maintenancedb.BeginParams{ID: m.ID, Generation: v.Generation, Changes: m.Changes, At: &now})
	}
	place := instance.Place{Organization: v.OrganizationID, Project: v.ProjectID, OrganizationName: v.Organization, ProjectName: v.Project, Actor: instance.SystemActor}
	v, changes, err := s.Instances.MakePutOff(ctx, tx, place, m.InstanceID, m.Patch, int(m.PriceList))
	if err != nil {
		return err
	}
	if err := s.audit(ctx, tx, m, "maintenance.begin", now); err != nil {
		return err
	}
	if len(changes) == 0 {
		if err := q.Begin(ctx, maintenancedb.BeginParams{ID: m.ID, Generation: v.Generation, Changes: m.Changes, At: &now}); err != nil {
			return err
		}
		return q.End(ctx, maintenancedb.EndParams{ID: m.ID, State: completed, Message: "It was like that already, so that nothing was left to do.", At: &now})
	}
	made, err := json.Marshal(changes)
	if err != nil {
		return err
	}
	return q.Begin(ctx, maintenancedb.BeginParams{ID: m.ID, Generation: v.Generation, Changes: made, At: &now})
}

// refuse ends a maintenance that cannot be carried out as it was planned.
func (s *Service) refuse(ctx context.Context, tx store.Tx, id uuid.UUID, why string) error {
	q := maintenancedb.New(tx)
	m, err := locked(ctx, q, id)
	if err != nil {
		return err
	}
	if m.State != planned {
		return nil
	}
	now := s.Clock.Now()
	if err := s.audit(ctx, tx, m, "maintenance.refuse", now); err != nil {
		return err
	}
	return q.End(ctx, maintenancedb.EndParams{ID: id, State: failed, Message: "It could not be carried out: " + why, At: &now, NoticeAt: &now})
}

// end ends a maintenance that is done: what it brought is in force, and the instance
// answers its clients.
func (s *Service) end(ctx context.Context, tx store.Tx, id uuid.UUID) error {
	q := maintenancedb.New(tx)
	m, err := locked(ctx, q, id)
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	if m.State != running {
		return nil
	}
	given := now.After(m.UntilAt.Add(overrun))
	ended, interruption, err := s.Instances.EndMaintaining(ctx, tx, m.InstanceID, m.Generation, given)
	if err != nil || !ended {
		return err
	}
	p := maintenancedb.EndParams{ID: id, State: completed, Message: "Carried out. The instance was found to answer its clients afterwards.", At: &now}
	if interruption != nil {
		ms := interruption.Milliseconds()
		p.InterruptionMs = &ms
	}
	v, err := s.Instances.ByID(ctx, tx, m.InstanceID)
	if err != nil {
		return err
	}
	if m.Version != "" {
		if p.State, p.Message = versionReached(m, v.EngineVersion); p.State == failed {
			p.NoticeAt = &now
		}
	}
	if given {
		p.State, p.NoticeAt = failed, &now
		p.Message = fmt.Sprintf("It was begun, and was not done an hour after its window: the instance is %s. %s", v.Phase, v.Message)
	}
	if err := s.audit(ctx, tx, m, "maintenance.end", now); err != nil {
		return err
	}
	return q.End(ctx, p)
}

func (s *Service) audit(ctx context.Context, tx store.Tx, m maintenancedb.GetRow, action string, now time.Time) error {
	return audit.Write(ctx, tx, audit.Event{Organization: m.OrganizationID, Project: m.ProjectID, At: now, Actor: instance.SystemActor, Action: action,
		Kind: "instance", ObjectID: m.InstanceID.String(), ObjectName: m.Instance, Details: map[string]any{"maintenance": m.ID.String(), "title": m.Title}})
}
