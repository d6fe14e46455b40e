package httpapitest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/invoice"
	"souk/internal/ledger"
	"souk/internal/money"
	"souk/internal/payment"
	"souk/internal/qrbill"
	"souk/internal/store"
	"souk/internal/tax"
)

// IssuerIBAN is the account of the issuer that an Env has.
const IssuerIBAN = "CH9300762011623852957"

// Issuer sees to it that there is an issuer of invoices.
func (e *Env) Issuer(t testing.TB) {
	t.Helper()
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO issuers (id, name, postal_code, town, country, vat_id, iban, currency, time_zone, payment_days, grace_hours, first_month, created_at, updated_at)
			SELECT $1, 'Example Cloud AG', '8000', 'Zürich', 'CH', 'CHE-123.456.788', $2, 'CHF', 'Europe/Zurich', 30, 72, '2026-01', $3, $3 WHERE NOT EXISTS (SELECT FROM issuers)`, store.NewID(), IssuerIBAN, e.Clock.Now())
		return err
	})
}

var bills atomic.Int64

// Bill puts an invoice of an organization on record that is due in thirty days, and
// returns its number. Its creditor reference is made of the number's digits.
func (e *Env) Bill(t testing.TB, organization, payable string) string {
	t.Helper()
	e.Issuer(t)
	n := bills.Add(1)
	number, month := fmt.Sprintf("1999-%06d", n), fmt.Sprintf("%04d-%02d", 1900+n/12, 1+n%12)
	reference, err := qrbill.CreditorReference(fmt.Sprintf("1999%06d", n))
	if err != nil {
		t.Fatal(err)
	}
	id, run, org, now := store.NewID(), store.NewID(), e.Organizations[organization], e.Clock.Now()
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO invoice_runs (id, organization_id, month, from_at, to_at, time_zone, state, watermark, rules, frozen_at, ended_at)
			VALUES ($1, $2, $3, $4::timestamptz - interval '1 month', $4, 'Europe/Zurich', 'mailed', $4, '1', $4, $4)`, run, org, month, now)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO invoices (id, organization_id, issuer_id, run_id, kind, number, month, issued_on, due_on, currency, net, tax, gross, payable, reference, language, watermark, rules, rated, document, recorded_at)
			SELECT $1, $2, s.id, $3, 'invoice', $4, $5, $6::timestamptz::date, $6::timestamptz::date + 30, 'CHF', $7::text::numeric, 0, $7::text::numeric, $7::text::numeric, $8, 'en', $6, '1', '', '{}', $6 FROM issuers s LIMIT 1`,
			id, org, run, number, month, now, payable, reference)
		if err != nil {
			return err
		}
		return post(ctx, tx, e, org, number, money.MustParse(payable))
	})
	return number
}

func post(ctx context.Context, tx store.Tx, e *Env, organization uuid.UUID, number string, payable money.Amount) error {
	now := e.Clock.Now()
	return ledger.Post(ctx, tx, ledger.Entry{Organization: organization, Kind: ledger.KindInvoice, Reference: number, On: now.Format("2006-01-02"), Currency: "CHF",
		Postings: []ledger.Posting{{Account: ledger.Receivable(organization), Amount: payable}, {Account: ledger.Revenue(""), Amount: payable.Negative()}}}, now)
}

// Issued issues an invoice of one line to an organization, with all of its forms, and
// returns its number.
func (e *Env) Issued(t testing.TB, organization string) (number string) {
	t.Helper()
	e.Issuer(t)
	run, org, now, n := store.NewID(), e.Organizations[organization], e.Clock.Now(), bills.Add(1)
	month := fmt.Sprintf("%04d-%02d", 1900+n/12, 1+n%12)
	period := invoice.Period{From: month + "-01", To: month + "-28"}
	d := invoice.Document{Kind: invoice.KindInvoice, Period: period, Currency: "CHF", IBAN: IssuerIBAN, Rules: "1", Watermark: now.UTC().Format(time.RFC3339Nano),
		Issuer:   invoice.Party{Name: "Example Cloud AG", PostalCode: "8000", Town: "Zürich", Country: "CH", VATID: "CHE-109.322.551 MWST"},
		Customer: invoice.Party{Name: "Example GmbH", PostalCode: "3000", Town: "Bern", Country: "CH"},
		Lines:    []invoice.Line{{ID: 1, Text: "db1: postgresql small, compute", Service: "postgresql", Item: "compute", Period: period, Quantity: "720", Unit: "hour", Price: money.MustParse("0.02"), Net: money.MustParse("14.40")}}}
	d.Add(tax.Treatment{Category: tax.Standard, Percent: money.MustParse("8.1")})
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO invoice_runs (id, organization_id, month, from_at, to_at, time_zone, state, watermark, rules, frozen_at, ended_at)
			VALUES ($1, $2, $3, $4::timestamptz - interval '1 month', $4, 'Europe/Zurich', 'mailed', $4, '1', $4, $4)`, run, org, month, now)
		if err != nil {
			return err
		}
		var issuer uuid.UUID
		if err := tx.QueryRow(ctx, "SELECT id FROM issuers LIMIT 1").Scan(&issuer); err != nil {
			return err
		}
		id, made, err := invoice.Record(ctx, tx, invoice.Issue{Organization: org, Issuer: issuer, Run: run, Month: month, Language: "en", Zone: time.UTC, PaymentDays: 30, Watermark: now, Document: d}, now)
		if err != nil {
			return err
		}
		number = made.Number
		_, err = tx.Exec(ctx, "INSERT INTO invoice_files (invoice_id, organization_id, format, content, sha256, recorded_at) SELECT $1, $2, f, '{}', '', $3 FROM unnest(ARRAY['pdf', 'ubl', 'json']) f", id, org, now)
		return err
	})
	return number
}

