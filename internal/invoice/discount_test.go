package invoice

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/agreement"
	"souk/internal/driver"
	"souk/internal/instance/instancetest"
	"souk/internal/problem"
	"souk/internal/store"
)

func (w *world) agreements() agreement.Service {
	return agreement.Service{Packages: w.Packages, Now: w.Clock.Now()}
}

// tryAgree agrees on something with acme, and returns its ID.
func (w *world) tryAgree(terms api.AgreementTerms) (id string, err error) {
	err = w.Store.System(w.t.Context(), func(tx store.Tx) error {
		id, err = w.agreements().Create(w.t.Context(), tx, api.AgreementCreate{Organization: w.Acme.OrganizationName, AgreementTerms: terms}, "ann@operator.example")
		return err
	})
	return id, err
}

func (w *world) agree(terms api.AgreementTerms) {
	w.t.Helper()
	if _, err := w.tryAgree(terms); err != nil {
		w.t.Fatal(err)
	}
}

// inWords are the lines of a document.
func (d Document) inWords() string {
	var out []string
	for _, l := range d.Lines {
		out = append(out, fmt.Sprintf("%s: %s × %s = %s", l.Text, l.Quantity, l.Price, l.Net))
	}
	return strings.Join(out, "\n")
}

// A discount is a line of its own, in the draft as on the invoice, and in all forms; a fact
// that arrives late adjusts it as well; and what is agreed on later for a month that is
// closed is an adjustment, too.
func TestDiscountsOnInvoices(t *testing.T) {
	w := newWorld(t)
	w.address(w.Acme.Organization, asIs)
	w.agree(api.AgreementTerms{Name: "Partner", Kind: "percent", Percent: "12.5", From: "2026-01-01"})
	w.agree(api.AgreementTerms{Name: "Start", Kind: "amount", Amount: "2", From: "2026-01-01", To: "2026-04-01", Item: "compute"})
	w.Machine.Set(instancetest.Start)
	v := w.Ready(t, "db1")
	end := w.MonthEnd()
	if end.Format(time.DateOnly) != "2026-04-01" {
		t.Fatal(end)
	}
	w.Until(end.Add(time.Hour))
	var draft api.InvoiceDraft
	if err := w.As(t, w.Acme, func(tx store.Tx) (err error) {
		draft, err = w.months.Draft(t.Context(), tx, w.Acme.Organization, "2026-03")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	w.Until(end.Add(25 * time.Hour))
	w.due()
	d := w.documents(w.Acme.Organization)[0]
	compute, storage := d.Lines[0].Net, d.Lines[1].Net
	both := compute.Add(storage)
	percent := both.Percent(amount("12.5"), 2)
	want := fmt.Sprintf("Discount: Partner (12.5 %% of %s): -1 × %s = -%[2]s\n", both, percent)
	if got := d.inWords(); !strings.Contains(got, want) || !strings.Contains(got, "Discount: Start (on ") || !strings.HasSuffix(got, "-1 × 2.00 = -2.00") || len(d.Lines) != 4 {
		t.Errorf("%s\nwant %s", got, want)
	}
	if d.Totals.Net.Cmp(both.Sub(percent).Sub(amount("2"))) != 0 || draft.Net != d.Totals.Net.String() || len(draft.Lines) != 4 {
		t.Errorf("net %s, the draft's %s of %d lines", d.Totals.Net, draft.Net, len(draft.Lines))
	}
	if broken := d.Check(); len(broken) > 0 {
		t.Error(broken)
	}
	w.filesOf(d.Number)
	// More than was paid does not go back, whatever its lines were.
	_, err := w.credit(api.CreditNoteOrder{Invoice: d.Number, Reason: "x", Lines: []api.CreditNoteLine{{Line: 1}, {Line: 2}}})
	if p := problem.As(err); p == nil || p.Fields[0].Location != "body.lines" {
		t.Errorf("credited more than was invoiced: %v", err)
	}
	// It had failed two days before the month's end; and something is agreed on after the fact.
	w.Apply(t, instancetest.Late(w.Fact(t, v.ID, driver.StateFailed), 49*time.Hour))
	w.agree(api.AgreementTerms{Name: "Excuse", Kind: "amount", Amount: "1.50", From: "2026-03-01", To: "2026-04-01"})
	w.closeMonth()
	var adjusted []string
	for _, l := range w.documents(w.Acme.Organization)[1].Lines {
		if l.Adjusts != nil {
			adjusted = append(adjusted, fmt.Sprintf("%s %s", l.Text, l.Net))
		}
	}
	for i, want := range []string{"Adjustment 2026-03: db1: postgresql small, compute (invoice " + d.Number + ", line 1) -0.48", "Discount: Partner", "Discount: Excuse"} {
		if !strings.Contains(strings.Join(adjusted, "\n"), want) {
			t.Errorf("%d: %q lacks %q", i, adjusted, want)
		}
	}
	if len(adjusted) != 3 || !strings.HasSuffix(strings.Join(adjusted, "|"), "0.06") && !strings.Contains(strings.Join(adjusted, "|"), " 0.06") {
		t.Errorf("adjusted %q", adjusted)
	}
	// All of the invoice can go back, discounts and all.
	if _, err := w.credit(api.CreditNoteOrder{Invoice: d.Number, Reason: "x"}); err != nil {
		t.Error(err)
	}
	w.balanced()
}
