package payment

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/ledger"
	"souk/internal/money"
	"souk/internal/payment/paymentdb"
	"souk/internal/problem"
	"souk/internal/store"
)

// Person says who acts: of a token it is whoever made it, so that nobody decides on what
// they have proposed by way of a token. One that another token made is refused.
func Person(ctx context.Context, tx store.Tx, p authz.Principal) (string, error) {
	if p.Session {
		return p.Name, nil
	}
	maker, err := paymentdb.New(tx).TokenMaker(ctx, p.Credential)
	if err != nil {
		return "", err
	}
	if maker == "" || strings.HasPrefix(maker, "token ") {
		return "", problem.Forbidden("A token that another token made stands for nobody. Log in, or use a token that you made yourself.")
	}
	return maker, nil
}

// Propose proposes to give up what an invoice has open, in the name of a person. It
// returns the proposal's ID.
func (s *Service) Propose(ctx context.Context, tx store.Tx, in api.WriteOffPropose, person string) (string, error) {
	d, err := s.open(ctx, tx, person)
	if err != nil {
		return "", err
	}
	row, err := d.q.InvoiceByNumber(ctx, in.Invoice)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", problem.InvalidField("body.invoice", in.Invoice, "There is no such invoice.")
	}
	if err != nil {
		return "", err
	}
	if row.Open.Cmp(money.Amount{}) <= 0 {
		return "", problem.InvalidField("body.invoice", in.Invoice, "Nothing of this invoice is open.")
	}
	id := store.NewID()
	err = d.q.InsertWriteOff(ctx, paymentdb.InsertWriteOffParams{ID: id, OrganizationID: row.OrganizationID, InvoiceID: row.InvoiceID, Amount: row.Open, Reason: in.Reason, ProposedBy: person, ProposedAt: d.now})
	if store.Constraint(err) == "write_offs_one" {
		return "", problem.Conflict("write-off-proposed", "This invoice is proposed to be written off already, or is written off in part.")
	}
	return id.String(), err
}

// Decide approves a proposal, and posts it, or refuses it. Whoever has proposed it may
// only refuse it, which takes it back.
func (s *Service) Decide(ctx context.Context, tx store.Tx, id string, approve bool, person string) error {
	d, err := s.open(ctx, tx, person)
	if err != nil {
		return err
	}
	w, err := d.writeOff(ctx, id, "proposed")
	if err != nil {
		return err
	}
	if !approve {
		return d.q.DecideWriteOff(ctx, paymentdb.DecideWriteOffParams{ID: w.ID, State: "refused", By: person, At: d.now})
	}
	open, err := d.q.OpenOf(ctx, w.InvoiceID)
	if err != nil {
		return err
	}
	if open.Cmp(w.Amount) != 0 {
		return problem.Conflict("write-off-stale", "%s of the invoice is open by now, and not the %s that were proposed. Refuse the proposal and make another.", open.Fixed(money.Digits(w.Currency)), w.Amount.Fixed(money.Digits(w.Currency)))
	}
	err = d.q.DecideWriteOff(ctx, paymentdb.DecideWriteOffParams{ID: w.ID, State: "approved", By: person, At: d.now})
	if store.Constraint(err) == "write_offs_two_people" {
		return problem.Conflict("write-off-own", "You have proposed this yourself: somebody else has to approve it.")
	}
	if err != nil {
		return err
	}
	return d.post(ctx, w.OrganizationID, ledger.KindWriteOff, w.ID.String(), w.Currency, ledger.BadDebt, ledger.Receivable(w.OrganizationID), w.Amount)
}

// Reverse takes a write-off back, but for what was paid of it since: the invoice is open
// again, and dunning goes on.
func (s *Service) Reverse(ctx context.Context, tx store.Tx, id, reason, person string) error {
	d, err := s.open(ctx, tx, person)
	if err != nil {
		return err
	}
	w, err := d.writeOff(ctx, id, "approved")
	if err != nil {
		return err
	}
	left := w.Amount.Sub(w.Recovered)
	if left.IsZero() {
		return problem.Conflict("write-off-recovered", "All of it was paid after all: there is nothing to take back.")
	}
	if err := d.q.ReverseWriteOff(ctx, paymentdb.ReverseWriteOffParams{ID: w.ID, By: person, Reason: reason, At: d.now}); err != nil {
		return err
	}
	err = d.post(ctx, w.OrganizationID, ledger.KindWriteOff, w.ID.String()+"/reversed", w.Currency, ledger.Receivable(w.OrganizationID), ledger.BadDebt, left)
	if err != nil {
		return err
	}
	d.touched[w.OrganizationID] = true
	return d.settle(ctx)
}

