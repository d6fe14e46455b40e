package invoice

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/account"
	"souk/internal/billing"
	"souk/internal/driver"
	"souk/internal/instance/instancetest"
	"souk/internal/ledger"
	"souk/internal/mail"
	"souk/internal/store"
	"souk/internal/store/storetest"
	"souk/internal/tax"
)

// world is an organization that orders, and an issuer who invoices it.
type world struct {
	*instancetest.World
	t      testing.TB
	months *Service
}

func newWorld(t testing.TB) *world {
	w := &world{World: instancetest.New(t), t: t}
	w.months = &Service{Clock: w.Clock, Mail: &mail.Outbox{Secrets: w.Secrets, PublicURL: "https://souk.example"}}
	w.issuer(func(*api.Issuer) {})
	for email, role := range map[string]string{"jane@acme.example": "owner", "joe@acme.example": "viewer"} {
		w.Member(w.t, w.Acme.Organization, email, role)
	}
	return w
}

func (w *world) issuer(change func(*api.Issuer)) {
	w.t.Helper()
	i := api.Issuer{Name: "Souk AG", Street: "Bahnhofstrasse", Building: "1", PostalCode: "8001", Town: "Zürich", Country: "CH", VATID: "CHE-109.322.551 MWST", IBAN: "CH9300762011623852957", PaymentDays: 30, GraceHours: 24}
	change(&i)
	w.System(w.t, func(tx store.Tx) error { return account.PutIssuer(w.t.Context(), tx, i, w.Clock.Now()) })
}

func (w *world) address(organization uuid.UUID, change func(*api.BillingProfile)) {
	w.t.Helper()
	p := api.BillingProfile{Name: "Acme GmbH", Street: "Hauptstr.", Building: "5", PostalCode: "3000", Town: "Bern", Country: "CH"}
	change(&p)
	w.System(w.t, func(tx store.Tx) error {
		return account.PutProfile(w.t.Context(), tx, organization, p, w.Clock.Now())
	})
}

func asIs(*api.BillingProfile) {}

// due closes all that is due.
func (w *world) due() {
	w.t.Helper()
	storetest.UntilNone(w.t, w.Store, w.months.CloseDue)
}

// closeMonth lets the month of now pass and its grace, and closes it; it returns its end.
func (w *world) closeMonth() (end time.Time) {
	w.t.Helper()
	end = w.MonthEnd()
	w.Until(end.Add(25 * time.Hour))
	w.due()
	return end
}

// closed is what is known of closed months: "2026-11 mailed 2026-000001" each.
func (w *world) closed(organization uuid.UUID) (out []string) {
	w.t.Helper()
	w.Query(w.t, "SELECT r.month, r.state, r.held, r.error, coalesce(i.number, '-') FROM invoice_runs r LEFT JOIN invoices i ON i.run_id = r.id WHERE r.organization_id = $1 ORDER BY r.month", func(rows pgx.Rows) error {
		var month, state, held, failed, number string
		err := rows.Scan(&month, &state, &held, &failed, &number)
		out = append(out, strings.TrimSpace(strings.Join(strings.Fields(strings.Join([]string{month, state, number, held, failed}, " ")), " ")))
		return err
	}, organization)
	return out
}

func (w *world) documents(organization uuid.UUID) (out []Document) {
	w.t.Helper()
	w.Query(w.t, "SELECT document FROM invoices WHERE organization_id = $1 ORDER BY number", func(rows pgx.Rows) error {
		var content []byte
		if err := rows.Scan(&content); err != nil {
			return err
		}
		var d Document
		err := json.Unmarshal(content, &d)
		out = append(out, d)
		return err
	}, organization)
	return out
}

// balanced says whether all debits equal all credits.
func (w *world) balanced() {
	w.t.Helper()
	w.System(w.t, func(tx store.Tx) error {
		sums, err := ledger.TrialBalance(w.t.Context(), tx, w.Clock.Now().AddDate(1, 0, 0))
		debit, credit := amount("0"), amount("0")
		for _, s := range sums {
			debit, credit = debit.Add(s.Debit), credit.Add(s.Credit)
		}
		if debit.Cmp(credit) != 0 {
			w.t.Errorf("debits of %s, credits of %s", debit, credit)
		}
		return err
	})
}

