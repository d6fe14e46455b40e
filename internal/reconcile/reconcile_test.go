package reconcile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/driver"
	"souk/internal/instance/instancetest"
	"souk/internal/ledger"
	"souk/internal/money"
	"souk/internal/reconcile"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// books are a record in which acme's March is over.
type books struct {
	*instancetest.World
	month     billing.Month
	watermark time.Time
	issuer    uuid.UUID
}

// opened makes books with one instance that ran in March. It is April 4th.
func opened(t *testing.T) *books {
	t.Helper()
	b := &books{World: instancetest.New(t), issuer: store.NewID()}
	b.Ready(t, "db1")
	b.month = billing.MonthOf(instancetest.Start, instancetest.Zurich)
	b.Until(b.month.To.Add(72 * time.Hour))
	b.watermark = b.Clock.Now().Add(-time.Minute)
	b.exec(t, `INSERT INTO issuers (id, name, postal_code, town, country, vat_id, iban, currency, time_zone, payment_days, grace_hours, first_month, created_at, updated_at)
		VALUES ($1, 'Souk AG', '8001', 'Zürich', 'CH', 'CHE-109.322.551 MWST', 'CH9300762011623852957', 'CHF', 'Europe/Zurich', 30, 24, '2026-03', $2, $2)`, b.issuer, b.watermark)
	return b
}

func (b *books) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	b.System(t, func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), sql, args...)
		return err
	})
}

// behind changes something as nobody but the database's superuser can.
func (b *books) behind(t *testing.T, sql string, args ...any) {
	t.Helper()
	b.Superuser(t, true, sql, args...)
}

// run is the close of March.
func (b *books) run(t *testing.T) (id uuid.UUID, charges []billing.Line) {
	t.Helper()
	b.System(t, func(tx store.Tx) (err error) {
		charges, err = billing.Charges(t.Context(), tx, billing.Filter{Organization: b.Acme.Organization}, b.month, b.month.To, b.watermark)
		return err
	})
	id = store.NewID()
	b.exec(t, `INSERT INTO invoice_runs (id, organization_id, month, from_at, to_at, time_zone, state, watermark, rules, rated, frozen_at, ended_at)
		VALUES ($1, $2, '2026-03', $3, $4, 'Europe/Zurich', 'mailed', $5, $6, $7, $5, $5)`, id, b.Acme.Organization, b.month.From, b.month.To, b.watermark, billing.RulesVersion, billing.Canonical(charges))
	return id, charges
}

// invoiced is what an invoice says otherwise than it should.
type invoiced struct{ lineMore, notPosted bool }

// invoice closes March with an invoice of so much, without tax, and posts it.
func (b *books) invoice(t *testing.T, wrong invoiced) {
	t.Helper()
	run, charges := b.run(t)
	period := map[string]string{"from": "2026-03-01", "to": "2026-03-31"}
	lines, net := []map[string]any{}, money.Amount{}
	for _, c := range charges {
		amount := c.Amount
		if wrong.lineMore && len(lines) == 0 {
			amount = amount.Add(money.MustParse("0.01"))
		}
		lines = append(lines, map[string]any{"item": c.Item, "period": period, "net": amount})
		net = net.Add(amount)
	}
	// What is adjusted of earlier months, and credits, is not of the month's charges.
	for _, more := range []map[string]any{
		{"item": "compute", "period": map[string]string{"from": "2026-02-01", "to": "2026-02-28"}, "net": money.MustParse("1.50")},
		{"item": "service-credit", "period": period, "net": money.MustParse("-0.50")},
	} {
		lines = append(lines, more)
		net = net.Add(more["net"].(money.Amount))
	}
	document, err := json.Marshal(map[string]any{"period": period, "lines": lines, "totals": map[string]any{"net": net}})
	if err != nil {
		t.Fatal(err)
	}
	b.exec(t, `INSERT INTO invoices (id, organization_id, issuer_id, run_id, kind, number, month, issued_on, due_on, currency, net, tax, gross, payable, reference, language, watermark, rules, rated, document, recorded_at)
		VALUES ($1, $2, $3, $4, 'invoice', '2026-000001', '2026-03', '2026-04-04', '2026-05-04', 'CHF', $5::text::numeric, 0, $5::text::numeric, $5::text::numeric, 'RF', 'en', $6, $7, $8, $9, $6)`,
		store.NewID(), b.Acme.Organization, b.issuer, run, net.String(), b.watermark, billing.RulesVersion, billing.Canonical(charges), document)
	if !wrong.notPosted {
		b.post(t, "2026-000001", net)
	}
}

