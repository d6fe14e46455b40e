package invoice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/account"
	"souk/internal/billing"
	"souk/internal/clock"
	"souk/internal/invoice/invoicedb"
	"souk/internal/mail"
	"souk/internal/problem"
	"souk/internal/step"
	"souk/internal/store"
)

// Service closes months and issues invoices.
type Service struct {
	Clock  clock.Clock
	Mail   *mail.Outbox // nil: nothing is mailed
	Logger *slog.Logger // nil: slog.Default()
	Extras []Extra
}

// The steps of closing a month, after each of which a process may be killed.
var (
	stepFrozen    = step.New("invoice/frozen")
	stepRated     = step.New("invoice/rated")
	stepPosted    = step.New("invoice/posted")
	stepDocuments = step.New("invoice/documents")
	stepMailed    = step.New("invoice/mailed")
)

// stage is what is done with runs in a state.
type stage struct {
	state string
	most  int // runs in one transaction, which stays under a second
	do    func(s *Service, ctx context.Context, tx store.Tx, r invoicedb.ClaimRunsRow) error
	done  step.Step
}

var stages = []stage{
	{"frozen", 20, (*Service).rate, stepRated},
	{"rated", 50, (*Service).post, stepPosted},
	{"posted", 5, (*Service).store, stepDocuments},
	{"documents", 20, (*Service).send, stepMailed},
}

const (
	// settled is how old a watermark is at least: no transaction that writes takes as
	// long, so that nothing is recorded before it any more.
	settled = 10 * time.Second
	// frozenAtOnce is how many months are frozen in one transaction.
	frozenAtOnce = 500
	firstRetry   = time.Minute
	lastRetry    = time.Hour
	// heldFor is after how long it is looked again at one that is held.
	heldFor = 10 * time.Second
)

// CloseDue carries what is due of closing months one step on, each organization's apart:
// what fails or is held of one keeps no other. It says whether there was any. Any number
// may do so at the same time.
func (s *Service) CloseDue(ctx context.Context, st *store.Store) (bool, error) {
	some, err := s.FreezeDue(ctx, st)
	if err != nil {
		return some, err
	}
	for _, stage := range stages {
		n, err := s.carryOn(ctx, st, stage)
		if err != nil {
			return some, err
		}
		some = some || n > 0
	}
	return some, nil
}

// CarryOn carries some of the runs that are in a state one step on, and says how many:
// those that are "frozen" are rated, "rated" posted, "posted" made documents of, and
// "documents" mailed. CloseDue does so with all of them.
func (s *Service) CarryOn(ctx context.Context, st *store.Store, state string) (int, error) {
	for _, stage := range stages {
		if stage.state == state {
			return s.carryOn(ctx, st, stage)
		}
	}
	return 0, fmt.Errorf("runs in the state %q are not carried on", state)
}

// FreezeDue freezes months that are over, some at once: from then on it is settled what of
// them is on their invoices. It says whether there was any.
func (s *Service) FreezeDue(ctx context.Context, st *store.Store) (some bool, err error) {
	err = st.System(ctx, func(tx store.Tx) error {
		issuer, has, err := account.CurrentIssuer(ctx, tx)
		if some = false; err != nil || !has {
			return err
		}
		n, err := s.freeze(ctx, tx, issuer, invoicedb.MonthsOverParams{GraceHours: int32(issuer.GraceHours), Most: frozenAtOnce})
		some = n > 0
		return err
	})
	if err == nil && some {
		stepFrozen.Done()
	}
	return some, err
}

func (s *Service) freeze(ctx context.Context, tx store.Tx, issuer account.Issuer, which invoicedb.MonthsOverParams) (int64, error) {
	q, now := invoicedb.New(tx), s.Clock.Now().UTC()
	which.FirstMonth, which.At = issuer.FirstMonth, now
	over, err := q.MonthsOver(ctx, which)
	if err != nil || len(over) == 0 {
		return 0, err
	}
	p := invoicedb.InsertRunsParams{Watermark: now.Add(-settled).Truncate(time.Second), At: now}
	for _, o := range over {
		p.Ids, p.Organizations, p.Months = append(p.Ids, store.NewID()), append(p.Organizations, o.ID), append(p.Months, o.Month)
		p.Froms, p.Tos, p.Zones = append(p.Froms, o.FromAt), append(p.Tos, o.ToAt), append(p.Zones, o.TimeZone)
	}
	return q.InsertRuns(ctx, p)
}