// A month is invoiced by itself once it is over and the grace has passed: once, with
// what was used and the parties as they were, in all forms, and mailed with the PDF.
func TestMonthIsInvoicedByItself(t *testing.T) {
	w := newWorld(t)
	w.address(w.Acme.Organization, func(p *api.BillingProfile) {
		p.Reference, p.Language, p.CostCentres = "PO 17", "de", map[string]string{w.Acme.ProjectName: "4711"}
	})
	w.Ready(t, "db1")
	end := w.MonthEnd()
	w.Until(end.Add(24*time.Hour - time.Second))
	w.due()
	if got := w.closed(w.Acme.Organization); len(got) > 0 {
		t.Fatalf("before its time: %v", got)
	}
	w.Until(end.Add(24 * time.Hour))
	w.due()
	w.due()
	month := end.AddDate(0, -1, 0).Format("2006-01")
	if got, want := fmt.Sprint(w.closed(w.Acme.Organization)), "["+month+" mailed "+end.Format("2006")+"-000001]"; got != want {
		t.Fatalf("closed %s, not %s", got, want)
	}
	d := w.documents(w.Acme.Organization)[0]
	if d.Customer.Name != "Acme GmbH" || d.Customer.Reference != "PO 17" || d.Issuer.VATID != "CHE-109.322.551 MWST" || len(d.Lines) != 2 || d.Lines[0].CostCentre != "4711" || d.Lines[0].Text != "db1: postgresql small, Rechenleistung" {
		t.Errorf("%+v", d)
	}
	if len(d.Taxes) != 1 || d.Taxes[0].Percent.String() != "8.10" || d.Totals.Gross.Cmp(d.Totals.Net.Add(d.Totals.Tax)) != 0 {
		t.Errorf("taxes %+v, totals %+v", d.Taxes, d.Totals)
	}
	if broken := d.Check(); len(broken) > 0 {
		t.Error(broken)
	}
	w.filesOf(d.Number)
	if n := w.Count(t, "mails WHERE topic = $1 AND recipient = 'jane@acme.example'", "invoice "+d.Number); n != 1 || w.Count(t, "mails") != 1 {
		t.Errorf("%d mails of the invoice to the owner, %d in all", n, w.Count(t, "mails"))
	}
	w.balanced()
	w.address(w.Acme.Organization, func(p *api.BillingProfile) { p.Name = "Acme AG" })
	w.closeMonth()
	if all := w.documents(w.Acme.Organization); len(all) != 2 || all[0].Customer.Name != "Acme GmbH" || all[1].Customer.Name != "Acme AG" || len(all[1].Lines) != 2 {
		t.Errorf("after another month: %+v", all)
	}
}

// filesOf compares the stored forms with their hashes and with the document.
func (w *world) filesOf(number string) {
	w.t.Helper()
	n := 0
	w.Query(w.t, "SELECT f.format, f.content, f.sha256, i.document FROM invoice_files f JOIN invoices i ON i.id = f.invoice_id WHERE i.number = $1", func(rows pgx.Rows) error {
		var format, hash string
		var content, document []byte
		if err := rows.Scan(&format, &content, &hash, &document); err != nil {
			return err
		}
		n++
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != hash {
			w.t.Errorf("%s has another hash", format)
		}
		if format == JSON && !bytes.Equal(content, document) {
			w.t.Error("the JSON is not the document")
		}
		if format == PDF && !bytes.HasPrefix(content, []byte("%PDF")) || format == UBL && !bytes.Contains(content, []byte(number)) {
			w.t.Errorf("%s is none", format)
		}
		return nil
	}, number)
	if n != 3 {
		w.t.Errorf("%d forms", n)
	}
}

