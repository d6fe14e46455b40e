// Package maintenance carries planned work out in the windows that users chose: it
// keeps what is planned, tells people of it ahead, begins it when its time has come,
// and writes down what it was.
//
// A maintenance is a row. Each of its steps is one transaction that looks at what is,
// so that one that is killed between two goes on with the next, and none is done
// twice.
package maintenance

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/clock"
	"souk/internal/instance"
	"souk/internal/mail"
	"souk/internal/maintenance/maintenancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// The states of a maintenance.
const (
	planned   = "planned"
	running   = "running"
	completed = "completed"
	failed    = "failed"
	cancelled = "cancelled"
)

// The kinds of a maintenance.
const (
	kindChange  = "change"
	kindRestart = "restart"
)

// How often, and how far from when it was planned for at first, a maintenance can be
// put off.
const (
	MostDeferrals   = 2
	LongestDeferral = 28 * 24 * time.Hour
)

// Service keeps and carries out maintenances.
type Service struct {
	Store     *store.Store
	Clock     clock.Clock
	Real      func() time.Time // the machine's time, which an agent's silence is measured by; nil: time.Now
	Instances *instance.Service
	Mail      *mail.Outbox
}

func (s *Service) real() time.Time {
	if s.Real == nil {
		return time.Now()
	}
	return s.Real()
}

// PutOff plans a change of an instance's spec for its next window.
func (s *Service) PutOff(ctx context.Context, tx store.Tx, p instance.Place, name string, put api.InstancePut, match func(version int64) error) (api.Maintenance, error) {
	off, err := s.Instances.PutOff(ctx, tx, p, name, put, match)
	if err != nil {
		return api.Maintenance{}, err
	}
	if !off.Instance.HeldData {
		return api.Maintenance{}, problem.Conflict("not-ready", "%s has not been ready yet, so that a change interrupts nobody: make it at once.", name)
	}
	now := s.Clock.Now()
	from, until := instance.WindowOf(off.Instance.Instance).Next(now)
	changes, err := json.Marshal(off.Changes)
	if err != nil {
		return api.Maintenance{}, err
	}
	return s.plan(ctx, tx, off.Instance, maintenancedb.InsertParams{
		Kind: kindChange, Title: titleOf(off.Changes), Effect: strings.Join(off.Effects, " "), Patch: off.Patch, Changes: changes,
		PriceList: int32(off.PriceList), PlannedBy: p.Actor, CreatedAt: now, FirstFrom: from, UntilAt: until,
	})
}

// plan writes a maintenance down and returns it.
func (s *Service) plan(ctx context.Context, tx store.Tx, v instance.View, m maintenancedb.InsertParams) (api.Maintenance, error) {
	id, err := insert(ctx, tx, v, m)
	if err != nil {
		return api.Maintenance{}, err
	}
	return s.Get(ctx, tx, id)
}

// insert writes a maintenance down. People are told at once, and again as it nears.
func insert(ctx context.Context, tx store.Tx, v instance.View, m maintenancedb.InsertParams) (uuid.UUID, error) {
	m.ID, m.OrganizationID, m.ProjectID, m.InstanceID = store.NewID(), v.OrganizationID, v.ProjectID, v.ID
	m.NoticeAt = &m.CreatedAt
	if m.Changes == nil {
		m.Changes = json.RawMessage("[]")
	}
	return m.ID, maintenancedb.New(tx).Insert(ctx, m)
}

// titleOf names a change by the fields that it is of.
func titleOf(changes []api.Change) string {
	var fields []string
	for _, c := range changes {
		fields = append(fields, strings.TrimPrefix(strings.TrimPrefix(c.Field, "spec."), "parameters."))
	}
	if len(fields) > 3 {
		fields = append(fields[:3], "…")
	}
	return "Change of " + strings.Join(fields, ", ")
}

// Filter chooses maintenances.
type Filter struct {
	Projects []uuid.UUID // nil: all
	Instance *uuid.UUID  // nil: of all
	Open     bool        // those that are planned or under way only
	Before   *uuid.UUID
	Limit    int
}

// List returns an organization's maintenances, the newest first.
func (s *Service) List(ctx context.Context, tx store.Tx, organization uuid.UUID, f Filter) ([]api.Maintenance, error) {
	rows, err := maintenancedb.New(tx).List(ctx, maintenancedb.ListParams{OrganizationID: organization, Limit: int32(f.Limit), Projects: f.Projects, Instance: f.Instance, Open: f.Open, Before: f.Before})
	if err != nil {
		return nil, err
	}
	out := make([]api.Maintenance, len(rows))
	for i, r := range rows {
		out[i] = document(maintenancedb.GetRow(r))
	}
	return out, nil
}

// Get returns a maintenance that the transaction may see.
func (s *Service) Get(ctx context.Context, tx store.Tx, id uuid.UUID) (api.Maintenance, error) {
	r, err := maintenancedb.New(tx).Get(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return api.Maintenance{}, problem.NotFound("maintenance", id.String())
	}
	return document(r), err
}

