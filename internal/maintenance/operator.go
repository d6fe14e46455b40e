package maintenance

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/audit"
	"souk/internal/instance"
	"souk/internal/maintenance/maintenancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// The shortest notice of the operator's work, and of that which is urgent.
const (
	Notice       = 7 * 24 * time.Hour
	UrgentNotice = time.Hour
)

// urgentWithin is how long after its time urgent work may still begin.
const urgentWithin = 4 * time.Hour

// MostRestarts is how many restarts are planned at a time.
const MostRestarts = 2000

// byOperator is who plans the operator's work, as customers are told.
const byOperator = "the operator"

// Why the restart of a zone's instance is left out.
const (
	leftSuspended = "suspended" // its servers start anew when it is resumed
	leftNotReady  = "not-ready" // it has not been ready yet
	leftPlanned   = "planned"   // a restart of it is planned already, or under way
)

// restarts are what the operator plans at a time.
type restarts struct {
	at   time.Time
	of   []instance.View
	rows []maintenancedb.InsertParams // beside them
	left []api.MaintenanceLeftOut
}

// PreviewRestarts says what PlanRestarts would plan, and writes nothing.
func (s *Service) PreviewRestarts(ctx context.Context, tx store.Tx, want api.MaintenancePlan) (api.MaintenancePlanned, error) {
	all, err := s.restarts(ctx, tx, want)
	if err != nil {
		return api.MaintenancePlanned{}, err
	}
	return all.document(), nil
}

