package instance

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// View is an instance with the words for what it refers to.
type View struct {
	instancedb.Instance
	Zone, Organization, Project, Plan                                  string
	PlanRevision, PackageRevision, PriceListRevision, OfferingRevision int32
	Driver                                                             string // of the zone
	ZoneSeenReal, ZoneRevoked                                          *time.Time
}

// viewColumns are the fields of View, in order. They are named one by one, so
// that a binary still reads a table that a newer one has added a column to.
const viewColumns = `i.id, i.organization_id, i.project_id, i.name, i.labels, i.zone_id, i.service, i.package_revision_id, i.offering_revision_id,
	i.display_name, i.service_level, i.plan_revision_id, i.price_list_revision_id, i.storage_gib, i.parameters, i.allowed_networks, i.protected,
	i.suspended_for, i.intent, i.generation, i.version, i.created_at, i.updated_at, i.last_command_at, i.active_generation, i.phase, i.message,
	i.blocked_by, i.observed_state, i.observed_generation, i.conditions, i.endpoint, i.applied_plan, i.applied_storage_gib, i.storage_used_bytes,
	i.held_data, i.last_fact_at, i.deleted_at, i.purge_at, i.purged_at, i.members, i.backup, i.maintenance, i.maintaining, i.restarts, i.log_days, i.engine_version, i.suspendable,
	z.name, o.name, p.name, r.name, r.revision, k.revision, l.revision, f.revision, z.driver, a.last_seen_real, a.revoked_at`

// viewJoins brings to instances i the words for what they refer to.
const viewJoins = `
	JOIN zones z ON z.id = i.zone_id
	JOIN organizations o ON o.id = i.organization_id
	JOIN projects p ON p.id = i.project_id
	JOIN plan_revisions r ON r.id = i.plan_revision_id
	JOIN package_revisions k ON k.id = i.package_revision_id
	JOIN price_list_revisions l ON l.id = i.price_list_revision_id
	JOIN offering_revisions f ON f.id = i.offering_revision_id
	LEFT JOIN zone_agents a ON a.zone_id = i.zone_id `

func views(ctx context.Context, tx store.Tx, rest string, args ...any) ([]View, error) {
	return collect(ctx, tx, "SELECT "+viewColumns+" FROM instances i"+viewJoins+rest, args...)
}

func collect(ctx context.Context, tx store.Tx, sql string, args ...any) ([]View, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[View])
}

// Get returns an instance of the project by name, purged ones excepted.
func (s *Service) Get(ctx context.Context, tx store.Tx, p Place, name string) (View, error) {
	found, err := views(ctx, tx, "WHERE i.project_id = $1 AND i.name = $2 AND i.phase <> 'Purged'", p.Project, name)
	if err != nil {
		return View{}, err
	}
	if len(found) == 0 {
		return View{}, problem.NotFound("instance", name)
	}
	return found[0], nil
}

// ByID returns an instance that the transaction may see, or pgx.ErrNoRows.
func (s *Service) ByID(ctx context.Context, tx store.Tx, id uuid.UUID) (View, error) {
	found, err := views(ctx, tx, "WHERE i.id = $1", id)
	if err != nil {
		return View{}, err
	}
	if len(found) == 0 {
		return View{}, pgx.ErrNoRows
	}
	return found[0], nil
}

func itoa(n int64) string { b, _ := json.Marshal(n); return string(b) }

// zoneSilence is how long an agent may be silent before its zone counts as not
// reachable; it speaks every 10 seconds at least.
const zoneSilence = 35 * time.Second

