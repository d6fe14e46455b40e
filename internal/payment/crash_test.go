//go:build crashtest

package payment_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"souk/internal/catalog"
	"souk/internal/instance"
	"souk/internal/payment"
	"souk/internal/servicepkg"
	"souk/internal/step/steptest"
	"souk/internal/store"
	"souk/services/postgresql"
)

func init() {
	steptest.Process(func(ctx context.Context, w steptest.World) error {
		s := &payment.Service{Clock: w.Clock, Mail: w.Mail,
			Instances: &instance.Service{Clock: w.Clock, Catalog: catalog.New(), Secrets: w.Secrets, Packages: map[string]servicepkg.Package{"postgresql": postgresql.Package()}}}
		if err := s.Dun(ctx, w.Store); err != nil {
			return err
		}
		return w.UntilNone(ctx, s.SuspendDue, s.ResumeDue)
	})
}

// A control plane is killed after each step of dunning, and the next one goes on: each
// mail is sent once, and each instance suspended and resumed.
func TestKilledAfterEachStep(t *testing.T) {
	steptest.EachStep(t, "payment/", func(t *testing.T, pass steptest.Pass) {
		d := newDebtor(t)
		for _, days := range []int{10, 10, 3, 7} {
			d.Clock.Advance(time.Duration(days) * 24 * time.Hour)
			pass(d.Config, d.Clock.Now())
		}
		d.expectMails(4)
		if got := d.suspended(); got != "dunning, dunning" {
			t.Errorf("suspended for %q", got)
		}
		d.pays("all", "100.00")
		pass(d.Config, d.Clock.Now())
		d.expectMails(4)
		if got := d.suspended(); got != ", " {
			t.Errorf("suspended for %q", got)
		}
	})
}

// expectMails counts what is to be sent: each of a topic of its own.
func (d *debtor) expectMails(want int) {
	d.Helper()
	d.System(d.T, func(ctx context.Context, tx store.Tx) error {
		var n, topics int
		err := tx.QueryRow(ctx, `SELECT count(*), count(DISTINCT topic) FROM mails`).Scan(&n, &topics)
		if err == nil && (n != want || topics != want) {
			err = fmt.Errorf("%d mails of %d topics, want %d", n, topics, want)
		}
		return err
	})
}
