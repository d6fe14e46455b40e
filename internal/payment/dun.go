package payment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/instance"
	"souk/internal/mail"
	"souk/internal/money"
	"souk/internal/payment/paymentdb"
	"souk/internal/problem"
	"souk/internal/qrbill"
	"souk/internal/step"
	"souk/internal/store"
	"souk/internal/tax"
)

var (
	stepDunned    = step.New("payment/dunned")
	stepSuspended = step.New("payment/suspended")
	stepResumed   = step.New("payment/resumed")
)

// remindWithin is how long it is of use to mail a reminder.
const remindWithin = 5 * 24 * time.Hour

// Dun takes the steps that are due: of each organization in a transaction of its own,
// with the mails that tell of them. Without a way to send mail nothing is done, as
// nobody would be told. Several control planes may do so at once.
func (s *Service) Dun(ctx context.Context, st *store.Store) error {
	if s.Mail == nil || s.Mail.Closed {
		return nil
	}
	due, err := s.dunnable(ctx, st)
	for _, organization := range due {
		if err != nil {
			return err
		}
		err = st.System(ctx, func(tx store.Tx) error { return s.dunOne(ctx, tx, organization) })
		stepDunned.Done()
	}
	return err
}

// dunnable returns the organizations for whom a step is due, after it has ended the holds
// that are over.
func (s *Service) dunnable(ctx context.Context, st *store.Store) (list []uuid.UUID, err error) {
	err = st.System(ctx, func(tx store.Tx) error {
		list = nil
		d, err := s.open(ctx, tx, Souk)
		if problem.As(err) != nil {
			return nil // there is no issuer yet
		}
		if err != nil {
			return err
		}
		if err := d.q.EndHoldsOver(ctx, paymentdb.EndHoldsOverParams{By: Souk, At: d.now, Today: d.today}); err != nil {
			return err
		}
		due, err := d.dueSteps(ctx, nil)
		for _, one := range due {
			if len(list) == 0 || list[len(list)-1] != one.Organization {
				list = append(list, one.Organization)
			}
		}
		return err
	})
	return list, err
}

// dueStep is a step that is due for an invoice.
type dueStep struct {
	Invoice
	step  Step
	taken map[Step]tax.Day
}

// dueSteps lists what is due of one organization, or of all, by organization; of those
// who are held, nothing.
func (d *desk) dueSteps(ctx context.Context, organization *uuid.UUID) (due []dueStep, err error) {
	rules, err := d.rules(ctx)
	if err != nil || rules.Paused {
		return nil, err
	}
	holds, err := d.q.Holds(ctx, organization)
	if err != nil {
		return nil, err
	}
	held := map[uuid.UUID]bool{}
	for _, h := range holds {
		held[h.OrganizationID] = true
	}
	overdue, err := d.overdue(ctx, organization)
	for _, o := range overdue {
		next, on := rules.Next(o.DueOn, o.taken)
		if next != "" && on <= d.today && !held[o.Organization] {
			o.step = next
			due = append(due, o)
		}
	}
	return due, err
}

// overdue lists overdue invoices with the steps that were taken.
func (d *desk) overdue(ctx context.Context, organization *uuid.UUID) ([]dueStep, error) {
	rows, err := d.q.OverdueInvoices(ctx, paymentdb.OverdueInvoicesParams{Organization: organization, Before: d.today})
	if err != nil {
		return nil, err
	}
	list, ids, at := make([]dueStep, len(rows)), make([]uuid.UUID, len(rows)), map[uuid.UUID]int{}
	for i, r := range rows {
		list[i] = dueStep{Invoice: invoiceOf(paymentdb.InvoicesByReferenceRow(r)), taken: map[Step]tax.Day{}}
		ids[i], at[r.InvoiceID] = r.InvoiceID, i
	}
	taken, err := d.q.Steps(ctx, ids)
	for _, t := range taken {
		list[at[t.InvoiceID]].taken[Step(t.Step)] = t.TakenOn
	}
	return list, err
}

// rules are the issuer's.
func (d *desk) rules(ctx context.Context) (Rules, error) {
	r, err := d.q.Rules(ctx, d.issuer.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return DefaultRules, nil
	}
	return Rules{int(r.ReminderDays), int(r.SecondDays), int(r.SuspendDays), int(r.NoticeDays), r.Paused}, err
}

