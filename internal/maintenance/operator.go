package maintenance

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"souk/api"
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

// PlanRestart plans a restart of an instance's servers, by the operator: for a newer
// version of the engine, say, that the zone has.
func (s *Service) PlanRestart(ctx context.Context, tx store.Tx, by, request string, want api.MaintenancePlan) (api.Maintenance, error) {
	id, err := uuid.Parse(want.Instance)
	if err != nil {
		return api.Maintenance{}, problem.InvalidField("body.instance", want.Instance, "This is not the ID of an instance.")
	}
	v, err := s.Instances.ByID(ctx, tx, id)
	if err != nil || v.Phase == string(api.PhasePurged) {
		return api.Maintenance{}, problem.InvalidField("body.instance", want.Instance, "There is no instance with this ID.")
	}
	reason := strings.TrimSpace(want.Reason)
	if strings.ContainsFunc(reason, unicode.IsControl) {
		return api.Maintenance{}, problem.InvalidField("body.reason", nil, "A reason is one line.")
	}
	if v.Driver == "kubernetes" {
		return api.Maintenance{}, problem.Conflict("zone-cannot", "Servers in zone %s cannot be restarted from here: its driver (%s) does not offer it yet.", v.Zone, v.Driver)
	}
	now := s.Clock.Now()
	effect, err := restartEffect(ctx, maintenancedb.New(tx), v.ID)
	if err != nil {
		return api.Maintenance{}, err
	}
	m := maintenancedb.InsertParams{Kind: kindRestart, Title: reason, Effect: effect, PlannedBy: "the operator", CreatedAt: now, Urgent: want.Urgent}
	earliest := now.Add(Notice)
	if want.Urgent {
		earliest = now.Add(UrgentNotice)
	}
	if want.NotBefore != nil && want.NotBefore.Before(earliest) {
		return api.Maintenance{}, problem.InvalidField("body.notBefore", want.NotBefore, "People have to be told ahead: give %s or later.", earliest.Format(time.RFC3339))
	}
	if want.NotBefore != nil {
		earliest = *want.NotBefore
	}
	m.FirstFrom, m.UntilAt = earliest, earliest.Add(urgentWithin)
	if !want.Urgent {
		m.FirstFrom, m.UntilAt = instance.WindowOf(v.Instance).Next(earliest)
	}
	doc, err := s.plan(ctx, tx, v, m)
	if err != nil {
		return doc, err
	}
	return doc, audit.Write(ctx, tx, audit.Event{Organization: v.OrganizationID, Project: v.ProjectID, At: now, Actor: by, Action: "maintenance.plan", Kind: "instance",
		ObjectID: v.ID.String(), ObjectName: v.Name, RequestID: request, Details: map[string]any{"maintenance": doc.ID, "title": doc.Title, "from": doc.From, "until": doc.Until, "urgent": doc.Urgent}})
}
