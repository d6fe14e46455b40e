package credit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/catalog"
	"souk/internal/credit/creditdb"
	"souk/internal/money"
	"souk/internal/problem"
	"souk/internal/sla"
	"souk/internal/store"
)

// InForce is what holds for an organization in a month ("2026-11"), as was known at a
// watermark, by service level. A level without terms is not in it.
func InForce(ctx context.Context, tx store.Tx, organization uuid.UUID, month string, watermark time.Time) ([]api.CreditTerms, error) {
	rows, err := creditdb.New(tx).InForce(ctx, creditdb.InForceParams{Organization: organization, Month: month, Watermark: watermark})
	list := make([]api.CreditTerms, 0, len(rows))
	for _, r := range rows {
		t, err := termsOf(r.CreditTerm, r.Organization)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, err
}

func termsOf(r creditdb.CreditTerm, organization string) (api.CreditTerms, error) {
	t := api.CreditTerms{ID: r.ID.String(), Revision: int(r.Revision), RecordedAt: r.RecordedAt.UTC(),
		CreditTermsSpec: api.CreditTermsSpec{ServiceLevel: r.ServiceLevel, Organization: organization, FromMonth: r.FromMonth, Cap: r.Cap}}
	return t, json.Unmarshal(r.Tiers, &t.Tiers)
}

// List lists all revisions of everybody's terms, the newest first.
func List(ctx context.Context, tx store.Tx) ([]api.CreditTerms, error) { return list(ctx, tx, nil) }

func list(ctx context.Context, tx store.Tx, id *uuid.UUID) ([]api.CreditTerms, error) {
	rows, err := creditdb.New(tx).Terms(ctx, id)
	out := make([]api.CreditTerms, 0, len(rows))
	for _, r := range rows {
		t, err := termsOf(r.CreditTerm, r.Organization)
		if err != nil {
			return nil, err
		}
		t.PublishedBy = r.CreditTerm.PublishedBy
		out = append(out, t)
	}
	return out, err
}

// Get returns a revision.
func Get(ctx context.Context, tx store.Tx, id uuid.UUID) (api.CreditTerms, error) {
	all, err := list(ctx, tx, &id)
	if err == nil && len(all) == 0 {
		err = problem.NotFound("credit terms", id.String())
	}
	if err != nil {
		return api.CreditTerms{}, err
	}
	return all[0], nil
}

// Publish records a revision of the terms and returns its ID. They hold from a month on
// that has not begun; only where nothing holds for it, from this month on.
func Publish(ctx context.Context, tx store.Tx, spec api.CreditTermsSpec, by string, now time.Time) (uuid.UUID, error) {
	if err := check(spec); err != nil {
		return uuid.Nil, err
	}
	q := creditdb.New(tx)
	var of *uuid.UUID
	if spec.Organization != "" {
		id, err := q.OrganizationByName(ctx, spec.Organization)
		if errors.Is(err, pgx.ErrNoRows) {
			return uuid.Nil, problem.InvalidField("body.organization", spec.Organization, "There is no such organization.")
		}
		if err != nil {
			return uuid.Nil, err
		}
		of = &id
	}
	if err := q.LockTerms(ctx); err != nil {
		return uuid.Nil, err
	}
	earliest, err := earliest(ctx, q, of, spec.ServiceLevel, now)
	if err != nil {
		return uuid.Nil, err
	}
	if spec.FromMonth == "" {
		spec.FromMonth = earliest
	}
	if spec.FromMonth < earliest {
		return uuid.Nil, problem.InvalidField("body.fromMonth", spec.FromMonth, "It holds from %s on at the earliest: what was promised for a month that has begun stays.", earliest)
	}
	tiers, err := json.Marshal(append([]api.CreditTier{}, spec.Tiers...))
	if err != nil {
		return uuid.Nil, err
	}
	id := store.NewID()
	_, err = q.InsertTerms(ctx, creditdb.InsertTermsParams{ID: id, Organization: of, ServiceLevel: spec.ServiceLevel, FromMonth: spec.FromMonth, Tiers: tiers, Cap: spec.Cap, PublishedBy: by, At: now})
	return id, err
}

// earliest is the first month that new terms can hold for.
func earliest(ctx context.Context, q *creditdb.Queries, organization *uuid.UUID, level string, now time.Time) (string, error) {
	const form = "2006-01"
	now = now.UTC()
	this := now.Format(form)
	holds, err := q.Holds(ctx, creditdb.HoldsParams{Organization: organization, ServiceLevel: level, Month: this})
	if holds {
		return time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC).Format(form), err
	}
	return this, err
}

var monthForm = regexp.MustCompile(`^[0-9]{4}-(0[1-9]|1[0-2])$`)

// check says what is wrong with terms, naming the field.
func check(spec api.CreditTermsSpec) error {
	if spec.ServiceLevel != catalog.BestEffort && spec.ServiceLevel != catalog.Guaranteed {
		return problem.InvalidField("body.serviceLevel", spec.ServiceLevel, "It is one of: best-effort, guaranteed.")
	}
	if spec.FromMonth != "" && !monthForm.MatchString(spec.FromMonth) {
		return problem.InvalidField("body.fromMonth", spec.FromMonth, "Write a month as 2026-11.")
	}
	if _, ok := share(spec.Cap); spec.Cap != "" && !ok {
		return problem.InvalidField("body.cap", spec.Cap, "It is above 0 and at most 100 per cent, with two decimals at most.")
	}
	for n, t := range spec.Tiers {
		at := fmt.Sprintf("body.tiers[%d].", n)
		if is, err := sla.Millionths(t.Below); err != nil || is == 0 || strings.ContainsAny(t.Below, "+-") {
			return problem.InvalidField(at+"below", t.Below, "It is above 0 and at most 100 per cent, with four decimals at most.")
		}
		percent, ok := share(t.Percent)
		if !ok {
			return problem.InvalidField(at+"percent", t.Percent, "It is above 0 and at most 100 per cent, with two decimals at most.")
		}
		for _, other := range spec.Tiers[:n] {
			before, _ := share(other.Percent)
			if below(other) == below(t) {
				return problem.InvalidField(at+"below", t.Below, "Another tier is below the same.")
			}
			if (below(other) < below(t)) != (before.Cmp(percent) > 0) {
				return problem.InvalidField(at+"percent", t.Percent, "The less available, the more is given back.")
			}
		}
	}
	return nil
}

// share reads a percentage above 0 and up to 100.
func share(text string) (money.Amount, bool) {
	a, err := money.Parse(text)
	return a, err == nil && a.Cmp(money.Amount{}) > 0 && a.Cmp(money.MustParse("100")) <= 0 && a.Round(2).Cmp(a) == 0
}
