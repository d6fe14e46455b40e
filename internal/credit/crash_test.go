//go:build crashtest

package credit_test

import (
	"context"
	"testing"
	"time"

	"souk/internal/agentapi"
	"souk/internal/catalog"
	"souk/internal/credit"
	"souk/internal/invoice"
	"souk/internal/sla"
	"souk/internal/step/steptest"
)

func init() {
	steptest.Process(func(ctx context.Context, w steptest.World) error {
		reports := &sla.Service{Clock: w.Clock, Catalog: catalog.New()}
		months := &invoice.Service{Clock: w.Clock, Mail: w.Mail, Extras: []invoice.Extra{(&credit.Service{SLA: reports}).Lines}}
		return w.UntilNone(ctx, months.CloseDue)
	})
}

// A process that is killed after any step of a close with a service credit leaves the
// rest to the next one: the credit is on one invoice, once, as it was worked out first.
func TestCreditKilledAfterEachStep(t *testing.T) {
	steptest.EachStep(t, "invoice/", func(t *testing.T, pass steptest.Pass) {
		w := newWorld(t)
		w.usual()
		w.measured(agentapi.SLIUp, 9*time.Hour)
		w.measured(agentapi.SLIDown, time.Hour)
		end := w.MonthEnd()
		w.Until(end.Add(25 * time.Hour))
		w.report()
		w.Until(end.Add(73 * time.Hour))
		pass(w.Config, w.Clock.Now())
		d := w.invoices()
		if len(d) != 1 || len(credits(d[0])) != 1 || w.Count(t, "service_credits") != 1 {
			t.Fatalf("%+v", d)
		}
		w.books("2026-03", 1)
		if n := w.Count(t, "mails WHERE topic = $1", "invoice "+d[0].Number); n != 1 {
			t.Errorf("%d mails", n)
		}
	})
}