func (b *books) post(t *testing.T, number string, net money.Amount) {
	t.Helper()
	b.System(t, func(tx store.Tx) error {
		return ledger.Post(t.Context(), tx, ledger.Entry{Organization: b.Acme.Organization, Kind: ledger.KindInvoice, Reference: number, On: "2026-04-04", Currency: "CHF",
			Postings: []ledger.Posting{{Account: ledger.Receivable(b.Acme.Organization), Amount: net}, {Account: ledger.Revenue("postgresql"), Amount: net.Negative()}}}, b.watermark)
	})
}

// look returns how many were compared and how many differ, by check.
func (b *books) look(t *testing.T) (looked, differs map[string]int64, problems string) {
	t.Helper()
	list, err := reconcile.Look(t.Context(), b.Store, b.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	looked, differs = map[string]int64{}, map[string]int64{}
	for _, c := range list {
		looked[c.Name] = c.Looked
		if c.Differs > 0 {
			differs[c.Name] = c.Differs
		}
		problems += strings.Join(c.Problems, "\n")
	}
	return looked, differs, problems
}

func TestBooksThatAgree(t *testing.T) {
	b := opened(t)
	b.invoice(t, invoiced{})
	looked, differs, problems := b.look(t)
	if len(differs) > 0 {
		t.Errorf("%v differ: %s", differs, problems)
	}
	if looked["chains"] == 0 || looked["lines"] != 1 || looked["ledger"] != 1 || looked["balance"] != 2 || looked["closed"] != 1 {
		t.Errorf("looked at %v", looked)
	}
}

// Each way in which the books can differ is found by the check that it belongs to, and
// by no other.
func TestEachDifferenceIsFound(t *testing.T) {
	for _, c := range []struct {
		name, check, says string
		differ            func(t *testing.T, b *books)
	}{
		{"a segment that was changed", "chains", "acme/db1", func(t *testing.T, b *books) {
			b.invoice(t, invoiced{})
			b.behind(t, "UPDATE segments SET compute_billed = false WHERE compute_billed")
		}},
		{"a line that is not as it was rated", "lines", "was rated", func(t *testing.T, b *books) { b.invoice(t, invoiced{lineMore: true}) }},
		{"an invoice that was not posted", "ledger", "2026-000001 of acme", func(t *testing.T, b *books) { b.invoice(t, invoiced{notPosted: true}) }},
		{"an entry of no invoice", "ledger", "2026-000002 of acme", func(t *testing.T, b *books) {
			b.invoice(t, invoiced{})
			b.post(t, "2026-000002", money.MustParse("5.00"))
		}},
		{"a posting that was taken away", "balance", "CHF is off by", func(t *testing.T, b *books) {
			b.invoice(t, invoiced{})
			b.behind(t, `WITH e AS (INSERT INTO ledger_entries (id, organization_id, kind, reference, posted_on, currency, recorded_at) VALUES (gen_random_uuid(), $1, 'payment', 'p', '2026-04-04', 'CHF', $2) RETURNING id)
				INSERT INTO ledger_postings (entry_id, line, organization_id, account, amount) SELECT id, 1, $1, 'unmatched', 3 FROM e`, b.Acme.Organization, b.watermark)
		}},
		{"a month that was forgotten", "closed", "acme has something to pay for 2026-03", func(*testing.T, *books) {}},
		{"a close that is stuck", "finished", "no paper", func(t *testing.T, b *books) {
			b.invoice(t, invoiced{})
			b.exec(t, `INSERT INTO invoice_runs (id, organization_id, month, from_at, to_at, time_zone, state, watermark, rules, error, next_at, frozen_at)
				VALUES (gen_random_uuid(), $1, '2026-02', $2, $3, 'Europe/Zurich', 'posted', $4, '1', 'no paper', $4, $5)`, b.Acme.Organization, b.month.From.AddDate(0, -1, 0), b.month.From, b.watermark, b.watermark.Add(-3*time.Hour))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := opened(t)
			c.differ(t, b)
			_, differs, problems := b.look(t)
			if len(differs) != 1 || differs[c.check] == 0 || !strings.Contains(problems, c.says) {
				t.Errorf("%v differ: %s", differs, problems)
			}
		})
	}
}

// A closed month that is rated again gives the same bytes, whatever was renamed or
// became known since; and where a segment was changed behind its back it says where.
func TestVerify(t *testing.T) {
	b := opened(t)
	_, charges := b.run(t)
	verify := func() reconcile.Verified {
		t.Helper()
		list, err := reconcile.Verify(t.Context(), b.Store, "2026-03")
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		return list[0]
	}
	if v := verify(); !v.Identical || v.Lines != len(charges) || v.Bytes != len(billing.Canonical(charges)) || v.Organization != "acme" {
		t.Errorf("%+v", v)
	}
	b.exec(t, "UPDATE projects SET name = 'renamed'")
	var id uuid.UUID
	b.System(t, func(tx store.Tx) error { return tx.QueryRow(t.Context(), "SELECT id FROM instances").Scan(&id) })
	late := b.Fact(t, id, driver.StateFailed)
	late.EffectiveAt = b.month.From.Add(20 * 24 * time.Hour)
	b.Apply(t, late)
	var known []billing.Line
	b.System(t, func(tx store.Tx) (err error) {
		known, err = billing.Charges(t.Context(), tx, billing.Filter{Organization: b.Acme.Organization}, b.month, b.month.To, time.Time{})
		return err
	})
	if bytes.Equal(billing.Canonical(known), billing.Canonical(charges)) {
		t.Fatal("the late fact changed nothing")
	}
	if v := verify(); !v.Identical {
		t.Errorf("after a late fact: %+v", v)
	}
	b.behind(t, "UPDATE segments SET storage_gib = storage_gib + 1 WHERE recorded_at < $1 AND storage_billed", b.watermark)
	if v := verify(); v.Identical || !strings.Contains(v.Difference, `"item":"storage"`) {
		t.Errorf("after a segment was changed: %+v", v)
	}
	b.behind(t, "UPDATE invoice_runs SET rules = '0'")
	if v := verify(); v.Identical || !strings.Contains(v.Difference, "version 0") {
		t.Errorf("of older rules: %+v", v)
	}
}

// The operator is told once that the books differ, and once that they do not any more;
// an hour is reconciled once, whoever else does it.
func TestTheOperatorIsToldOnce(t *testing.T) {
	b := opened(t)
	var told []reconcile.Alert
	s := &reconcile.Service{Clock: b.Clock, Tell: func(_ context.Context, _ store.Tx, a reconcile.Alert, _ time.Time) error {
		told = append(told, a)
		return nil
	}}
	due := func() bool {
		t.Helper()
		did, err := s.MakeDue(t.Context(), b.Store)
		if err != nil {
			t.Fatal(err)
		}
		return did
	}
	first, again := due(), due()
	began := b.Clock.Now()
	b.Machine.Advance(time.Hour)
	second := due()
	if !first || again || !second || len(told) != 1 || told[0].Over || !strings.Contains(told[0].Summary, "2026-03") {
		t.Fatalf("%v %v %v, told %+v", first, again, second, told)
	}
	b.invoice(t, invoiced{})
	b.Machine.Advance(time.Hour)
	due()
	b.Machine.Advance(time.Hour)
	due()
	if len(told) != 2 || !told[1].Over || told[1].ID != told[0].ID || !told[1].Since.Equal(began) {
		t.Errorf("told %+v", told)
	}
	var list api.Reconciliations
	b.System(t, func(tx store.Tx) (err error) { list, err = reconcile.List(t.Context(), tx, 10); return err })
	var differences []int64
	for _, r := range list.Items {
		differences = append(differences, r.Differences)
	}
	if !slices.Equal(differences, []int64{0, 0, 1, 1}) || fmt.Sprint(list.Automation) != "[{2026-03 1 1 0 0 100.00}]" {
		t.Errorf("%v, %v", differences, list.Automation)
	}
}
