package payment

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/money"
	"souk/internal/payment/paymentdb"
	"souk/internal/problem"
	"souk/internal/store"
)

// Hold holds dunning of an organization: nobody is reminded, and what dunning had
// suspended is resumed. A hold that there is gets the new reason and day.
func (s *Service) Hold(ctx context.Context, tx store.Tx, organization string, in api.DunningHold, by string) error {
	d, err := s.open(ctx, tx, by)
	if err != nil {
		return err
	}
	if in.Until != "" {
		if _, err := time.Parse(time.DateOnly, in.Until); err != nil || in.Until < d.today {
			return problem.InvalidField("body.until", in.Until, "This has to be a day such as 2026-12-31, today or later.")
		}
	}
	id, err := d.organization(ctx, organization)
	if err != nil {
		return err
	}
	if _, err := d.q.EndHold(ctx, paymentdb.EndHoldParams{OrganizationID: id, By: by, At: d.now}); err != nil {
		return err
	}
	return d.q.InsertHold(ctx, paymentdb.InsertHoldParams{ID: store.NewID(), OrganizationID: id, Reason: in.Reason, UntilOn: in.Until, MadeBy: by, MadeAt: d.now})
}

// Release ends a hold; a suspension is announced anew before it takes place. It is
// idempotent.
func (s *Service) Release(ctx context.Context, tx store.Tx, organization, by string) error {
	d, err := s.open(ctx, tx, by)
	if err != nil {
		return err
	}
	id, err := d.organization(ctx, organization)
	if err != nil {
		return err
	}
	_, err = d.q.EndHold(ctx, paymentdb.EndHoldParams{OrganizationID: id, By: by, At: d.now})
	return err
}

func (d *desk) organization(ctx context.Context, name string) (uuid.UUID, error) {
	id, err := d.q.OrganizationByName(ctx, name)
	if errors.Is(err, pgx.ErrNoRows) {
		return id, problem.NotFound("organization", name)
	}
	return id, err
}

// DunningRules returns the issuer's rules.
func (s *Service) DunningRules(ctx context.Context, tx store.Tx) (api.DunningRules, error) {
	d, err := s.look(ctx, tx)
	if err != nil {
		return api.DunningRules{}, err
	}
	r, err := d.rules(ctx)
	return api.DunningRules(r), err
}

// SetDunningRules changes them. What has been done is not undone by it.
func (s *Service) SetDunningRules(ctx context.Context, tx store.Tx, r api.DunningRules, by string) error {
	d, err := s.open(ctx, tx, by)
	if err != nil {
		return err
	}
	switch {
	case r.SecondDays <= r.ReminderDays:
		return problem.InvalidField("body.secondDays", r.SecondDays, "The second reminder comes after the first, which is after %d days.", r.ReminderDays)
	case r.SuspendDays-r.NoticeDays < r.SecondDays:
		return problem.InvalidField("body.suspendDays", r.SuspendDays, "The announcement, %d days before the suspension, comes after the second reminder.", r.NoticeDays)
	}
	return d.q.SetRules(ctx, paymentdb.SetRulesParams{IssuerID: d.issuer.ID, ReminderDays: int32(r.ReminderDays), SecondDays: int32(r.SecondDays), SuspendDays: int32(r.SuspendDays),
		NoticeDays: int32(r.NoticeDays), Paused: r.Paused, UpdatedBy: by, UpdatedAt: d.now})
}

