package invoice

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/costs"
	"souk/internal/driver"
	"souk/internal/instance/instancetest"
	"souk/internal/money"
	"souk/internal/store"
)

var allParts = costs.Slice{Limit: 1000}

// explained are the lines of an invoice with what they are made of.
func (w *world) explained(number string, lines int) []api.InvoiceLineDetail {
	w.t.Helper()
	var out []api.InvoiceLineDetail
	err := w.As(w.t, w.Acme, func(tx store.Tx) error {
		for n := range lines {
			is, err := Explain(w.t.Context(), tx, w.Acme.Organization, number, n+1, allParts)
			if err != nil {
				return err
			}
			out = append(out, is)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// addsUp checks that the shares are the line, to the last of the places shown.
func addsUp(t *testing.T, is api.InvoiceLineDetail) {
	t.Helper()
	e := is.Explanation
	if e == nil {
		t.Fatalf("line %d is not explained", is.Line.ID)
	}
	sum := new(big.Rat)
	for _, p := range e.Parts {
		share, ok := new(big.Rat).SetString(p.Share)
		if !ok {
			t.Fatalf("share %q", p.Share)
		}
		sum.Add(sum, share)
	}
	want := new(big.Rat)
	for rated, sign := range map[*api.Rated]int64{e.Now: 1, e.Before: -1} {
		if rated != nil {
			unrounded, _ := new(big.Rat).SetString(rated.Unrounded)
			want.Add(want, unrounded.Mul(unrounded, big.NewRat(sign, 1)))
			if rounded := money.MustParse(rated.Unrounded).Round(2); rated.Charged == "" && rounded.Fixed(2) != rated.Amount {
				t.Errorf("line %d: %s was rounded to %s", is.Line.ID, rated.Unrounded, rated.Amount)
			}
		}
	}
	if sum.FloatString(10) != want.FloatString(10) || e.Amount.Amount != is.Line.Net || e.Count != len(e.Parts) {
		t.Errorf("line %d of %s: the parts come to %s, their sum is said to be %s, the amount %s", is.Line.ID, is.Line.Net, sum.FloatString(12), want.FloatString(12), e.Amount.Amount)
	}
}

// Lines of a draft and of the invoice that it becomes open to the intervals that they are
// made of, with what these began with; and stay what they were when more becomes known,
// by which the next invoice's adjustment is explained.
func TestLinesAreExplained(t *testing.T) {
	w := newWorld(t)
	w.address(w.Acme.Organization, asIs)
	v := w.Ready(t, "db1")
	w.Machine.Advance(30 * time.Hour)
	w.Act(t, "db1", w.Suspend)
	w.Machine.Advance(10 * time.Hour)
	w.Act(t, "db1", w.Resume)
	w.Report(t, v.ID, driver.StateRunning)
	w.Machine.Advance(time.Hour)
	var draft api.InvoiceDraft
	err := w.As(t, w.Acme, func(tx store.Tx) (err error) {
		if draft, err = w.months.Draft(t.Context(), tx, w.Acme.Organization, ""); err != nil {
			return err
		}
		for _, l := range draft.Lines {
			is, err := w.months.ExplainDraft(t.Context(), tx, w.Acme.Organization, "", l.Key, allParts)
			if err != nil {
				return err
			}
			addsUp(t, is)
		}
		return nil
	})
	if err != nil || len(draft.Lines) != 2 {
		t.Fatal(err, draft.Lines)
	}
	w.closeMonth()
	number := w.documents(w.Acme.Organization)[0].Number
	before := w.explained(number, 2)
	for n, is := range before {
		addsUp(t, is)
		if is.Explanation.Key != draft.Lines[n].Key || is.Explanation.Watermark.IsZero() || is.Explanation.PriceRevision == 0 {
			t.Errorf("%+v", is.Explanation)
		}
	}
	var words []string
	for _, p := range before[0].Explanation.Parts { // of compute
		words = append(words, p.State+" "+p.Seconds)
		for _, c := range p.Causes {
			words = append(words, c.Kind+" "+c.What)
		}
	}
	if got := fmt.Sprint(words); !strings.HasPrefix(got, "[active 108000.00 command order fact running active ") || !strings.HasSuffix(got, " fact running]") {
		t.Errorf("compute is made of %s", got)
	}
	if n := len(before[1].Explanation.Parts); n < 3 {
		t.Errorf("storage is made of %d parts", n)
	}
	w.Apply(t, instancetest.Late(w.Fact(t, v.ID, driver.StateFailed), 49*time.Hour))
	if after := w.explained(number, 2); after[0].Explanation.Now.Amount != before[0].Explanation.Now.Amount || after[0].Explanation.Count != before[0].Explanation.Count {
		t.Errorf("what is known later has changed what an invoice was made from: %+v, was %+v", after[0].Explanation, before[0].Explanation)
	}
	w.closeMonth()
	second := w.documents(w.Acme.Organization)[1]
	found := false
	for n, is := range w.explained(second.Number, len(second.Lines)) {
		addsUp(t, is)
		if second.Lines[n].Adjusts == nil {
			continue
		}
		found = true
		signs := map[bool]int{}
		for _, p := range is.Explanation.Parts {
			signs[p.Before]++
		}
		if signs[true] == 0 || is.Explanation.Before == nil || is.Explanation.Before.Amount != before[0].Explanation.Amount.Amount {
			t.Errorf("the adjustment is made of %+v", is.Explanation)
		}
	}
	if !found {
		t.Error("nothing was adjusted")
	}
}
