package invoice

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/account"
	"souk/internal/billing"
	"souk/internal/invoice/invoicedb"
	"souk/internal/money"
	"souk/internal/store"
	"souk/internal/tax"
)

// Closing is an organization's month that is closed, or looked at before that.
type Closing struct {
	Organization       uuid.UUID
	Month              billing.Month
	Watermark          time.Time // what had been recorded by then counts
	Language, Currency string    // of the invoice
}

// Extra adds lines to an invoice beside what was used, such as credits. It gives the same
// for the same Closing. Of its lines, ID and tax are filled in.
type Extra func(ctx context.Context, tx store.Tx, c Closing) ([]Line, error)

// draft is what an invoice is made from, before it has a number.
type draft struct {
	document Document
	issuer   account.Issuer
	profile  string // its language
	rated    []byte // the charges, in canonical form
	lacking  string // what has to be given before it can be issued: LacksAddress, LacksVATID or ""
}

// draft makes what is invoiced of a month, up to until. It returns a Refusal where it
// cannot be invoiced as it is.
func (s *Service) draft(ctx context.Context, tx store.Tx, issuer account.Issuer, c Closing, until time.Time) (draft, error) {
	profile, err := account.Profile(ctx, tx, c.Organization)
	if err != nil {
		return draft{}, err
	}
	c.Language, c.Currency = cmp.Or(profile.Language, "en"), issuer.Currency
	charges, err := billing.Charges(ctx, tx, billing.Filter{Organization: c.Organization}, c.Month, until, c.Watermark)
	if err != nil {
		return draft{}, err
	}
	out := draft{issuer: issuer, profile: c.Language, rated: billing.Canonical(charges)}
	lines, err := c.lines(charges)
	if err != nil {
		return out, err
	}
	adjustments, err := adjustments(ctx, tx, c)
	if err != nil {
		return out, err
	}
	lines = append(lines, adjustments...)
	for _, extra := range s.Extras {
		more, err := extra(ctx, tx, c)
		if err != nil {
			return out, err
		}
		lines = append(lines, more...)
	}
	if err := withCostCentres(ctx, tx, c.Organization, lines); err != nil {
		return out, err
	}
	for i := range lines {
		lines[i].ID = i + 1
	}
	out.document = Document{Kind: KindInvoice, Period: c.period(), Currency: c.Currency, IBAN: issuer.IBAN, Lines: lines, Rules: billing.RulesVersion, Watermark: c.Watermark.UTC().Format(time.RFC3339Nano),
		Issuer: Party{Name: issuer.Name, Street: issuer.Street, Building: issuer.Building, PostalCode: issuer.PostalCode, Town: issuer.Town, Country: issuer.Country, VATID: issuer.VATID, Email: issuer.Email},
		Customer: Party{Name: profile.Name, Street: profile.Street, Building: profile.Building, PostalCode: profile.PostalCode, Town: profile.Town, Country: profile.Country, VATID: profile.VATID,
			Email: profile.Email, Reference: profile.Reference}}
	return out, out.tax(lacks(issuer, profile, c.period().To))
}

// What an invoice is held for.
const (
	LacksAddress = "address" // whom it is made out to
	LacksVATID   = "vat-id"  // without which the tax would be owed in the customer's country
)

// lacks says what a customer has to give before what was supplied on a day can be
// invoiced: LacksAddress, LacksVATID or "".
func lacks(issuer account.Issuer, profile api.BillingProfile, day Day) string {
	if profile.UpdatedAt.IsZero() {
		return LacksAddress
	}
	_, err := tax.Treat(tax.Party{Country: issuer.Country, VATID: issuer.VATID}, tax.Party{Country: profile.Country, VATID: profile.VATID}, day)
	if errors.Is(err, tax.ErrNoVATID) {
		return LacksVATID
	}
	return ""
}