// Balances lists organizations of whom something is overdue, or who are suspended or held,
// with what they have open.
func (s *Service) Balances(ctx context.Context, tx store.Tx) ([]api.BillingBalance, error) {
	d, err := s.look(ctx, tx)
	if err != nil {
		return nil, err
	}
	late, err := d.overdue(ctx, nil)
	if err != nil {
		return nil, err
	}
	holds, err := d.q.Holds(ctx, nil)
	if err != nil {
		return nil, err
	}
	suspended, err := d.q.Suspended(ctx, nil)
	if err != nil {
		return nil, err
	}
	names := map[string]uuid.UUID{}
	for _, s := range suspended {
		names[s.Organization] = s.OrganizationID
	}
	for _, l := range late {
		names[l.OrganizationName] = l.Organization
	}
	for _, h := range holds {
		names[h.Organization] = h.OrganizationID
	}
	list := []api.BillingBalance{}
	for name, id := range names {
		b, err := d.balance(ctx, id, name)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	slices.SortFunc(list, func(a, b api.BillingBalance) int {
		if a.Organization < b.Organization {
			return -1
		}
		return 1
	})
	return list, nil
}

// Balance is what one organization has open.
func (s *Service) Balance(ctx context.Context, tx store.Tx, organization uuid.UUID, name string) (api.BillingBalance, error) {
	d, err := s.look(ctx, tx)
	if p := problem.As(err); p != nil && p.Code == "no-issuer" {
		return api.BillingBalance{Organization: name, Open: "0.00", Overdue: "0.00", Credit: "0.00", Invoices: []api.OpenInvoice{}}, nil
	}
	if err != nil {
		return api.BillingBalance{}, err
	}
	return d.balance(ctx, organization, name)
}

func (d *desk) balance(ctx context.Context, organization uuid.UUID, name string) (api.BillingBalance, error) {
	currency, digits := d.issuer.Currency, money.Digits(d.issuer.Currency)
	b := api.BillingBalance{Organization: name, Currency: currency, PayTo: api.PayTo{Name: d.issuer.Name, IBAN: compact(d.issuer.Iban), BIC: d.issuer.Bic}, Invoices: []api.OpenInvoice{}}
	invoices, err := d.q.OpenInvoices(ctx, paymentdb.OpenInvoicesParams{Organization: &organization, Limit: mostOpen})
	if err != nil {
		return b, err
	}
	late, err := d.overdue(ctx, &organization)
	if err != nil {
		return b, err
	}
	rules, err := d.rules(ctx)
	if err != nil {
		return b, err
	}
	taken := map[uuid.UUID]dueStep{}
	for _, l := range late {
		taken[l.ID] = l
	}
	var open, overdue money.Amount
	for _, row := range invoices {
		i := invoiceOf(paymentdb.InvoicesByReferenceRow(row))
		if i.Currency != currency {
			continue
		}
		doc := api.OpenInvoice{Number: i.Number, Reference: i.Reference, DueOn: i.DueOn, Open: i.Open.Fixed(digits), State: string(Open)}
		if open = open.Add(i.Open); i.Open.Cmp(i.Payable) < 0 {
			doc.State = string(PartlyPaid)
		}
		if l, is := taken[i.ID]; is {
			overdue, doc.State = overdue.Add(i.Open), string(Overdue)
			d.says(&b, &doc, rules, l)
		}
		b.Invoices = append(b.Invoices, doc)
	}
	unpaid, err := d.q.Unpaid(ctx, organization)
	if err != nil {
		return b, err
	}
	for _, u := range unpaid {
		if !u.WrittenOff.IsZero() && u.Currency == currency {
			b.Invoices = append(b.Invoices, api.OpenInvoice{Number: u.Number, Reference: u.Reference, DueOn: u.DueOn, Open: u.Unpaid.Fixed(digits), State: string(StateWriteOff)})
		}
	}
	b.Open, b.Overdue = open.Fixed(digits), overdue.Fixed(digits)
	credits, err := d.credits(ctx, organization)
	if err != nil {
		return b, err
	}
	b.Credit = credits[currency].Fixed(digits)
	return b, d.consequences(ctx, organization, unpaid, &b)
}

// says what was done about an overdue invoice, and what comes next.
func (d *desk) says(b *api.BillingBalance, doc *api.OpenInvoice, rules Rules, l dueStep) {
	for _, s := range steps {
		if _, done := l.taken[s]; done {
			doc.Step = string(s)
		}
	}
	if rules.Paused {
		return
	}
	next, on := rules.Next(l.DueOn, l.taken)
	doc.NextStep, doc.NextOn = string(next), on
	if next == Suspended && (b.SuspendedOn == "" || on < b.SuspendedOn) {
		b.SuspendedOn = on
	}
}

// consequences says whether instances are suspended, or dunning is held.
func (d *desk) consequences(ctx context.Context, organization uuid.UUID, unpaid []paymentdb.UnpaidRow, b *api.BillingBalance) error {
	suspended, err := d.q.Suspended(ctx, &organization)
	if err != nil {
		return err
	}
	for _, s := range suspended {
		b.Suspended = int(s.N)
	}
	if refused := refusal(ctx, d.q, organization, unpaid); problem.As(refused) != nil {
		b.OrdersRefused = problem.As(refused).Detail
	} else if refused != nil {
		return refused
	}
	holds, err := d.q.Holds(ctx, &organization)
	for _, h := range holds {
		b.Held = &api.DunningHeld{Reason: h.Reason, Until: h.UntilOn, By: h.MadeBy, At: h.MadeAt.UTC()}
		b.SuspendedOn = ""
		for i := range b.Invoices {
			b.Invoices[i].NextStep, b.Invoices[i].NextOn = "", ""
		}
	}
	return err
}