// recover brings down what is written off of an organization's invoices by what is paid
// or credited of them after all, and up again where the bank takes such a payment back.
func (d *desk) recover(ctx context.Context, organization uuid.UUID) error {
	rows, err := d.q.WrittenOff(ctx, organization)
	if err != nil {
		return err
	}
	for _, w := range rows {
		paid := recovery(w.Open, w.Amount.Sub(w.Recovered), w.Recovered)
		if paid.IsZero() {
			continue
		}
		id := store.NewID()
		if err := d.q.InsertRecovery(ctx, paymentdb.InsertRecoveryParams{ID: id, WriteOffID: w.ID, OrganizationID: organization, InvoiceID: w.InvoiceID, Amount: paid, RecordedAt: d.now}); err != nil {
			return err
		}
		if err := d.post(ctx, organization, ledger.KindWriteOff, w.ID.String()+"/"+id.String(), w.Currency, ledger.Receivable(organization), ledger.BadDebt, paid); err != nil {
			return err
		}
	}
	return nil
}

// recovery is what is recovered of a write-off whose invoice has so much open beside it
// (below zero: too much was paid), of which so much is left and so much was recovered.
func recovery(open, left, recovered money.Amount) money.Amount {
	if open.Cmp(money.Amount{}) < 0 {
		return least(open.Negative(), left)
	}
	return least(open, recovered).Negative()
}

func least(a, b money.Amount) money.Amount {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

// writeOff locks one that is in a state.
func (d *desk) writeOff(ctx context.Context, id, state string) (w paymentdb.LockWriteOffRow, err error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return w, problem.NotFound("write-off", id)
	}
	if w, err = d.q.LockWriteOff(ctx, parsed); errors.Is(err, pgx.ErrNoRows) {
		return w, problem.NotFound("write-off", id)
	}
	if err == nil && w.State != state {
		err = problem.Conflict("write-off-decided", "This write-off is %s already.", w.State)
	}
	return w, err
}

// WriteOffs lists them: those to decide on first, then the newest. After is the last one
// of the page before, or nil, and decided says that it had been decided on by then: what is
// decided on between two pages is on the second at worst, and left out by none.
func (s *Service) WriteOffs(ctx context.Context, tx store.Tx, after *uuid.UUID, decided bool, limit int) ([]api.WriteOff, error) {
	return writeOffs(ctx, tx, paymentdb.WriteOffsParams{After: after, AfterDecided: decided, Limit: int32(limit)})
}

// WriteOff returns one.
func (s *Service) WriteOff(ctx context.Context, tx store.Tx, id string) (api.WriteOff, error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return api.WriteOff{}, problem.NotFound("write-off", id)
	}
	list, err := writeOffs(ctx, tx, paymentdb.WriteOffsParams{ID: &parsed, Limit: 1})
	if err == nil && len(list) == 0 {
		err = problem.NotFound("write-off", id)
	}
	if err != nil {
		return api.WriteOff{}, err
	}
	return list[0], nil
}

func writeOffs(ctx context.Context, tx store.Tx, p paymentdb.WriteOffsParams) ([]api.WriteOff, error) {
	rows, err := paymentdb.New(tx).WriteOffs(ctx, p)
	list := make([]api.WriteOff, len(rows))
	for i, r := range rows {
		digits := money.Digits(r.Currency)
		list[i] = api.WriteOff{ID: r.ID.String(), Organization: r.Organization, Invoice: r.Number, Amount: r.Amount.Fixed(digits), Recovered: r.Recovered.Fixed(digits), Currency: r.Currency, Reason: r.Reason, State: r.State,
			ProposedBy: r.ProposedBy, ProposedAt: r.ProposedAt.UTC(), DecidedBy: r.DecidedBy, DecidedAt: r.DecidedAt, ReversedBy: r.ReversedBy, ReversedReason: r.ReversedReason, ReversedAt: r.ReversedAt}
	}
	return list, err
}