// Where an organization has given no address its invoice is held, the operator and the
// customer are told once, nothing is lost, and it goes on when the address is there.
func TestHeldUntilThereIsAnAddress(t *testing.T) {
	w := newWorld(t)
	w.Superuser(t, false, "UPDATE organizations SET kinds = '{operator}' WHERE id = $1", w.Globex.Organization)
	w.Member(t, w.Globex.Organization, "ann@operator.example", "editor")
	w.Ready(t, "db1")
	end := w.MonthEnd()
	w.Until(end.Add(25 * time.Hour))
	month := end.AddDate(0, -1, 0).Format("2006-01")
	for range 3 {
		w.due()
		w.Machine.Advance(2 * heldFor)
	}
	if got := fmt.Sprint(w.closed(w.Acme.Organization)); got != "["+month+" frozen - address]" {
		t.Fatalf("closed %s", got)
	}
	for topic, to := range map[string]string{"invoice-held": "ann@operator.example", "billing-details": "jane@acme.example"} {
		if n := w.Count(t, "mails WHERE topic = $1 AND recipient = $2", topic, to); n != 1 {
			t.Errorf("%d mails %s to %s", n, topic, to)
		}
	}
	if n := w.Count(t, "invoices"); n != 0 {
		t.Errorf("%d invoices", n)
	}
	// A month later it is still held, and the next waits behind it.
	w.closeMonth()
	w.address(w.Acme.Organization, asIs)
	w.Machine.Advance(2 * heldFor)
	w.due()
	next := end.Format("2006-01")
	if got, want := fmt.Sprint(w.closed(w.Acme.Organization)), fmt.Sprintf("[%s mailed %s-000001 %s mailed %[2]s-000002]", month, w.Clock.Now().In(instancetest.Zurich).Format("2006"), next); got != want {
		t.Errorf("closed %s, not %s", got, want)
	}
	// An organization without any cost has no invoice, and its run says so.
	if got := w.closed(w.Globex.Organization); fmt.Sprint(got) != fmt.Sprintf("[%s nothing - %s nothing -]", month, next) {
		t.Errorf("who used nothing: %v", got)
	}
}

// A run that is held is not rated again as long as what it is held for is lacking still,
// and says by which version of the rules it was rated.
func TestHeldIsNotRatedAgain(t *testing.T) {
	w := newWorld(t)
	rated := 0
	w.months.Extras = []Extra{func(_ context.Context, _ store.Tx, c Closing) ([]Line, error) {
		if c.Organization == w.Acme.Organization {
			rated++
		}
		return nil, nil
	}}
	w.address(w.Acme.Organization, asIs)
	w.Superuser(t, false, "UPDATE billing_profiles SET country = 'DE', postal_code = '10115'")
	w.Ready(t, "db1")
	w.closeMonth()
	for range 3 {
		w.Superuser(t, false, "UPDATE billing_profiles SET updated_at = $1", w.Clock.Now())
		w.Machine.Advance(2 * heldFor)
		w.due()
	}
	if n := w.Count(t, "invoice_runs WHERE held = 'vat-id' AND tried_at > $1::timestamptz - interval '1 minute' AND rules = ''", w.Clock.Now()); n != 1 || rated != 1 {
		t.Fatalf("rated %d times; %v", rated, w.closed(w.Acme.Organization))
	}
	w.address(w.Acme.Organization, func(p *api.BillingProfile) { p.Country, p.PostalCode, p.VATID = "DE", "10115", "DE123456789" })
	w.Machine.Advance(2 * heldFor)
	w.due()
	if n := w.Count(t, "invoice_runs WHERE rules = $1 AND state = 'mailed'", billing.RulesVersion); n != 1 || rated != 2 {
		t.Errorf("rated %d times; %v", rated, w.closed(w.Acme.Organization))
	}
}

// A customer in the European Union without a VAT number is held for that.
func TestHeldWithoutAVATNumber(t *testing.T) {
	w := newWorld(t)
	w.address(w.Acme.Organization, asIs)
	w.Superuser(t, false, "UPDATE billing_profiles SET country = 'DE', postal_code = '10115'")
	w.Ready(t, "db1")
	w.closeMonth()
	if got := fmt.Sprint(w.closed(w.Acme.Organization)); !strings.HasSuffix(got, "frozen - vat-id]") {
		t.Fatalf("closed %s", got)
	}
	w.address(w.Acme.Organization, func(p *api.BillingProfile) { p.Country, p.PostalCode, p.VATID = "DE", "10115", "DE123456789" })
	w.Machine.Advance(2 * heldFor)
	w.due()
	d := w.documents(w.Acme.Organization)
	if len(d) != 1 || d[0].Taxes[0].Category != tax.ReverseCharge || !d[0].Totals.Tax.IsZero() {
		t.Errorf("%+v", d)
	}
}