// ProposeWriteOff has a person propose to write off what an invoice has open, and returns
// the proposal's ID.
func (e *Env) ProposeWriteOff(t testing.TB, number, person string) (id string) {
	t.Helper()
	e.System(t, func(ctx context.Context, tx store.Tx) (err error) {
		id, err = (&payment.Service{Clock: e.Server.Config.Clock}).Propose(ctx, tx, api.WriteOffPropose{Invoice: number, Reason: "they are bankrupt"}, person)
		return err
	})
	return id
}

// GiveBack puts an invoice of an organization on record that gives something back for a
// month of instances called so.
func (e *Env) GiveBack(t testing.TB, organization, month string, instances ...string) {
	t.Helper()
	number, report, terms, org, now := e.Bill(t, organization, "100.00"), store.NewID(), store.NewID(), e.Organizations[organization], e.Clock.Now()
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO credit_terms (id, organization_id, service_level, revision, from_month, tiers, cap, published_by, recorded_at)
			SELECT $1, $2, 'best-effort', 1 + count(*), $3, '[]', '', 'ann', $4 FROM credit_terms WHERE organization_id = $2`, terms, org, month, now)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO sla_reports (id, organization_id, period, watermark, rules_version, instances, missed, sha256, made_at) VALUES ($1, $2, $3, $4, 1, $5, $5, '', $4)`, report, org, month, now, len(instances))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO service_credits (invoice_id, organization_id, line, month, instance_id, project, instance, service, service_level, availability, objective, below, percent, charged, amount, terms_id, report_id, recorded_at)
			SELECT i.id, i.organization_id, n.line, $2, gen_random_uuid(), 'default', n.name, 'redis', 'best-effort', '98', '99', '99', '10', 20, 2, $3, $4, $5
			FROM invoices i, unnest($6::text[]) WITH ORDINALITY AS n (name, line) WHERE i.number = $1`, number, month, terms, report, now, instances)
		return err
	})
}
