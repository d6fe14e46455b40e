package billing_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/billing"
	"souk/internal/driver"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
)

// charged are the lines of the month of until, up to then, as known at the watermark.
func charged(t testing.TB, w *instancetest.World, of *uuid.UUID, until, watermark time.Time) (lines []billing.Line) {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Fatal(err)
	}
	err = w.As(t, w.Acme, func(tx store.Tx) (err error) {
		lines, err = billing.Charges(context.Background(), tx, billing.Filter{Organization: w.Acme.Organization, Instance: of}, billing.MonthOf(until, loc), until, watermark)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// charges are the canonical bytes of charged.
func charges(t testing.TB, w *instancetest.World, of *uuid.UUID, until, watermark time.Time) []byte {
	t.Helper()
	return billing.Canonical(charged(t, w, of, until, watermark))
}

// What is recorded after a watermark is not seen by a run at it: a link that is closed
// or superseded, one of backups, a fact that arrives late, even weeks later.
func TestChargesAtAWatermarkStayTheSame(t *testing.T) {
	w := keeping(t)
	v := w.Ready(t, "db1")
	w.Machine.Advance(10 * time.Hour)
	first := taken(w.Clock.Now().Add(-time.Hour), 100<<30)
	there(t, w, v.ID, first)
	w.Machine.Advance(time.Hour)
	run := w.Clock.Now()
	before := charges(t, w, nil, run, time.Time{})
	if again := charges(t, w, nil, run, time.Time{}); !bytes.Equal(again, before) {
		t.Errorf("%s\nand then\n%s", before, again)
	}
	for _, later := range []func(){
		func() { w.Apply(t, instancetest.Late(w.Fact(t, v.ID, driver.StateFailed), 2*time.Hour)) },
		func() { there(t, w, v.ID, first, taken(run.Add(-30*time.Minute), 50<<30)) },
		func() { w.Act(t, "db1", w.Suspend) },
		func() { w.Machine.Advance(60 * 24 * time.Hour) },
		func() { expire(t, w) },
		func() { w.Apply(t, instancetest.Late(w.Fact(t, v.ID, driver.StateGone), 61*24*time.Hour)) },
		func() { w.Act(t, "db1", w.Delete) },
	} {
		w.Machine.Advance(time.Hour)
		later()
		for _, of := range []*uuid.UUID{nil, &v.ID} {
			if again := charges(t, w, of, run, run); !bytes.Equal(again, before) {
				t.Fatalf("the run saw\n%s\nand now it sees\n%s", before, again)
			}
		}
	}
	if now := charges(t, w, nil, run, time.Time{}); bytes.Equal(now, before) {
		t.Error("what arrived late changes nothing: the test is wrong")
	}
	mustBeClean(t, w)
}

// A link that had no end at the watermark had none in the months after its end either.
func TestChargesAfterAnEndThatWasNotKnown(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1")
	w.Machine.Advance(40 * 24 * time.Hour)
	run := w.Clock.Now()
	before := charges(t, w, nil, run, time.Time{})
	w.Machine.Advance(time.Minute)
	w.Apply(t, instancetest.Late(w.Fact(t, v.ID, driver.StateFailed), 39*24*time.Hour))
	if again := charges(t, w, nil, run, run); !bytes.Equal(again, before) {
		t.Errorf("the run saw\n%s\nand now it sees\n%s", before, again)
	}
}

// Names are not what is charged for.
func TestRenamesChangeNothingInWhatIsCharged(t *testing.T) {
	w := instancetest.New(t)
	for _, name := range []string{"db1", "db2"} {
		w.Ready(t, name)
		w.Machine.Advance(time.Hour)
	}
	run := w.Clock.Now()
	before := charges(t, w, nil, run, run)
	w.Superuser(t, true, "UPDATE instances SET name = CASE name WHEN 'db1' THEN 'zz' ELSE 'aa' END; UPDATE projects SET name = 'other-' || name")
	if again := charges(t, w, nil, run, run); !bytes.Equal(again, before) {
		t.Errorf("the run saw\n%s\nand now it sees\n%s", before, again)
	}
}

func TestCanonicalDoesNotDependOnOrder(t *testing.T) {
	w := instancetest.New(t)
	for _, name := range []string{"db1", "db2", "db3"} {
		w.Ready(t, name)
	}
	w.Machine.Advance(time.Hour)
	lines := charged(t, w, nil, w.Clock.Now(), time.Time{})
	want := billing.Canonical(lines)
	slices.Reverse(lines)
	if got := billing.Canonical(lines); !bytes.Equal(got, want) {
		t.Errorf("%s\nreversed\n%s", want, got)
	}
	if len(lines) != 6 {
		t.Errorf("%d lines", len(lines))
	}
}
