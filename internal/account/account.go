// Package account keeps whom invoices come from, and whom they are made out to. What was
// issued does not change with it: invoices hold the parties as they were.
package account

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/account/accountdb"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tax"
)

// Profile returns whom an organization's invoices are made out to, with all of its projects;
// its UpdatedAt is zero where nothing was given yet.
func Profile(ctx context.Context, tx store.Tx, organization uuid.UUID) (api.BillingProfile, error) {
	q := accountdb.New(tx)
	r, err := q.Profile(ctx, organization)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return api.BillingProfile{}, err
	}
	p := api.BillingProfile{Name: r.Name, Street: r.Street, Building: r.Building, PostalCode: r.PostalCode, Town: r.Town, Country: r.Country, VATID: r.VatID, Email: r.Email, Language: r.Language, Reference: r.Reference, UpdatedAt: r.UpdatedAt.UTC()}
	if errors.Is(err, pgx.ErrNoRows) {
		p.UpdatedAt = time.Time{}
	}
	projects, err := q.CostCentres(ctx, organization)
	if len(projects) > 0 {
		p.CostCentres = map[string]string{}
	}
	for _, project := range projects {
		p.CostCentres[project.Name] = project.CostCentre
	}
	return p, err
}

// longestCostCentre is how many characters one has at most.
const longestCostCentre = 40

// languages are those that invoices are written in.
var languages = []string{"en", "de"}

// PutProfile sets whom an organization's invoices are made out to from now on. It says of
// each field what is wrong with it, and changes nothing then.
func PutProfile(ctx context.Context, tx store.Tx, organization uuid.UUID, p api.BillingProfile, at time.Time) error {
	q := accountdb.New(tx)
	issuer, has, err := CurrentIssuer(ctx, tx)
	if err != nil {
		return err
	}
	if err := checkProfile(&p, issuer, has, at); err != nil {
		return err
	}
	if err := q.PutProfile(ctx, accountdb.PutProfileParams{OrganizationID: organization, Name: p.Name, Street: p.Street, Building: p.Building, PostalCode: p.PostalCode, Town: p.Town,
		Country: p.Country, VatID: p.VATID, Email: p.Email, Language: p.Language, Reference: p.Reference, UpdatedAt: at}); err != nil {
		return err
	}
	return setCostCentres(ctx, q, organization, p.CostCentres)
}

func checkProfile(p *api.BillingProfile, issuer Issuer, has bool, at time.Time) error {
	var f form
	f.text("name", &p.Name, true)
	f.text("street", &p.Street, false)
	f.text("building", &p.Building, false)
	f.text("town", &p.Town, true)
	f.text("reference", &p.Reference, false)
	f.place(&p.Country, &p.PostalCode)
	f.vatID(p.Country, &p.VATID, false)
	f.email(&p.Email)
	if p.Language = cmp.Or(p.Language, languages[0]); !slices.Contains(languages, p.Language) {
		f.refuse("language", p.Language, "must be one of %s", strings.Join(languages, ", "))
	}
	for _, project := range slices.Sorted(maps.Keys(p.CostCentres)) {
		if len([]rune(p.CostCentres[project])) > longestCostCentre {
			f.refuse("costCentres."+project, p.CostCentres[project], "has at most %d characters", longestCostCentre)
		}
	}
	if len(f.Complaints) == 0 && has {
		from := tax.Party{Country: issuer.Country, VATID: issuer.VATID}
		if _, err := tax.Treat(from, tax.Party{Country: p.Country, VATID: p.VATID}, at.Format(time.DateOnly)); errors.Is(err, tax.ErrNoVATID) {
			f.refuse("vatId", p.VATID, "%s", err)
		}
	}
	return f.Err()
}

// setCostCentres sets those that are given, and clears the others.
func setCostCentres(ctx context.Context, q *accountdb.Queries, organization uuid.UUID, given map[string]string) error {
	projects, err := q.CostCentres(ctx, organization)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, p := range projects {
		known[p.Name] = true
		centre := strings.Join(strings.Fields(given[p.Name]), " ")
		if centre == p.CostCentre {
			continue
		}
		if _, err := q.SetCostCentre(ctx, accountdb.SetCostCentreParams{OrganizationID: organization, Name: p.Name, CostCentre: centre}); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !known[name] {
			return problem.InvalidField("body.costCentres."+name, given[name], "There is no project %q.", name)
		}
	}
	return nil
}