// What cannot be closed of one organization says why and is tried again; others go on.
func TestOneThatFailsKeepsNoOther(t *testing.T) {
	w := newWorld(t)
	for _, o := range []uuid.UUID{w.Acme.Organization, w.Globex.Organization} {
		w.address(o, asIs)
	}
	w.Ready(t, "db1")
	broken := true
	w.months.Extras = []Extra{func(_ context.Context, _ store.Tx, c Closing) ([]Line, error) {
		if c.Organization == w.Acme.Organization && broken {
			return nil, Refusal("The evidence is not there yet.")
		}
		if c.Organization == w.Globex.Organization {
			return []Line{{Text: "Set-up", Item: "setup", Period: c.period(), Quantity: "1", Unit: "one", Price: amount("12.50"), Net: amount("12.50")}}, nil
		}
		return nil, nil
	}}
	w.closeMonth()
	if got := fmt.Sprint(w.closed(w.Acme.Organization)); !strings.Contains(got, "frozen - The evidence is not there yet.") {
		t.Errorf("closed %s", got)
	}
	if d := w.documents(w.Globex.Organization); len(d) != 1 || d[0].Totals.Net.String() != "12.50" {
		t.Errorf("the other's: %+v", d)
	}
	broken = false
	w.due()
	if d := w.documents(w.Acme.Organization); len(d) != 0 {
		t.Error("it did not wait")
	}
	w.System(t, func(tx store.Tx) error {
		return w.months.Retry(t.Context(), tx, w.Acme.Organization, w.MonthEnd().AddDate(0, -2, 0).Format("2006-01"))
	})
	w.due()
	if d := w.documents(w.Acme.Organization); len(d) != 1 {
		t.Errorf("after a retry: %v", w.closed(w.Acme.Organization))
	}
}

// Control planes that find the same month over at once issue one invoice.
func TestTwoRunsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.address(w.Acme.Organization, asIs)
	w.Ready(t, "db1")
	w.Until(w.MonthEnd().Add(25 * time.Hour))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for more := true; more; {
				var err error
				if more, err = w.months.CloseDue(t.Context(), w.Store); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	w.due()
	if d, n := w.documents(w.Acme.Organization), w.Count(t, "mails"); len(d) != 1 || n != 1 {
		t.Errorf("%d invoices, %d mails; %v", len(d), n, w.closed(w.Acme.Organization))
	}
}

// What arrives after the close is on the next invoice, as a line that names the one
// before and its line; once.
func TestFactsAfterTheCloseAreAdjustments(t *testing.T) {
	w := newWorld(t)
	w.address(w.Acme.Organization, asIs)
	v := w.Ready(t, "db1")
	end := w.closeMonth()
	// It had failed a day before the month's end, and the zone was cut off.
	w.Apply(t, instancetest.Late(w.Fact(t, v.ID, driver.StateFailed), 49*time.Hour))
	w.closeMonth()
	all := w.documents(w.Acme.Organization)
	if len(all) != 2 {
		t.Fatalf("closed %v", w.closed(w.Acme.Organization))
	}
	first, second := all[0], all[1]
	var adjusted []Line
	for _, l := range second.Lines {
		if l.Adjusts != nil {
			adjusted = append(adjusted, l)
		}
	}
	want := "Adjustment " + end.AddDate(0, -1, 0).Format("2006-01") + ": db1: postgresql small, compute (invoice " + first.Number + ", line 1)"
	if len(adjusted) != 1 || adjusted[0].Text != want || adjusted[0].Of != 1 || adjusted[0].Net.String() != "-0.48" || adjusted[0].Period != first.Period {
		t.Errorf("adjusted %+v, not %q", adjusted, want)
	}
	w.closeMonth()
	for _, l := range w.documents(w.Acme.Organization)[2].Lines {
		if l.Adjusts != nil {
			t.Errorf("adjusted again: %s", l.Text)
		}
	}
	w.balanced()
}

// An invoice's charges, rated again at its watermark, are the same bytes.
func TestRatedAgain(t *testing.T) {
	w := newWorld(t)
	w.address(w.Acme.Organization, asIs)
	v := w.Ready(t, "db1")
	end := w.closeMonth()
	w.Apply(t, instancetest.Late(w.Fact(t, v.ID, driver.StateFailed), 49*time.Hour))
	w.Query(t, "SELECT rated, watermark FROM invoices", func(rows pgx.Rows) error {
		var rated []byte
		var watermark time.Time
		if err := rows.Scan(&rated, &watermark); err != nil {
			return err
		}
		m := billing.MonthOf(end.AddDate(0, 0, -1), instancetest.Zurich)
		return w.As(t, w.Acme, func(tx store.Tx) error {
			lines, err := billing.Charges(t.Context(), tx, billing.Filter{Organization: w.Acme.Organization}, m, m.To, watermark)
			if again := billing.Canonical(lines); !bytes.Equal(again, rated) {
				t.Errorf("%s\nand again\n%s", rated, again)
			}
			return err
		})
	})
}
