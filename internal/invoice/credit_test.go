package invoice

import (
	"sync"
	"testing"

	"souk/api"
	"souk/internal/problem"
	"souk/internal/store"
)

func (w *world) credit(order api.CreditNoteOrder) (number string, err error) {
	err = w.World.Store.System(w.t.Context(), func(tx store.Tx) error {
		number, _, err = w.months.Credit(w.t.Context(), tx, order, "ann@operator.example")
		return err
	})
	return number, err
}

// Parts of an invoice are given back until nothing is left, each taxed as it was, and
// the ledger is as if it had never been issued.
func TestCreditNotes(t *testing.T) {
	w := newWorld(t)
	w.address(w.Acme.Organization, asIs)
	w.Ready(t, "db1")
	w.closeMonth()
	d := w.documents(w.Acme.Organization)[0]
	for _, c := range []struct {
		name  string
		order api.CreditNoteOrder
		field string
	}{
		{"no such invoice", api.CreditNoteOrder{Invoice: "2026-999999"}, "body.invoice"},
		{"no such line", api.CreditNoteOrder{Invoice: d.Number, Lines: []api.CreditNoteLine{{Line: 9}}}, "body.lines[0].line"},
		{"a line twice", api.CreditNoteOrder{Invoice: d.Number, Lines: []api.CreditNoteLine{{Line: 1}, {Line: 1}}}, "body.lines[1].line"},
		{"more than a line", api.CreditNoteOrder{Invoice: d.Number, Lines: []api.CreditNoteLine{{Line: 1, Amount: "100000.00"}}}, "body.lines[0].amount"},
		{"more than the whole", api.CreditNoteOrder{Invoice: d.Number, Amount: "100000.00"}, "body.amount"},
		{"less than nothing", api.CreditNoteOrder{Invoice: d.Number, Amount: "-1.00"}, "body.amount"},
		{"a fraction of a cent", api.CreditNoteOrder{Invoice: d.Number, Amount: "0.001"}, "body.amount"},
	} {
		_, err := w.credit(c.order)
		if p := problem.As(err); p == nil || len(p.Fields) != 1 || p.Fields[0].Location != c.field {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, order := range []api.CreditNoteOrder{
		{Invoice: d.Number, Reason: "an outage", Amount: "0.11"},
		{Invoice: d.Number, Reason: "a mistake", Lines: []api.CreditNoteLine{{Line: 2, Amount: "0.05"}}},
		{Invoice: d.Number, Reason: "all of it"},
	} {
		number, err := w.credit(order)
		if err != nil {
			t.Fatal(err)
		}
		w.filesOf(number)
	}
	var net = amount("0")
	for _, note := range w.documents(w.Acme.Organization)[1:] {
		if note.Corrects.Number != d.Number || note.Taxes[0].Percent.Cmp(d.Taxes[0].Percent) != 0 {
			t.Errorf("%+v", note)
		}
		net = net.Add(note.Totals.Net)
	}
	if net.Cmp(d.Totals.Net) != 0 {
		t.Errorf("%s of %s was given back", net, d.Totals.Net)
	}
	if _, err := w.credit(api.CreditNoteOrder{Invoice: d.Number, Reason: "again"}); problem.As(err) == nil {
		t.Errorf("more than all: %v", err)
	}
	w.balanced()
}

// Two who credit the same at once give it back once.
func TestCreditedOnceByTwo(t *testing.T) {
	w := newWorld(t)
	w.address(w.Acme.Organization, asIs)
	w.Ready(t, "db1")
	w.closeMonth()
	d := w.documents(w.Acme.Organization)[0]
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if _, err := w.credit(api.CreditNoteOrder{Invoice: d.Number, Reason: "twice"}); err != nil && problem.As(err) == nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := w.Count(t, "invoices WHERE kind = 'credit-note'"); n != 1 {
		t.Errorf("%d credit notes", n)
	}
}
