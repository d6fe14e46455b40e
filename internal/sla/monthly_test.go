package sla_test

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"testing"
	"time"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/instance/instancetest"
	"souk/internal/mail"
	"souk/internal/sla"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

// mailed is a world whose reports are mailed, with an owner and a viewer.
func mailed(t *testing.T) *world {
	w := newWorld(t)
	w.sla.Mail = &mail.Outbox{Secrets: w.Secrets, PublicURL: "https://souk.example"}
	for email, role := range map[string]string{"jane@acme.example": "owner", "joe@acme.example": "viewer"} {
		w.Member(t, w.Acme.Organization, email, role)
	}
	return w
}

// due makes all reports that are due.
func (w *world) due() {
	w.t.Helper()
	storetest.UntilNone(w.t, w.Store, w.sla.MakeDue)
}

func (w *world) made() (list []api.SLAReportMade) {
	w.t.Helper()
	if err := w.As(w.t, w.Acme, func(tx store.Tx) (err error) {
		list, err = sla.Reports(w.t.Context(), tx, w.Acme.Organization)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return list
}

// A month's report is made a day after the month's end by the organization's clocks, with
// what arrived until then, and mailed once to those who answer for the organization.
func TestMonthlyReportIsMadeAndMailedOnce(t *testing.T) {
	w := mailed(t)
	w.measured(agentapi.SLIUp, time.Hour)
	w.measured(agentapi.SLIDown, 10*time.Minute)
	began, end := w.Clock.Now().In(instancetest.Zurich), w.MonthEnd()
	w.Until(end.Add(24*time.Hour - time.Second))
	w.due()
	if list := w.made(); len(list) > 0 {
		t.Fatalf("before its time: %+v", list)
	}
	w.Until(end.Add(24 * time.Hour))
	w.due()
	w.due()
	list := w.made()
	if len(list) != 1 || list[0].Period != began.Format("2006-01") || list[0].Instances != 1 || list[0].Missed != 1 {
		t.Fatalf("made: %+v", list)
	}
	w.measured(agentapi.SLIUp, time.Hour)
	r, err := w.reportOf(list[0].Period, list[0].Watermark)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := sla.Payload(r)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(payload); hex.EncodeToString(sum[:]) != list[0].SHA256 {
		t.Error("its period and watermark give another report later")
	}
	if n := w.Count(t, "mails WHERE topic = 'sla-report'"); n != 1 {
		t.Errorf("%d mails", n)
	}
	if n := w.Count(t, "mails WHERE topic = 'sla-report' AND recipient = 'jane@acme.example'"); n != 1 {
		t.Errorf("%d mails to the owner", n)
	}
	w.Until(end.AddDate(0, 1, 0).Add(25 * time.Hour))
	w.due()
	if list := w.made(); len(list) != 2 || list[0].Period != end.Format("2006-01") {
		t.Errorf("after another month: %+v", list)
	}
}

func (w *world) reportOf(period string, watermark time.Time) (out api.SLAReport, err error) {
	err = w.As(w.t, w.Acme, func(tx store.Tx) (err error) {
		out, err = w.sla.Report(w.t.Context(), tx, w.Acme.Organization, period, watermark)
		return err
	})
	return out, err
}

// Months that went by without a control plane are reported of by the next one, each once.
func TestMonthsWithoutAControlPlaneAreReported(t *testing.T) {
	w := mailed(t)
	w.measured(agentapi.SLIUp, time.Hour)
	w.Machine.Advance(75 * 24 * time.Hour)
	w.due()
	w.due()
	if list := w.made(); len(list) != 2 || list[0].Period != "2026-04" || list[1].Period != "2026-03" {
		t.Errorf("made: %+v", list)
	}
}

// Control planes that find the same month over at once make one report and write one mail.
func TestTwoControlPlanesMakeOneReport(t *testing.T) {
	w := mailed(t)
	w.measured(agentapi.SLIUp, time.Hour)
	w.Machine.Advance(40 * 24 * time.Hour)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for more := true; more; {
				var err error
				if more, err = w.sla.MakeDue(t.Context(), w.Store); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if list, n := w.made(), w.Count(t, "mails WHERE topic = 'sla-report'"); len(list) != 1 || n != 1 {
		t.Errorf("%d reports, %d mails", len(list), n)
	}
}

// A control plane that ends at any step leaves neither a report nor a mail; the next one
// makes both once.
func TestKilledAtEachStepOfAReport(t *testing.T) {
	w := mailed(t)
	w.measured(agentapi.SLIUp, time.Hour)
	w.Machine.Advance(40 * 24 * time.Hour)
	w.only("acme")
	for n := 1; ; n++ {
		failed := false
		err := w.Store.System(t.Context(), func(tx store.Tx) error {
			cut, did := instancetest.FailAt(tx, n)
			_, err := w.sla.MakeOne(t.Context(), cut)
			failed = did()
			return err
		})
		if !failed {
			if err != nil || n < 4 {
				t.Fatalf("after %d steps: %v", n, err)
			}
			break
		}
		if list, mails := w.made(), w.Count(t, "mails WHERE topic = 'sla-report'"); err == nil || len(list) > 0 || mails > 0 {
			t.Fatalf("ended at step %d: %d reports, %d mails, %v", n, len(list), mails, err)
		}
	}
	w.due()
	if list, mails := w.made(), w.Count(t, "mails WHERE topic = 'sla-report'"); len(list) != 1 || mails != 1 {
		t.Errorf("%d reports, %d mails", len(list), mails)
	}
}

// only has the other organizations be of later.
func (w *world) only(name string) {
	w.Superuser(w.t, false, "UPDATE organizations SET created_at = $1 WHERE name <> $2", w.Clock.Now(), name)
}