// PlanRestarts plans restarts of servers, by the operator: of one instance, or of each
// that runs in a zone, in its own window. In a zone those are left out for which a
// restart is planned already, so that the same again plans nothing twice.
func (s *Service) PlanRestarts(ctx context.Context, tx store.Tx, by, request string, want api.MaintenancePlan) (api.MaintenancePlanned, error) {
	all, err := s.restarts(ctx, tx, want)
	if err != nil {
		return api.MaintenancePlanned{}, err
	}
	out := all.document()
	out.Planned = true
	for i, v := range all.of {
		id, err := insert(ctx, tx, v, all.rows[i])
		if err != nil {
			return out, err
		}
		m := &out.Items[i]
		m.ID = id.String()
		err = audit.Write(ctx, tx, audit.Event{Organization: v.OrganizationID, Project: v.ProjectID, At: all.rows[i].CreatedAt, Actor: by, Action: "maintenance.plan", Kind: "instance",
			ObjectID: v.ID.String(), ObjectName: v.Name, RequestID: request, Details: map[string]any{"maintenance": m.ID, "title": all.rows[i].Title, "from": m.From, "until": m.Until, "urgent": want.Urgent}})
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

func (r restarts) document() api.MaintenancePlanned {
	out := api.MaintenancePlanned{At: r.at, Items: []api.PlannedRestart{}, LeftOut: append([]api.MaintenanceLeftOut{}, r.left...)}
	for i, v := range r.of {
		row := r.rows[i]
		out.Items = append(out.Items, api.PlannedRestart{Organization: v.Organization, Project: v.Project, Instance: v.Name, InstanceID: v.ID.String(), Service: v.Service,
			Effect: row.Effect, From: row.FirstFrom.UTC(), Until: row.UntilAt.UTC()})
	}
	return out
}

// restarts are those that a plan means.
func (s *Service) restarts(ctx context.Context, tx store.Tx, want api.MaintenancePlan) (restarts, error) {
	reason := strings.TrimSpace(want.Reason)
	if strings.ContainsFunc(reason, unicode.IsControl) {
		return restarts{}, problem.InvalidField("body.reason", nil, "A reason is one line.")
	}
	now := s.Clock.Now()
	earliest, err := earliestFor(want, now)
	if err != nil {
		return restarts{}, err
	}
	all, err := s.meant(ctx, tx, want)
	if err != nil {
		return restarts{}, err
	}
	out, err := withoutThoseLeftOut(ctx, tx, want, all)
	if err != nil {
		return out, err
	}
	out.at = now
	effect, err := restartEffects(ctx, maintenancedb.New(tx), out.of...)
	if err != nil {
		return out, err
	}
	for _, v := range out.of {
		m := maintenancedb.InsertParams{Kind: kindRestart, Title: reason, Effect: effect(v.ID), PlannedBy: byOperator, CreatedAt: now, Urgent: want.Urgent,
			FirstFrom: earliest, UntilAt: earliest.Add(urgentWithin)}
		if !want.Urgent {
			m.FirstFrom, m.UntilAt = instance.WindowOf(v.Instance).Next(earliest)
		}
		out.rows = append(out.rows, m)
	}
	return out, nil
}

// earliestFor is before when no planned work may begin: people are told ahead.
func earliestFor(want api.MaintenancePlan, now time.Time) (time.Time, error) {
	earliest := now.Add(Notice)
	if want.Urgent {
		earliest = now.Add(UrgentNotice)
	}
	if want.NotBefore == nil {
		return earliest, nil
	}
	if want.NotBefore.Before(earliest) {
		return earliest, problem.InvalidField("body.notBefore", want.NotBefore, "People have to be told ahead: give %s or later.", earliest.Format(time.RFC3339))
	}
	return *want.NotBefore, nil
}

// meant are the instances that a plan names, or those of its zone that are not deleted.
func (s *Service) meant(ctx context.Context, tx store.Tx, want api.MaintenancePlan) ([]instance.View, error) {
	switch {
	case want.Instance != "" && want.Zone != "":
		return nil, problem.InvalidField("body.zone", want.Zone, "Say an instance or a zone, not both.")
	case want.Instance != "" && want.Service != "":
		return nil, problem.InvalidField("body.service", want.Service, "An instance has its own service; say one beside a zone.")
	case want.Instance != "":
		return s.oneMeant(ctx, tx, want.Instance)
	case want.Zone == "":
		return nil, problem.InvalidField("body.instance", nil, "Say which instance, or which zone.")
	}
	return s.meantIn(ctx, tx, want.Zone, want.Service)
}

func (s *Service) oneMeant(ctx context.Context, tx store.Tx, text string) ([]instance.View, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, problem.InvalidField("body.instance", text, "This is not the ID of an instance.")
	}
	v, err := s.Instances.ByID(ctx, tx, id)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && v.Phase == string(api.PhasePurged) {
		return nil, problem.InvalidField("body.instance", text, "There is no instance with this ID.")
	}
	return []instance.View{v}, err
}

func (s *Service) meantIn(ctx context.Context, tx store.Tx, zone, service string) ([]instance.View, error) {
	known, err := maintenancedb.New(tx).Known(ctx, maintenancedb.KnownParams{Zone: zone, Service: service})
	switch {
	case err != nil:
		return nil, err
	case !known.Zone:
		return nil, problem.InvalidField("body.zone", zone, "There is no zone with this name.")
	case service != "" && !known.Service:
		return nil, problem.InvalidField("body.service", service, "There is no service with this name.")
	}
	var all []instance.View
	for q := (instance.Query{Zone: zone, Service: service, Sort: "name", Limit: 200}); ; {
		page, next, err := s.Instances.List(ctx, tx, q)
		if err != nil {
			return nil, err
		}
		for _, v := range page {
			if v.Intent != string(agentapi.IntentDeleted) && v.Intent != string(agentapi.IntentPurged) {
				all = append(all, v)
			}
		}
		if len(all) > MostRestarts {
			return nil, problem.InvalidField("body.zone", zone, "More than %d instances are meant, which is too many at a time: say a service of the zone.", MostRestarts)
		}
		if next == "" {
			return all, nil
		}
		q.Cursor = next
	}
}

// withoutThoseLeftOut leaves out, of a zone's instances, those that a restart makes no
// sense of. Who names one instance means it as it is. What is planned does not keep
// urgent work from being planned as well.
func withoutThoseLeftOut(ctx context.Context, tx store.Tx, want api.MaintenancePlan, all []instance.View) (restarts, error) {
	if want.Instance != "" {
		return restarts{of: all}, nil
	}
	open, err := maintenancedb.New(tx).OpenRestarts(ctx, maintenancedb.OpenRestartsParams{Instances: ids(all), Urgent: want.Urgent})
	if err != nil {
		return restarts{}, err
	}
	planned := map[uuid.UUID]time.Time{}
	for _, o := range open {
		planned[o.InstanceID] = o.FromAt.UTC()
	}
	var out restarts
	for _, v := range all {
		left := api.MaintenanceLeftOut{Organization: v.Organization, Project: v.Project, Instance: v.Name, InstanceID: v.ID.String()}
		at, already := planned[v.ID]
		switch {
		case v.Intent != string(agentapi.IntentActive):
			left.Reason = leftSuspended
		case !v.HeldData:
			left.Reason = leftNotReady
		case already:
			left.Reason, left.PlannedFor = leftPlanned, &at
		default:
			out.of = append(out.of, v)
			continue
		}
		out.left = append(out.left, left)
	}
	return out, nil
}

func ids(all []instance.View) []uuid.UUID {
	out := make([]uuid.UUID, len(all))
	for i, v := range all {
		out[i] = v.ID
	}
	return out
}

// Replanned are the restarts that an earlier request of the same words has planned.
func (s *Service) Replanned(ctx context.Context, tx store.Tx, want api.MaintenancePlan, at time.Time) (api.MaintenancePlanned, error) {
	out := api.MaintenancePlanned{At: at, Planned: true, Items: []api.PlannedRestart{}, LeftOut: []api.MaintenanceLeftOut{}}
	rows, err := maintenancedb.New(tx).PlannedAt(ctx, maintenancedb.PlannedAtParams{PlannedBy: byOperator, CreatedAt: at, Title: strings.TrimSpace(want.Reason), Instance: want.Instance, Zone: want.Zone, Service: want.Service})
	for _, r := range rows {
		out.Items = append(out.Items, api.PlannedRestart{ID: r.ID.String(), Organization: r.Organization, Project: r.Project, Instance: r.Instance, InstanceID: r.InstanceID.String(), Service: r.Service,
			Effect: r.Effect, From: r.FromAt.UTC(), Until: r.UntilAt.UTC()})
	}
	return out, err
}