// carryOn does a stage for some of the runs that are at it, and says for how many.
func (s *Service) carryOn(ctx context.Context, st *store.Store, stage stage) (n int, err error) {
	err = st.System(ctx, func(tx store.Tx) error {
		q := invoicedb.New(tx)
		runs, err := q.ClaimRuns(ctx, invoicedb.ClaimRunsParams{Now: s.Clock.Now(), State: stage.state, Most: int32(stage.most)})
		if n = len(runs); err != nil {
			return err
		}
		for _, r := range runs {
			if err := s.each(ctx, tx, stage, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && n > 0 {
		stage.done.Done()
	}
	return n, err
}

// each does a stage for one run. What fails of it is taken back, and written down.
func (s *Service) each(ctx context.Context, tx store.Tx, stage stage, r invoicedb.ClaimRunsRow) error {
	sub, err := tx.Begin(ctx)
	if err != nil {
		return err
	}
	failed := stage.do(s, ctx, sub, r)
	if failed == nil {
		return sub.Commit(ctx)
	}
	if err := sub.Rollback(ctx); err != nil || ctx.Err() != nil {
		return errors.Join(failed, err)
	}
	if code := store.ErrorCode(failed); code == "40001" || code == "40P01" {
		return failed // all of it is tried again
	}
	return s.fail(ctx, tx, r, failed)
}

func (s *Service) fail(ctx context.Context, tx store.Tx, r invoicedb.ClaimRunsRow, failed error) error {
	now, q := s.Clock.Now(), invoicedb.New(tx)
	s.logger().Warn("could not close a month; it is tried again", "organization", r.Organization, "month", r.Month, "state", r.State, "error", failed)
	reason := "It failed for a reason that the control plane's log has."
	var refusal Refusal
	var rule Rule
	if errors.As(failed, &refusal) || errors.As(failed, &rule) {
		reason = failed.Error()
	}
	if r.Attempts == 0 {
		if err := s.tellStaff(ctx, tx, mail.InvoiceFailed, r, reason, now); err != nil {
			return err
		}
	}
	return q.RunFailed(ctx, invoicedb.RunFailedParams{ID: r.ID, Error: reason, NextAt: now.Add(min(lastRetry, firstRetry<<min(r.Attempts, 10))), At: now})
}

func (s *Service) logger() *slog.Logger {
	if s.Logger == nil {
		return slog.Default()
	}
	return s.Logger
}

// rate makes what is invoiced, or holds the run where something is lacking for that.
func (s *Service) rate(ctx context.Context, tx store.Tx, r invoicedb.ClaimRunsRow) error {
	q, now := invoicedb.New(tx), s.Clock.Now()
	issuer, has, err := account.CurrentIssuer(ctx, tx)
	if err != nil || !has {
		return errors.Join(err, Refusal("There is no issuer."))
	}
	month, err := billing.MonthBetween(r.FromAt, r.ToAt, r.TimeZone)
	if err != nil {
		return err
	}
	c := Closing{Organization: r.OrganizationID, Month: month, Watermark: r.Watermark.UTC()}
	if r.Held != "" {
		if lacking, err := stillLacking(ctx, tx, issuer, c); err != nil || lacking != "" {
			return errors.Join(err, s.hold(ctx, tx, r, lacking, now))
		}
	}
	d, err := s.draft(ctx, tx, issuer, c, c.Month.To)
	switch {
	case err != nil:
		return err
	case d.nothing():
		return q.RunOfNothing(ctx, invoicedb.RunOfNothingParams{ID: r.ID, Rules: d.document.Rules, At: now})
	case d.lacking != "":
		return s.hold(ctx, tx, r, d.lacking, now)
	}
	content, err := json.Marshal(d.document)
	if err != nil {
		return err
	}
	return q.RunRated(ctx, invoicedb.RunRatedParams{ID: r.ID, Rules: d.document.Rules, Rated: d.rated, Draft: content, At: now})
}

// stillLacking says what a run that is held waits for still, without rating it again.
func stillLacking(ctx context.Context, tx store.Tx, issuer account.Issuer, c Closing) (string, error) {
	profile, err := account.Profile(ctx, tx, c.Organization)
	return lacks(issuer, profile, c.period().To), err
}

// hold has a run wait for what is lacking, and tells the operator and the customer, once.
func (s *Service) hold(ctx context.Context, tx store.Tx, r invoicedb.ClaimRunsRow, lacking string, now time.Time) error {
	if r.Held != lacking {
		if err := s.tellHeld(ctx, tx, r, lacking, now); err != nil {
			return err
		}
	}
	return invoicedb.New(tx).RunHeld(ctx, invoicedb.RunHeldParams{ID: r.ID, Held: lacking, NextAt: now.Add(heldFor), At: now})
}

// post gives the invoice its number and posts it to the ledger.
func (s *Service) post(ctx context.Context, tx store.Tx, r invoicedb.ClaimRunsRow) error {
	issuer, has, err := account.CurrentIssuer(ctx, tx)
	if err != nil || !has {
		return errors.Join(err, Refusal("There is no issuer."))
	}
	zone, err := time.LoadLocation(issuer.TimeZone)
	if err != nil {
		return err
	}
	profile, err := account.Profile(ctx, tx, r.OrganizationID)
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	i := Issue{Organization: r.OrganizationID, Issuer: issuer.ID, Run: r.ID, Month: r.Month, Language: profile.Language, Zone: zone, PaymentDays: issuer.PaymentDays, Watermark: r.Watermark, Rated: r.Rated}
	if err := json.Unmarshal(r.Draft, &i.Document); err != nil {
		return err
	}
	if _, _, err := Record(ctx, tx, i, now); err != nil {
		return err
	}
	return invoicedb.New(tx).RunWentOn(ctx, invoicedb.RunWentOnParams{ID: r.ID, State: "posted", At: now})
}

// store makes the files of the run's invoice.
func (s *Service) store(ctx context.Context, tx store.Tx, r invoicedb.ClaimRunsRow) error {
	q, now := invoicedb.New(tx), s.Clock.Now()
	i, d, err := ofRun(ctx, q, r.ID)
	if err != nil {
		return err
	}
	if err := makeFiles(ctx, q, r.OrganizationID, i.ID, d, i.Document, i.Language, now); err != nil {
		return err
	}
	return q.RunWentOn(ctx, invoicedb.RunWentOnParams{ID: r.ID, State: "documents", At: now})
}

// send mails the run's invoice.
func (s *Service) send(ctx context.Context, tx store.Tx, r invoicedb.ClaimRunsRow) error {
	q, now := invoicedb.New(tx), s.Clock.Now()
	_, d, err := ofRun(ctx, q, r.ID)
	if err != nil {
		return err
	}
	if err := s.mailDocument(ctx, tx, r.OrganizationID, r.Organization, r.Month, d, now); err != nil {
		return err
	}
	return q.RunEnded(ctx, invoicedb.RunEndedParams{ID: r.ID, At: now})
}

func ofRun(ctx context.Context, q *invoicedb.Queries, run uuid.UUID) (invoicedb.OfRunRow, *Document, error) {
	i, err := q.OfRun(ctx, &run)
	if err != nil {
		return i, nil, err
	}
	d := &Document{}
	return i, d, json.Unmarshal(i.Document, d)
}

// CloseNow freezes the month of an organization that comes next, if it is over, without
// waiting for the grace. It says whether that is the month that is meant.
func (s *Service) CloseNow(ctx context.Context, tx store.Tx, organization uuid.UUID, month string) error {
	q := invoicedb.New(tx)
	if _, err := q.RunOf(ctx, invoicedb.RunOfParams{OrganizationID: organization, Month: month}); err == nil {
		return problem.Conflict("closed", "The month %s of this organization is closed already, or is being closed.", month)
	} else if !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	issuer, has, err := account.CurrentIssuer(ctx, tx)
	if err != nil {
		return err
	}
	if !has {
		return problem.Conflict("no-issuer", "Nobody issues invoices here yet. Set the issuer first.")
	}
	if _, err := s.freeze(ctx, tx, issuer, invoicedb.MonthsOverParams{Organization: &organization, Most: 1}); err != nil {
		return err
	}
	_, err = q.RunOf(ctx, invoicedb.RunOfParams{OrganizationID: organization, Month: month})
	if errors.Is(err, pgx.ErrNoRows) {
		return problem.InvalidField("body.month", month, "It is not the next month of this organization to be closed, or is not over yet.")
	}
	return err
}

// Retry has a run that has not ended tried again at once, because somebody wants it.
func (s *Service) Retry(ctx context.Context, tx store.Tx, organization uuid.UUID, month string) error {
	n, err := invoicedb.New(tx).RetryRun(ctx, invoicedb.RetryRunParams{OrganizationID: organization, Month: month, At: s.Clock.Now()})
	if err == nil && n == 0 {
		return problem.Conflict("ended", "There is nothing to try again: the month %s of this organization is closed, or was never begun.", month)
	}
	return err
}