// dunOne takes the steps that are due of one organization, and tells of them: one mail
// for each kind of step.
func (s *Service) dunOne(ctx context.Context, tx store.Tx, organization uuid.UUID) error {
	d, err := s.open(ctx, tx, Souk)
	if err != nil {
		return err
	}
	due, err := d.dueSteps(ctx, &organization)
	if err != nil {
		return err
	}
	told := map[Step][]dueStep{}
	for _, one := range due {
		n, err := d.q.InsertStep(ctx, paymentdb.InsertStepParams{InvoiceID: one.ID, OrganizationID: organization, Step: string(one.step), TakenOn: d.today, RecordedAt: d.now})
		if err != nil {
			return err
		}
		if n > 0 {
			told[one.step] = append(told[one.step], one)
		}
	}
	for _, kind := range steps {
		if err := s.tell(ctx, d, organization, kind, told[kind]); err != nil {
			return err
		}
	}
	return nil
}

// mailKinds are the mails of the steps.
var mailKinds = map[Step]mail.Kind{Reminder: mail.DunningReminder, Second: mail.DunningSecond, Announced: mail.DunningAnnounced, Suspended: mail.DunningSuspended}

func (s *Service) tell(ctx context.Context, d *desk, organization uuid.UUID, kind Step, about []dueStep) error {
	if len(about) == 0 {
		return nil
	}
	rules, err := d.rules(ctx)
	if err != nil {
		return err
	}
	people, err := d.q.MailTo(ctx, organization)
	if err != nil {
		return err
	}
	for _, p := range people {
		m := mail.Message{Kind: mailKinds[kind], Locale: p.Language, Organization: about[0].OrganizationName, Period: after(d.today, rules.NoticeDays),
			Path: "/o/" + about[0].OrganizationName + "/costs", Lines: d.lines(about, p.Language)}
		// Each of the organization's mails of this kind today is one topic, so that none
		// is held back for others.
		letter := mail.Letter{To: p.Email, Message: m, Topic: "dunning:" + organization.String() + ":" + string(kind) + ":" + d.today, Until: d.now.Add(remindWithin)}
		if err := s.Mail.Write(ctx, d.tx, letter, d.now); err != nil {
			return err
		}
	}
	return nil
}

// dunningWords are what a line of a mail says, in each language.
var dunningWords = map[string]struct{ one, pay string }{
	"en": {"Invoice %s: %s %s open, due on %s, reference %s", "Pay to %s, account %s, with the reference of the invoice."},
	"de": {"Rechnung %s: %s %s offen, fällig am %s, Referenz %s", "Zahlen Sie an %s, Konto %s, mit der Referenz der Rechnung."},
}

// lines say what is open, and how to pay it.
func (d *desk) lines(about []dueStep, language string) (lines []string) {
	w, known := dunningWords[language]
	if !known {
		w = dunningWords["en"]
	}
	for _, i := range about {
		lines = append(lines, fmt.Sprintf(w.one, i.Number, i.Currency, i.Open.Fixed(money.Digits(i.Currency)), i.DueOn, qrbill.Grouped(i.Reference)))
	}
	return append(lines, fmt.Sprintf(w.pay, strings.TrimSpace(d.issuer.Name), qrbill.Grouped(compact(d.issuer.Iban))))
}

// SuspendDue suspends one instance of an organization that dunning has come that far
// with, and says whether there was one. Data, backups and addresses are kept.
func (s *Service) SuspendDue(ctx context.Context, st *store.Store) (done bool, err error) {
	err = st.System(ctx, func(tx store.Tx) error {
		done = false
		q := paymentdb.New(tx)
		due, err := q.ToSuspend(ctx)
		if err != nil || len(due) == 0 {
			return err
		}
		done = true
		i := due[0]
		_, err = s.Instances.Suspend(ctx, tx, instance.Place{Organization: i.OrganizationID, Project: i.ProjectID, Actor: Souk}, i.Name, instance.SuspendedByDunning)
		if err != nil {
			return err
		}
		return q.InsertSuspended(ctx, paymentdb.InsertSuspendedParams{InstanceID: i.ID, OrganizationID: i.OrganizationID, SuspendedAt: s.Clock.Now()})
	})
	if done {
		stepSuspended.Done()
	}
	return done, err
}

// ResumeDue resumes one instance that dunning had suspended and need not any more, and
// says whether there was one. One that is suspended for other reasons stays so.
func (s *Service) ResumeDue(ctx context.Context, st *store.Store) (done bool, err error) {
	err = st.System(ctx, func(tx store.Tx) error {
		done = false
		q := paymentdb.New(tx)
		due, err := q.ToResume(ctx)
		if err != nil || len(due) == 0 {
			return err
		}
		done = true
		i := due[0]
		_, err = s.Instances.Resume(ctx, tx, instance.Place{Organization: i.OrganizationID, Project: i.ProjectID, Actor: Souk}, i.Name, instance.SuspendedByDunning)
		if err != nil && problem.As(err) == nil { // somebody has lifted the reason: the others stay
			return err
		}
		return q.DeleteSuspended(ctx, i.ID)
	})
	if done {
		stepResumed.Done()
	}
	return done, err
}
