package credit_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/credit"
	"souk/internal/driver"
	"souk/internal/invoice"
	"souk/internal/money"
	"souk/internal/payment"
	"souk/internal/reconcile"
	"souk/internal/sla"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

// books says that what was invoiced is what was rated and posted, and gives the same
// bytes when it is worked out again.
func (w *world) books(month string, credits int) {
	w.t.Helper()
	verified, err := reconcile.Verify(w.t.Context(), w.Store, month)
	if err != nil || len(verified) != 1 || !verified[0].Identical || verified[0].Credits != credits {
		w.t.Errorf("verified: %+v, %v", verified, err)
	}
	checks, err := reconcile.Look(w.t.Context(), w.Store, w.Clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range checks {
		if c.Differs > 0 && c.Name != "chains" { // facts of this test are no commands
			w.t.Errorf("%s: %v", c.Name, c.Problems)
		}
	}
}

// A month in which an instance was less available is credited on the next invoice, once,
// with its evidence, whatever becomes known or is renamed later.
func TestServiceCreditIsOnTheNextInvoice(t *testing.T) {
	w := newWorld(t)
	w.usual()
	w.measured(agentapi.SLIUp, 98*time.Hour)
	w.measured(agentapi.SLIDown, 2*time.Hour)
	down := w.Clock.Now().Add(-2 * time.Hour)
	w.pass()
	d := w.invoices()
	if len(d) != 1 || len(credits(d[0])) != 1 {
		t.Fatalf("%+v", d)
	}
	line := credits(d[0])[0]
	var charged money.Amount
	for _, l := range d[0].Lines[:len(d[0].Lines)-1] {
		charged = charged.Add(l.Net)
	}
	if want := charged.Percent(money.MustParse("10"), 2).Negative(); line.Net.Cmp(want) != 0 || line.Quantity != "-1" || line.Price.Cmp(want.Negative()) != 0 {
		t.Errorf("credited %s, want %s", line.Net, want)
	}
	e := line.Evidence
	if e == nil || e.Availability != "98.0000" || e.Objective != "99.5" || e.Below != "99" || e.Percent != "10" || e.Charged.Cmp(charged) != 0 || e.Month != "2026-03" {
		t.Fatalf("evidence %+v", e)
	}
	if want := "db1: service credit 2026-03, available 98.0000 % (below 99 %: 10 % of " + charged.Fixed(2) + ")"; line.Text != want {
		t.Errorf("%q, want %q", line.Text, want)
	}
	if broken := d[0].Check(); len(broken) > 0 {
		t.Errorf("breaks %v", broken)
	}
	ubl, err := d[0].UBL()
	if err != nil || !strings.Contains(string(ubl), "<cac:AdditionalDocumentReference>") || !strings.Contains(string(ubl), e.Report.String()) || !strings.Contains(string(ubl), e.SHA256) {
		t.Errorf("UBL: %v\n%s", err, ubl)
	}
	if n := w.Count(t, "ledger_postings WHERE account = 'service-credit:postgresql' AND amount = $1::text::numeric", line.Net.Negative().String()); n != 1 {
		t.Errorf("%d postings of the credit", n)
	}
	if n := w.Count(t, "mails WHERE topic = $1", "invoice "+d[0].Number); n != 1 {
		t.Errorf("%d mails", n)
	}
	w.books("2026-03", 1)
	// The evidence is the report as it was made, whatever is called otherwise now.
	w.Superuser(t, false, "UPDATE projects SET name = 'renamed'")
	w.System(t, func(tx store.Tx) error {
		at, err := e.At()
		if err != nil {
			return err
		}
		r, err := w.sla.Report(t.Context(), tx, w.Acme.Organization, e.Month, at)
		if err != nil {
			return err
		}
		payload, err := sla.Payload(r)
		sum := sha256.Sum256(payload)
		if hex.EncodeToString(sum[:]) != e.SHA256 || r.Instances[0].Project == "renamed" {
			t.Error("the report is not what it was")
		}
		return err
	})
	// Late facts: that it was down for longer, and that it was not billed for a time. The
	// credit stays as it was reported; what was charged too much is an adjustment.
	w.told(down.Add(-10*time.Hour), agentapi.SLIDown, 10*time.Hour)
	late := w.Fact(t, w.db.ID, driver.StateFailed)
	late.EffectiveAt = down
	w.Apply(t, late)
	w.Report(t, w.db.ID, driver.StateRunning)
	w.pass()
	d = w.invoices()
	if len(d) != 2 || len(credits(d[1])) != 0 {
		t.Fatalf("credited again: %+v", d[len(d)-1])
	}
	adjusted := false
	for _, l := range d[1].Lines {
		adjusted = adjusted || l.Adjusts != nil && l.Adjusts.Number == d[0].Number
	}
	if !adjusted {
		t.Errorf("the late fact adjusts nothing: %+v", d[1].Lines)
	}
	w.books("2026-03", 1)
	w.books("2026-04", 0)
	var list []api.ServiceCredit
	if err := w.As(t, w.Acme, func(tx store.Tx) (err error) {
		list, err = credit.Invoiced(t.Context(), tx, &w.Acme.Organization, "", nil, 10)
		return err
	}); err != nil || len(list) != 1 || list[0].Invoice != d[0].Number || list[0].Amount != line.Net.Negative().Fixed(2) || list[0].SHA256 != e.SHA256 {
		t.Errorf("listed %+v, %v", list, err)
	}
}

// A month that was closed before its report was made is credited on the invoice after.
func TestAReportThatComesAfterTheClose(t *testing.T) {
	w := newWorld(t)
	w.usual()
	w.measured(agentapi.SLIDown, time.Hour)
	w.measured(agentapi.SLIUp, 2*time.Hour)
	end := w.MonthEnd()
	w.Until(end.Add(73 * time.Hour))
	w.close()
	w.report()
	w.pass()
	d := w.invoices()
	if len(d) != 2 || len(credits(d[0])) != 0 || len(credits(d[1])) != 1 {
		t.Fatalf("%+v", d)
	}
	line := credits(d[1])[0]
	if line.Evidence.Month != "2026-03" || line.Period != (invoice.Period{From: "2026-03-01", To: "2026-03-31"}) || line.Evidence.Charged.Cmp(d[0].Totals.Net) != 0 {
		t.Errorf("%+v, %+v", line, line.Evidence)
	}
	w.books("2026-04", 1)
}

// What is given back beyond what is charged becomes the customer's credit, and pays the
// next invoice.
func TestCreditsBeyondTheInvoiceBecomeCredit(t *testing.T) {
	w := newWorld(t)
	w.usual()
	w.measured(agentapi.SLIDown, 200*time.Hour)
	end := w.MonthEnd()
	w.Until(end.Add(73 * time.Hour))
	w.close() // before the report
	w.report()
	w.Act(t, "db1", w.Suspend) // from here on little is charged
	w.pass()
	d := w.invoices()
	last := d[len(d)-1]
	if len(d) != 2 || last.Totals.Gross.Cmp(money.Amount{}) >= 0 || !last.Totals.Payable.IsZero() || last.Totals.Prepaid.Cmp(last.Totals.Gross) != 0 {
		t.Fatalf("%+v", last.Totals)
	}
	if broken := last.Check(); len(broken) > 0 {
		t.Errorf("breaks %v", broken)
	}
	if _, err := last.PDF("de"); err != nil {
		t.Error(err)
	}
	w.books("2026-04", 1)
	payments := &payment.Service{Clock: w.Clock, Instances: w.Service}
	storetest.UntilNone(t, w.Store, payments.SettleDue)
	var b api.BillingBalance
	w.System(t, func(tx store.Tx) (err error) {
		b, err = payments.Balance(t.Context(), tx, w.Acme.Organization, "acme")
		return err
	})
	if want := d[0].Totals.Gross.Add(last.Totals.Gross); b.Open != want.Fixed(2) {
		t.Errorf("open %s, want %s", b.Open, want)
	}
	w.books("2026-04", 1)
}

// Terms hold from a month on that has not begun; the newest that was recorded holds, and
// an organization's own go before those of all.
func TestTermsByMonthAndWatermark(t *testing.T) {
	w := newWorld(t)
	first := w.must(api.CreditTermsSpec{ServiceLevel: "best-effort", Tiers: tiers("99", "10")})
	before := w.Clock.Now()
	w.Machine.Advance(time.Hour)
	if _, err := w.publish(api.CreditTermsSpec{ServiceLevel: "best-effort", FromMonth: "2026-03"}); fieldOf(err) != "body.fromMonth" {
		t.Errorf("worse terms for a month that has begun: %v", err)
	}
	if _, err := w.publish(api.CreditTermsSpec{ServiceLevel: "best-effort", Organization: "nobody"}); fieldOf(err) != "body.organization" {
		t.Errorf("for nobody: %v", err)
	}
	second := w.must(api.CreditTermsSpec{ServiceLevel: "best-effort", Tiers: tiers("98", "20")})
	own := w.must(api.CreditTermsSpec{ServiceLevel: "best-effort", Organization: "acme", FromMonth: "2026-05", Tiers: tiers("97", "30")})
	for _, c := range []struct {
		organization uuid.UUID
		month        string
		watermark    time.Time
		want         uuid.UUID
	}{
		{w.Acme.Organization, "2026-02", w.Clock.Now(), uuid.Nil},
		{w.Acme.Organization, "2026-03", w.Clock.Now(), first},
		{w.Acme.Organization, "2026-04", w.Clock.Now(), second},
		{w.Acme.Organization, "2026-04", before, first},
		{w.Acme.Organization, "2026-05", w.Clock.Now(), own},
		{uuid.New(), "2026-05", w.Clock.Now(), second},
	} {
		w.System(t, func(tx store.Tx) error {
			got, err := credit.InForce(t.Context(), tx, c.organization, c.month, c.watermark)
			if is := len(got) == 1 && got[0].ID == c.want.String(); is == (c.want == uuid.Nil) && len(got) > 0 || !is && c.want != uuid.Nil {
				t.Errorf("%s at %s: %+v", c.month, c.watermark, got)
			}
			return err
		})
	}
	if err := w.As(t, w.Globex, func(tx store.Tx) error {
		rows, err := credit.List(t.Context(), tx)
		if len(rows) != 2 {
			t.Errorf("globex sees %d revisions", len(rows))
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

// The draft of a month shows what its invoice will give back, once there is the report.
func TestDraftShowsCredits(t *testing.T) {
	w := newWorld(t)
	w.usual()
	w.measured(agentapi.SLIDown, time.Hour)
	end := w.MonthEnd()
	w.Until(end.Add(25 * time.Hour))
	w.report()
	draft := func(month string) (d api.InvoiceDraft) {
		w.System(t, func(tx store.Tx) (err error) {
			d, err = w.months.Draft(t.Context(), tx, w.Acme.Organization, month)
			return err
		})
		return d
	}
	last := func(d api.InvoiceDraft) api.InvoiceLine { return d.Lines[len(d.Lines)-1] }
	if l := last(draft("2026-03")); l.Item != invoice.ItemServiceCredit || l.Evidence == nil || l.Evidence.Availability != "0.0000" {
		t.Errorf("%+v", l)
	}
	if l := last(draft("")); l.Item == invoice.ItemServiceCredit {
		t.Errorf("the month after shows it too: %+v", l)
	}
}