func document(r maintenancedb.GetRow) api.Maintenance {
	out := api.Maintenance{ID: r.ID.String(), Project: r.Project, Instance: r.Instance, Kind: r.Kind, Title: r.Title, Version: r.Version, Effect: r.Effect, State: r.State, Urgent: r.Urgent,
		PlannedBy: r.PlannedBy, From: r.FromAt.UTC(), Until: r.UntilAt.UTC(), FirstFrom: r.FirstFrom.UTC(), Deferrals: int(r.Deferrals), ApprovedBy: r.ApprovedBy, ApprovedAt: utc(r.ApprovedAt),
		CreatedAt: r.CreatedAt.UTC(), BeganAt: utc(r.BeganAt), EndedAt: utc(r.EndedAt), Changes: []api.Change{}, Message: r.Message}
	_ = json.Unmarshal(r.Changes, &out.Changes)
	if r.InterruptionMs != nil {
		seconds := float64(*r.InterruptionMs) / 1000
		out.Interruption = &seconds
	}
	if r.State == planned && !r.Urgent && r.ApprovedAt == nil && r.Deferrals < MostDeferrals {
		last := r.FirstFrom.Add(LongestDeferral).UTC()
		out.DeferUntil = &last
	}
	return out
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// lock locks a maintenance of an instance that is still to come.
func lock(ctx context.Context, tx store.Tx, v instance.View, id uuid.UUID) (maintenancedb.LockRow, error) {
	r, err := maintenancedb.New(tx).Lock(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && r.InstanceID != v.ID {
		return r, problem.NotFound("maintenance", id.String())
	}
	if err == nil && r.State != planned {
		return r, problem.Conflict("not-planned", "This maintenance is %s: it cannot be changed any more.", r.State)
	}
	return r, err
}

// Defer puts a maintenance off to a later window: the next one, or the first after
// notBefore.
func (s *Service) Defer(ctx context.Context, tx store.Tx, v instance.View, id uuid.UUID, notBefore *time.Time) (api.Maintenance, error) {
	r, err := lock(ctx, tx, v, id)
	if err != nil {
		return api.Maintenance{}, err
	}
	switch {
	case r.Urgent:
		return api.Maintenance{}, problem.Conflict("urgent", "This is urgent work of the operator's; it cannot be put off. It is for: %s", r.Title)
	case r.ApprovedAt != nil:
		return api.Maintenance{}, problem.Conflict("approved", "This maintenance was approved by %s; it takes place as planned.", r.ApprovedBy)
	case r.Deferrals >= MostDeferrals:
		return api.Maintenance{}, problem.Conflict("deferred-enough", "This maintenance was put off %d times already, and cannot be once more. You can have it done now instead.", r.Deferrals)
	}
	after := r.FromAt
	if notBefore != nil && notBefore.After(after) {
		after = *notBefore
	}
	from, until := instance.WindowOf(v.Instance).Next(after)
	if last := r.FirstFrom.Add(LongestDeferral); from.After(last) {
		return api.Maintenance{}, problem.InvalidField("body.notBefore", notBefore, "It was planned for %s at first, and can be put off to %s at the latest; the next window would be at %s.",
			r.FirstFrom.UTC().Format(time.RFC3339), last.UTC().Format(time.RFC3339), from.Format(time.RFC3339))
	}
	now := s.Clock.Now()
	err = maintenancedb.New(tx).Move(ctx, maintenancedb.MoveParams{ID: id, FromAt: from, UntilAt: until, NoticeAt: &now, Deferrals: r.Deferrals + 1, At: &now})
	if err != nil {
		return api.Maintenance{}, err
	}
	return s.Get(ctx, tx, id)
}

// RunNow has a maintenance begin at once, outside of its window. It is idempotent.
func (s *Service) RunNow(ctx context.Context, tx store.Tx, v instance.View, id uuid.UUID) (api.Maintenance, error) {
	r, err := lock(ctx, tx, v, id)
	if err != nil {
		return api.Maintenance{}, err
	}
	now := s.Clock.Now()
	if r.FromAt.After(now) {
		err = maintenancedb.New(tx).Move(ctx, maintenancedb.MoveParams{ID: id, FromAt: now, UntilAt: now.Add(2 * time.Hour), Deferrals: r.Deferrals, At: &now})
		if err != nil {
			return api.Maintenance{}, err
		}
	}
	return s.Get(ctx, tx, id)
}

// Approve agrees to a maintenance as it is planned: it is not put off any more. It is
// idempotent.
func (s *Service) Approve(ctx context.Context, tx store.Tx, v instance.View, id uuid.UUID, who string) (api.Maintenance, error) {
	r, err := lock(ctx, tx, v, id)
	if err != nil {
		return api.Maintenance{}, err
	}
	if r.ApprovedAt == nil {
		now := s.Clock.Now()
		if err := maintenancedb.New(tx).Approve(ctx, maintenancedb.ApproveParams{ID: id, ApprovedBy: who, ApprovedAt: &now}); err != nil {
			return api.Maintenance{}, err
		}
	}
	return s.Get(ctx, tx, id)
}

// Cancel takes back a change that was put off. What the operator planned is not
// theirs to cancel.
func (s *Service) Cancel(ctx context.Context, tx store.Tx, v instance.View, id uuid.UUID, who string) (api.Maintenance, error) {
	r, err := lock(ctx, tx, v, id)
	if err != nil {
		return api.Maintenance{}, err
	}
	if r.Kind != kindChange {
		return api.Maintenance{}, problem.Conflict("of-the-operator", "This maintenance was planned by the operator. You can put it off or approve it, not cancel it.")
	}
	return s.cancel(ctx, tx, id, "Cancelled by "+who+".")
}

func (s *Service) cancel(ctx context.Context, tx store.Tx, id uuid.UUID, why string) (api.Maintenance, error) {
	now := s.Clock.Now()
	if err := maintenancedb.New(tx).Cancel(ctx, maintenancedb.CancelParams{ID: id, Message: why, At: &now}); err != nil {
		return api.Maintenance{}, err
	}
	return s.Get(ctx, tx, id)
}
