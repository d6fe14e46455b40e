package agreement_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"souk/api"
	"souk/internal/agreement"
	"souk/internal/billing"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/money"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// agree records a discount with acme, and returns its ID.
func agree(t testing.TB, w *instancetest.World, terms api.AgreementTerms) (id string) {
	t.Helper()
	w.System(t, func(tx store.Tx) (err error) {
		s := agreement.Service{Packages: w.Packages, Now: w.Clock.Now()}
		id, err = s.Create(t.Context(), tx, api.AgreementCreate{Organization: w.Acme.OrganizationName, AgreementTerms: terms}, "ann@operator.example")
		return err
	})
	return id
}

func end(t testing.TB, w *instancetest.World, id, to string) {
	t.Helper()
	w.System(t, func(tx store.Tx) error {
		s := agreement.Service{Packages: w.Packages, Now: w.Clock.Now()}
		return s.End(t.Context(), tx, id, api.AgreementEnd{To: to, Reason: "as agreed"}, "ann@operator.example")
	})
}

func charges(t testing.TB, w *instancetest.World, until, watermark time.Time) (lines []billing.Line) {
	t.Helper()
	err := w.As(t, w.Acme, func(tx store.Tx) (err error) {
		lines, err = billing.Charges(context.Background(), tx, billing.Filter{Organization: w.Acme.Organization}, billing.MonthOf(until, instancetest.Zurich), until, watermark)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// discount is what the discounts among lines come to.
func discount(lines []billing.Line) (sum money.Amount) {
	for _, l := range lines {
		if l.Item == billing.ItemDiscount {
			sum = sum.Add(l.Amount)
		}
	}
	return sum
}

// What is agreed on or ended after a watermark is not seen at it, whatever days it is for.
func TestAgreementsAtAWatermark(t *testing.T) {
	w := instancetest.New(t) // March 2026
	w.Ready(t, "db1")
	w.Machine.Advance(100 * time.Hour)
	until := w.Clock.Now()
	pass := func() time.Time {
		w.Machine.Advance(time.Minute)
		at := w.Clock.Now()
		w.Machine.Advance(time.Minute)
		return at
	}
	none := pass()
	id := agree(t, w, api.AgreementTerms{Name: "Partner", Kind: "percent", Percent: "50", From: "2026-01-01"})
	agreed := pass()
	end(t, w, id, "2026-02-01")
	ended := pass()
	var before [][]byte
	for _, at := range []time.Time{none, agreed, ended} {
		before = append(before, billing.Canonical(charges(t, w, until, at)))
	}
	if bytes.Equal(before[0], before[1]) || !bytes.Equal(before[0], before[2]) || bytes.Contains(before[0], []byte("agreement")) || !bytes.Contains(before[1], []byte(`"agreement":"`+id)) {
		t.Errorf("%s\n%s\n%s", before[0], before[1], before[2])
	}
	agree(t, w, api.AgreementTerms{Name: "Other", Kind: "amount", Amount: "1", From: "2026-03-01"})
	w.Superuser(t, true, "UPDATE agreements SET name = 'Renamed by hand'")
	for i, at := range []time.Time{none, agreed, ended} {
		if again := billing.Canonical(charges(t, w, until, at)); !bytes.Equal(again, before[i]) {
			t.Errorf("it was\n%s\nand is\n%s", before[i], again)
		}
	}
	if got := discount(charges(t, w, until, time.Time{})); got.String() != "-1.00" {
		t.Errorf("now the discount is %s", got)
	}
}

// What is recorded never changes, and customers see their own only.
func TestAgreementsAreImmutableAndTheirs(t *testing.T) {
	w := instancetest.New(t)
	id := agree(t, w, api.AgreementTerms{Name: "Partner", Kind: "percent", Percent: "50", From: "2026-01-01"})
	end(t, w, id, "2026-02-01")
	for _, sql := range []string{"UPDATE agreements SET percent = 60", "DELETE FROM agreements", "UPDATE agreement_ends SET to_day = '2027-01-01'", "DELETE FROM agreement_ends"} {
		err := w.Store.System(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(t.Context(), sql)
			return err
		})
		if err == nil {
			t.Errorf("%s: done", sql)
		}
	}
	for _, c := range []struct {
		of   instance.Place
		want int
	}{{w.Acme, 2}, {w.Globex, 0}} {
		var n int
		if err := w.As(t, c.of, func(tx store.Tx) error {
			return tx.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM agreements) + (SELECT count(*) FROM agreement_ends)").Scan(&n)
		}); err != nil {
			t.Fatal(err)
		}
		if n != c.want {
			t.Errorf("%s sees %d", c.of.OrganizationName, n)
		}
	}
}
