// Package agreement keeps what the operator has agreed on with customers: discounts that
// hold from one day to another. What is recorded never changes; billing makes lines of it.
package agreement

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/agreement/agreementdb"
	"souk/internal/billing"
	"souk/internal/problem"
	"souk/internal/servicepkg"
	"souk/internal/store"
)

// MostHolding is how many agreements with an organization hold, or will, at once.
const MostHolding = 50

// Service keeps agreements. What changes them needs a system transaction.
type Service struct {
	Packages map[string]servicepkg.Package
	Now      time.Time
}

// List returns agreements, the newest first: with one organization, or nil: with all.
// Before is the last one of the page before, or nil.
func (s Service) List(ctx context.Context, tx store.Tx, organization, before *uuid.UUID, most int) ([]api.Agreement, error) {
	rows, err := agreementdb.New(tx).List(ctx, agreementdb.ListParams{OrganizationID: organization, Before: before, Most: int32(most)})
	list := make([]api.Agreement, len(rows))
	for i, r := range rows {
		if list[i], err = s.view(r); err != nil {
			return nil, err
		}
	}
	return list, err
}

// OrganizationNamed returns the ID of an organization.
func OrganizationNamed(ctx context.Context, tx store.Tx, location, name string) (uuid.UUID, error) {
	o, err := named(ctx, agreementdb.New(tx), location, name)
	return o.ID, err
}

func named(ctx context.Context, q *agreementdb.Queries, location, name string) (agreementdb.OrganizationRow, error) {
	o, err := q.Organization(ctx, name)
	if errors.Is(err, pgx.ErrNoRows) {
		return o, problem.InvalidField(location, name, "There is no organization %q.", name)
	}
	return o, err
}

// Get returns an agreement, and with whom it is.
func (s Service) Get(ctx context.Context, tx store.Tx, id string) (api.Agreement, uuid.UUID, error) {
	r, err := get(ctx, agreementdb.New(tx), id)
	if err != nil {
		return api.Agreement{}, uuid.Nil, err
	}
	a, err := s.view(r)
	return a, r.Agreement.OrganizationID, err
}

func get(ctx context.Context, q *agreementdb.Queries, text string) (agreementdb.ListRow, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return agreementdb.ListRow{}, problem.NotFound("agreement", text)
	}
	rows, err := q.List(ctx, agreementdb.ListParams{ID: &id, Most: 1})
	if err == nil && len(rows) == 0 {
		err = problem.NotFound("agreement", text)
	}
	if err != nil {
		return agreementdb.ListRow{}, err
	}
	return rows[0], nil
}

// Create records an agreement, and returns its ID.
func (s Service) Create(ctx context.Context, tx store.Tx, in api.AgreementCreate, by string) (string, error) {
	q := agreementdb.New(tx)
	row, err := s.check(in)
	if err != nil {
		return "", err
	}
	o, err := named(ctx, q, "body.organization", in.Organization)
	if err != nil {
		return "", err
	}
	if err := q.LockOrganization(ctx, o.ID); err != nil {
		return "", err
	}
	today, err := today(s.Now, o.TimeZone)
	if err != nil {
		return "", err
	}
	n, err := q.CountHolding(ctx, agreementdb.CountHoldingParams{OrganizationID: o.ID, Day: today})
	if err != nil {
		return "", err
	}
	if n >= MostHolding {
		return "", problem.Conflict("too-many-agreements", "%d agreements with this organization hold already, or will. End one first.", n)
	}
	row.ID, row.OrganizationID, row.At, row.By = store.NewID(), o.ID, s.Now, by
	return row.ID.String(), q.Insert(ctx, row)
}

// End ends an agreement earlier than it would. An end cannot be taken back: another
// agreement can be made.
func (s Service) End(ctx context.Context, tx store.Tx, id string, in api.AgreementEnd, by string) error {
	q := agreementdb.New(tx)
	r, err := get(ctx, q, id)
	if err != nil {
		return err
	}
	if err := q.LockOrganization(ctx, r.Agreement.OrganizationID); err != nil {
		return err
	}
	if r, err = get(ctx, q, id); err != nil { // as it is now that nobody else changes it
		return err
	}
	if !isDay(in.To) {
		return problem.InvalidField("body.to", in.To, dayRule)
	}
	if in.To < r.FromText {
		return problem.InvalidField("body.to", in.To, "It begins on %s. With that day it never held.", r.FromText)
	}
	if r.ToText != "" && in.To >= r.ToText {
		return problem.InvalidField("body.to", in.To, "It ends on %s already. An agreement can only end earlier; make another one to go on.", r.ToText)
	}
	return q.InsertEnd(ctx, agreementdb.InsertEndParams{ID: store.NewID(), OrganizationID: r.Agreement.OrganizationID, AgreementID: r.Agreement.ID, ToDay: in.To, Reason: strings.TrimSpace(in.Reason), At: s.Now, By: by})
}

// view is an agreement as a document.
func (s Service) view(r agreementdb.ListRow) (api.Agreement, error) {
	a := r.Agreement
	out := api.Agreement{ID: a.ID.String(), Organization: r.Organization, RecordedAt: a.RecordedAt.UTC(), RecordedBy: a.RecordedBy, State: "running", Currency: a.Currency,
		AgreementTerms: api.AgreementTerms{Name: a.Name, Kind: a.Kind, Service: a.Service, Plan: a.Plan, Item: a.Item, From: r.FromText, To: r.ToText}}
	switch billing.AgreementKind(a.Kind) {
	case billing.AgreementPercent:
		out.Percent = plain(a.Percent)
	case billing.AgreementAmount:
		out.Amount = a.Amount.String()
	}
	var tiers []billing.DiscountTier
	if err := json.Unmarshal(a.Tiers, &tiers); err != nil {
		return out, err
	}
	for _, t := range tiers {
		tier := api.AgreementTier{Percent: plain(t.Percent)}
		if !t.UpTo.IsZero() {
			tier.UpTo = t.UpTo.String()
		}
		out.Tiers = append(out.Tiers, tier)
	}
	if r.Ended {
		out.Ended = &api.AgreementEnded{Reason: r.Reason, At: r.EndedAt.UTC(), By: r.EndedBy}
	}
	now, err := today(s.Now, r.TimeZone)
	switch {
	case r.ToText != "" && r.ToText <= now || r.ToText == r.FromText:
		out.State = "over"
	case now < r.FromText:
		out.State = "coming"
	}
	return out, err
}

// today is the day in a time zone, as text: days are compared as such.
func today(now time.Time, zone string) (string, error) {
	in, err := time.LoadLocation(zone)
	if err != nil {
		return "", err
	}
	return now.In(in).Format(time.DateOnly), nil
}