// tax adds the draft up. Where something is lacking it is taxed as at home, to have
// something to show.
func (d *draft) tax(lacking string) error {
	from, to := tax.Party{Country: d.document.Issuer.Country, VATID: d.document.Issuer.VATID}, tax.Party{Country: d.document.Customer.Country, VATID: d.document.Customer.VATID}
	if d.lacking = lacking; lacking != "" {
		to = from
	}
	var failed error
	d.document.AddEach(func(l *Line) tax.Treatment {
		how, err := tax.Treat(from, to, l.Period.To)
		if err != nil {
			failed = Refusal(err.Error())
		}
		return how
	})
	return failed
}

// Refusal says why a month cannot be invoiced as it is, in words for the operator.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// nothing says whether there is nothing to invoice.
func (d *draft) nothing() bool {
	for _, l := range d.document.Lines {
		if !l.Net.IsZero() {
			return false
		}
	}
	return true
}

func (c Closing) period() Period { return PeriodOf(c.Month) }

// PeriodOf is a month from its first day to its last.
func PeriodOf(m billing.Month) Period {
	return Period{m.From.In(m.Location).Format(time.DateOnly), m.To.Add(-time.Nanosecond).In(m.Location).Format(time.DateOnly)}
}

// lines words the charges.
func (c Closing) lines(charges []billing.Line) ([]Line, error) {
	lines := make([]Line, 0, len(charges))
	for _, l := range charges {
		if l.Currency != c.Currency {
			return nil, Refusal(fmt.Sprintf("%s/%s is priced in %s, and invoices are issued in %s.", l.Project, l.Instance, l.Currency, c.Currency))
		}
		line := Line{Text: wordsOf(c.Language).text(l), Project: l.Project, Instance: l.Instance, Service: l.Service, Plan: l.Plan, Item: string(l.Item), Source: sourceOf(l), Period: c.period(),
			Quantity: l.Quantity(), Unit: string(l.Unit), Price: l.Price, Net: l.Amount}
		if l.Agreement != nil {
			line.Unit = "one"
			line.Quantity, line.Price = one(l.Amount)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func sourceOf(l billing.Line) *Source {
	s := &Source{Project: l.ProjectID, Instance: l.InstanceID, PlanRevision: l.PlanRevision, PriceList: l.PriceList, ServiceLevel: l.ServiceLevel, Item: string(l.Item), Of: string(l.Of), Tier: l.Tier}
	if l.Agreement != nil {
		s.Agreement = l.Agreement.ID
	}
	return s
}

// withCostCentres puts the cost centres of projects on their lines.
func withCostCentres(ctx context.Context, tx store.Tx, organization uuid.UUID, lines []Line) error {
	rows, err := invoicedb.New(tx).CostCentres(ctx, organization)
	if err != nil {
		return err
	}
	of := map[uuid.UUID]string{}
	for _, r := range rows {
		of[r.ID] = r.CostCentre
	}
	for i := range lines {
		if lines[i].Source != nil {
			lines[i].CostCentre = of[lines[i].Source.Project]
		}
	}
	return nil
}

// one is a quantity of one, with the sign of an amount, and the price that goes with it.
func one(net money.Amount) (quantity string, price money.Amount) {
	if net.Cmp(money.Amount{}) < 0 {
		return "-1", net.Negative()
	}
	return "1", net
}

// same says whether two sources are of the same thing at the same price.
func same(a, b *Source) bool { return a != nil && b != nil && *a == *b }

func compareSources(a, b Source) int {
	return cmp.Or(bytes.Compare(a.Project[:], b.Project[:]), bytes.Compare(a.Instance[:], b.Instance[:]), bytes.Compare(a.PlanRevision[:], b.PlanRevision[:]), bytes.Compare(a.PriceList[:], b.PriceList[:]),
		cmp.Compare(a.ServiceLevel, b.ServiceLevel), cmp.Compare(a.Item, b.Item), cmp.Compare(a.Of, b.Of), cmp.Compare(a.Tier, b.Tier),
		bytes.Compare(a.Agreement[:], b.Agreement[:]))
}