// Issuer is the company that issues invoices, with its ID.
type Issuer struct {
	ID uuid.UUID
	api.Issuer
}

// CurrentIssuer returns the company that issues invoices, if there is one yet.
func CurrentIssuer(ctx context.Context, tx store.Tx) (Issuer, bool, error) {
	rows, err := accountdb.New(tx).Issuer(ctx)
	if err != nil || len(rows) == 0 {
		return Issuer{}, false, err
	}
	r := rows[0]
	return Issuer{r.ID, api.Issuer{Name: r.Name, Street: r.Street, Building: r.Building, PostalCode: r.PostalCode, Town: r.Town, Country: r.Country, VATID: r.VatID, IBAN: r.Iban, BIC: r.Bic, Email: r.Email,
		Currency: r.Currency, TimeZone: r.TimeZone, PaymentDays: int(r.PaymentDays), GraceHours: int(r.GraceHours), FirstMonth: r.FirstMonth, UpdatedAt: r.UpdatedAt.UTC()}}, true, nil
}

// PutIssuer sets the company that issues invoices from now on. It says of each field
// what is wrong with it, and changes nothing then.
func PutIssuer(ctx context.Context, tx store.Tx, in api.Issuer, at time.Time) error {
	is, has, err := CurrentIssuer(ctx, tx)
	if err != nil {
		return err
	}
	if err := checkIssuer(&in, is, at); err != nil {
		return err
	}
	q := accountdb.New(tx)
	if has {
		return q.UpdateIssuer(ctx, accountdb.UpdateIssuerParams{ID: is.ID, Name: in.Name, Street: in.Street, Building: in.Building, PostalCode: in.PostalCode, Town: in.Town, Country: in.Country, VatID: in.VATID,
			Iban: in.IBAN, Bic: in.BIC, Email: in.Email, Currency: in.Currency, TimeZone: in.TimeZone, PaymentDays: int32(in.PaymentDays), GraceHours: int32(in.GraceHours), FirstMonth: in.FirstMonth, UpdatedAt: at})
	}
	return q.InsertIssuer(ctx, accountdb.InsertIssuerParams{ID: store.NewID(), Name: in.Name, Street: in.Street, Building: in.Building, PostalCode: in.PostalCode, Town: in.Town, Country: in.Country, VatID: in.VATID,
		Iban: in.IBAN, Bic: in.BIC, Email: in.Email, Currency: in.Currency, TimeZone: in.TimeZone, PaymentDays: int32(in.PaymentDays), GraceHours: int32(in.GraceHours), FirstMonth: in.FirstMonth, CreatedAt: at})
}

func checkIssuer(in *api.Issuer, is Issuer, at time.Time) error {
	var f form
	f.text("name", &in.Name, true)
	f.text("street", &in.Street, false)
	f.text("building", &in.Building, false)
	f.text("town", &in.Town, true)
	f.place(&in.Country, &in.PostalCode)
	f.vatID(in.Country, &in.VATID, true)
	f.bank(&in.IBAN, &in.BIC)
	f.email(&in.Email)
	if len(f.Complaints) == 0 && !slices.Contains(tax.Issuers(), in.Country) {
		f.refuse("country", in.Country, "must be one whose tax is known: %s", strings.Join(tax.Issuers(), ", "))
	}
	in.Currency = strings.ToUpper(cmp.Or(in.Currency, "CHF"))
	if len(in.Currency) != 3 {
		f.refuse("currency", in.Currency, "must be three letters such as CHF")
	}
	in.TimeZone = cmp.Or(in.TimeZone, "Europe/Zurich")
	zone, err := time.LoadLocation(in.TimeZone)
	if err != nil || in.TimeZone == "Local" {
		f.refuse("timeZone", in.TimeZone, "must be a time zone such as Europe/Zurich")
		return f.Err()
	}
	in.FirstMonth = cmp.Or(in.FirstMonth, is.FirstMonth, at.In(zone).Format("2006-01"))
	f.month("firstMonth", in.FirstMonth)
	return f.Err()
}
