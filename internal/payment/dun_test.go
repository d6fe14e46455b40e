package payment_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/instance"
	"souk/internal/payment"
	"souk/internal/qrbill"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

// debtor is a customer with an invoice that is not paid, and instances.
type debtor struct {
	*httpapitest.Env
	*testing.T
	service   *payment.Service
	number    string
	instances []*httpapitest.Instance
}

func newDebtor(t *testing.T) *debtor {
	e := httpapitest.New(t)
	d := &debtor{Env: e, T: t, service: &payment.Service{Clock: e.Server.Config.Clock, Mail: e.Server.Config.Mail, Instances: e.Server.Config.Instances}}
	e.Member(t, httpapitest.Own, "owner@acme.example", api.RoleOwner)
	for _, name := range []string{"db1", "db2"} {
		i := e.Order(t, httpapitest.Own, httpapitest.OwnProject, name)
		e.Report(t, i, driver.StateRunning)
		d.instances = append(d.instances, i)
	}
	d.number = e.Bill(t, httpapitest.Own, "100.00")
	e.Clock.Advance(30 * 24 * time.Hour) // it is due
	return d
}

// runs does what is due, twice, as two control planes would.
func (d *debtor) runs() {
	d.Helper()
	for range 2 {
		if err := d.service.Dun(d.Context(), d.Store); err != nil {
			d.Fatal(err)
		}
		storetest.UntilNone(d.T, d.Store, d.service.SuspendDue, d.service.ResumeDue)
	}
	d.mails() // they are sent at once
}

// days passes days, one by one.
func (d *debtor) days(n int) {
	d.Helper()
	for range n {
		d.Clock.Advance(24 * time.Hour)
		d.runs()
	}
}

// suspended says for what each instance is suspended.
func (d *debtor) suspended() string {
	d.Helper()
	var said []string
	for _, i := range d.instances {
		err := d.Store.System(d.Context(), func(tx store.Tx) error {
			v, err := d.service.Instances.ByID(d.Context(), tx, i.ID)
			said = append(said, strings.Join(v.SuspendedFor, "+"))
			return err
		})
		if err != nil {
			d.Fatal(err)
		}
	}
	return strings.Join(said, ", ")
}

// mails are the subjects of those that the owner was sent, the oldest first.
func (d *debtor) mails() (subjects []string) {
	d.Helper()
	all := d.Mails(d.T, "owner@acme.example")
	for i := len(all) - 1; i >= 0; i-- {
		subjects = append(subjects, all[i].Subject)
	}
	return subjects
}

func (d *debtor) pays(key, amount string) {
	d.Helper()
	reference, err := qrbill.CreditorReference(strings.ReplaceAll(d.number, "-", ""))
	if err != nil {
		d.Fatal(err)
	}
	err = d.Store.System(d.Context(), func(tx store.Tx) error {
		_, err := d.service.Import(d.Context(), tx, statement(key, entry{ref: key, amount: amount, reference: reference}), "ann")
		return err
	})
	if err != nil {
		d.Fatal(err)
	}
}

func (d *debtor) expect(suspended string, mails int) {
	d.Helper()
	if got := d.suspended(); got != suspended {
		d.Errorf("suspended for %q, want %q", got, suspended)
	}
	if got := d.mails(); len(got) != mails {
		d.Errorf("mails %q, want %d", got, mails)
	}
}

func TestDunning(t *testing.T) {
	d := newDebtor(t)
	d.days(9)
	d.expect(", ", 0)
	d.days(1)
	d.expect(", ", 1)
	d.days(10)
	d.expect(", ", 2)
	d.days(3)
	d.expect(", ", 3)
	d.days(6)
	d.expect(", ", 3)
	// One of them was suspended by its user: it stays so when dunning is over.
	d.Act(t, d.instances[1], func(ctx context.Context, tx store.Tx, s *instance.Service) (instance.View, error) {
		return s.Suspend(ctx, tx, d.instances[1].Place, "db2", instance.SuspendedByUser)
	})
	d.days(1)
	d.expect("dunning, dunning+user", 4)
	announced := d.mails()[2]
	if want := "Instances of acme will be suspended on " + d.Clock.Now().Format(time.DateOnly); announced != want {
		t.Errorf("announced %q, want %q", announced, want)
	}
	mail := d.Mails(t, "owner@acme.example")[3]
	for _, want := range []string{d.number, "CHF 100.00 open", "CH93 0076 2011 6238 5295 7", "RF"} {
		if !strings.Contains(mail.Text, want) {
			t.Errorf("the reminder does not say %q: %s", want, mail.Text)
		}
	}
	d.pays("part", "40.00")
	d.days(1)
	d.expect("dunning, dunning+user", 4)
	d.pays("rest", "60.00")
	d.runs()
	d.expect(", user", 4)
	d.days(30)
	d.expect(", user", 4)
}

func TestDunningIsHeld(t *testing.T) {
	d := newDebtor(t)
	d.days(30)
	d.expect("dunning, dunning", 4)
	hold := func(until string) {
		err := d.Store.System(t.Context(), func(tx store.Tx) error {
			return d.service.Hold(t.Context(), tx, httpapitest.Own, api.DunningHold{Reason: "they pay in instalments", Until: until}, "ann")
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	hold(d.Clock.Now().AddDate(0, 0, 5).Format(time.DateOnly))
	d.runs()
	d.expect(", ", 4)
	d.days(5)
	d.expect(", ", 4)
	// It is over: the suspension is announced anew, and comes after the notice.
	d.days(1)
	d.expect(", ", 5)
	d.days(6)
	d.expect(", ", 5)
	d.days(1)
	d.expect("dunning, dunning", 6)
}

// A customer whose invoices go to an address of theirs is written to there, in their
// language.
func TestDunningInTheCustomersLanguage(t *testing.T) {
	d := newDebtor(t)
	d.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO billing_profiles (organization_id, name, postal_code, town, country, email, language, updated_at) VALUES ($1, 'Acme AG', '8000', 'Zürich', 'CH', 'bills@acme.example', 'de', $2)`, d.Organizations[httpapitest.Own], d.Clock.Now())
		return err
	})
	d.days(10)
	d.expect(", ", 0)
	all := d.Mails(t, "bills@acme.example")
	if len(all) != 1 || !strings.Contains(all[0].Subject, "Zahlungserinnerung") || !strings.Contains(all[0].Text, fmt.Sprintf("Rechnung %s: CHF 100.00 offen", d.number)) {
		t.Errorf("sent: %+v", all)
	}
}