// API returns the document of the instance. realNow is the machine's time, which
// an agent's silence is measured by.
func (v View) API(realNow time.Time) api.Instance {
	protected := v.Protected
	out := api.Instance{
		Metadata: api.Metadata{ID: v.ID.String(), Name: v.Name, Organization: v.Organization, Project: v.Project, Generation: v.Generation, CreatedAt: v.CreatedAt.UTC(), UpdatedAt: v.UpdatedAt.UTC()},
		Spec: api.InstanceSpec{Service: v.Service, Zone: v.Zone, Plan: v.Plan, ServiceLevel: v.ServiceLevel, DisplayName: v.DisplayName, StorageGiB: v.StorageGib,
			AllowedNetworks: v.AllowedNetworks, Protected: &protected, Suspendable: v.Suspendable},
		Status: api.InstanceStatus{Phase: api.Phase(v.Phase), Message: v.Message, BlockedBy: v.BlockedBy, ObservedGeneration: v.ObservedGeneration,
			Driver: v.Driver, Version: v.EngineVersion, AppliedPlan: v.AppliedPlan, AppliedStorageGiB: v.AppliedStorageGib, StorageUsedBytes: v.StorageUsedBytes, SuspendedFor: v.SuspendedFor,
			DeletedAt: utc(v.DeletedAt), PurgeAt: utc(v.PurgeAt),
			Revisions: api.InstanceRevisions{Package: int(v.PackageRevision), Plan: int(v.PlanRevision), PriceList: int(v.PriceListRevision), Offering: int(v.OfferingRevision)}},
	}
	out.Spec.Backup = planOf(v.Instance).spec()
	out.Spec.Logs = &api.LogsSpec{RetentionDays: int(v.LogDays)}
	out.Spec.Maintenance = windowSpec(WindowOf(v.Instance))
	_ = json.Unmarshal(v.Labels, &out.Metadata.Labels)
	_ = json.Unmarshal(v.Parameters, &out.Spec.Parameters)
	out.Status.Endpoint = v.endpoint()
	out.Status.Conditions = v.conditions(realNow)
	out.Status.Members = v.members()
	return out
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

func (v View) endpoint() *api.Endpoint {
	var e driver.Endpoint
	if len(v.Instance.Endpoint) == 0 || json.Unmarshal(v.Instance.Endpoint, &e) != nil {
		return nil
	}
	return &api.Endpoint{Host: e.Host, Port: e.Port, Database: e.Database, CA: e.CAPEM, ReadHost: e.ReadHost, ReadPort: e.ReadPort}
}

// Reachable says whether a zone's agent, last heard of at seen and cut off at
// revoked, speaks.
func Reachable(seen, revoked *time.Time, realNow time.Time) api.Condition {
	if revoked != nil {
		return api.Condition{Type: "ZoneReachable", Reason: "AgentRevoked", LastTransitionTime: revoked.UTC(),
			Message: "The operator has cut the zone's agent off. What runs there goes on running; changes are carried out once an agent is enrolled again."}
	}
	if seen != nil && realNow.Sub(*seen) < zoneSilence {
		return api.Condition{Type: "ZoneReachable", Status: true}
	}
	return api.Condition{Type: "ZoneReachable", Reason: "AgentSilent",
		Message: "The zone's agent does not report. What runs there goes on running; changes are carried out when it is back."}
}

func (v View) members() []api.InstanceMember {
	var reported []driver.Member
	_ = json.Unmarshal(v.Instance.Members, &reported)
	var out []api.InstanceMember
	for _, m := range reported {
		out = append(out, api.InstanceMember{Name: m.Name, Role: m.Role, Ready: m.Ready, FailureDomain: m.FailureDomain})
	}
	return out
}

func (v View) conditions(realNow time.Time) []api.Condition {
	var reported []driver.Condition
	_ = json.Unmarshal(v.Instance.Conditions, &reported)
	reachable := Reachable(v.ZoneSeenReal, v.ZoneRevoked, realNow)
	out := []api.Condition{reachable}
	for _, c := range reported {
		out = append(out, api.Condition{Type: c.Type, Status: c.Status, Reason: c.Reason, Message: c.Message})
	}
	return out
}

// notFound turns "no such row" into the user's error.
func notFound(err error, kind, name string) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return problem.NotFound(kind, name)
	}
	return err
}

// escapeLike makes text match itself in a LIKE pattern.
func escapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}
