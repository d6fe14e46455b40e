package payment

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/ledger"
	"souk/internal/money"
	"souk/internal/payment/paymentdb"
	"souk/internal/problem"
	"souk/internal/store"
)

// mostOpen bounds how many open invoices are looked through for suggestions.
const mostOpen = 10_000

// Payments lists transactions, newest first, from after the one that is named. State is
// "" for all, "unmatched" for those of which something is taken for nothing yet, with
// suggestions, or "over" for those of which a part was paid too much.
func (s *Service) Payments(ctx context.Context, tx store.Tx, state string, before *uuid.UUID, limit int) ([]api.Payment, error) {
	return list(ctx, tx, paymentdb.TransactionsParams{State: state, Before: before, Limit: int32(limit)})
}

// Payment returns one transaction.
func (s *Service) Payment(ctx context.Context, tx store.Tx, id string) (api.Payment, error) {
	parsed, err := paymentID(id)
	if err != nil {
		return api.Payment{}, err
	}
	all, err := list(ctx, tx, paymentdb.TransactionsParams{ID: &parsed, Limit: 1})
	if err == nil && len(all) == 0 {
		err = problem.NotFound("payment", id)
	}
	if err != nil {
		return api.Payment{}, err
	}
	return all[0], nil
}

func paymentID(id string) (uuid.UUID, error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return parsed, problem.NotFound("payment", id)
	}
	return parsed, nil
}

func list(ctx context.Context, tx store.Tx, p paymentdb.TransactionsParams) ([]api.Payment, error) {
	q := paymentdb.New(tx)
	rows, err := q.Transactions(ctx, p)
	if err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	taken, err := q.Taken(ctx, ids)
	if err != nil {
		return nil, err
	}
	of := map[uuid.UUID][]api.PaymentTaken{}
	for _, t := range taken {
		of[*t.TransactionID] = append(of[*t.TransactionID], api.PaymentTaken{ID: t.ID.String(), Organization: t.Organization, Invoice: t.Number, Amount: t.Amount.Fixed(2), By: t.MadeBy, At: t.RecordedAt.UTC()})
	}
	suggest, err := suggestions(ctx, q, rows)
	if err != nil {
		return nil, err
	}
	out := make([]api.Payment, len(rows))
	for i, r := range rows {
		out[i] = paymentDoc(r)
		out[i].Suggestions = suggest(r)
		if out[i].Taken = of[r.ID]; out[i].Taken == nil {
			out[i].Taken = []api.PaymentTaken{}
		}
	}
	return out, nil
}

// suggestions returns what says for which open invoices the rest of a payment may be.
func suggestions(ctx context.Context, q *paymentdb.Queries, rows []paymentdb.TransactionsRow) (func(paymentdb.TransactionsRow) []api.PaymentSuggestion, error) {
	var ibans []string
	for _, r := range rows {
		if r.Rest.Cmp(money.Amount{}) > 0 {
			ibans = append(ibans, r.PayerIban)
		}
	}
	if len(ibans) == 0 {
		return func(paymentdb.TransactionsRow) []api.PaymentSuggestion { return nil }, nil
	}
	known, err := q.Payers(ctx, ibans)
	if err != nil {
		return nil, err
	}
	payers := map[string]uuid.UUID{}
	for _, k := range known {
		payers[k.PayerIban] = k.OrganizationID
	}
	open, err := q.OpenInvoices(ctx, paymentdb.OpenInvoicesParams{Limit: mostOpen})
	invoices := make([]Invoice, len(open))
	for i, o := range open {
		invoices[i] = invoiceOf(paymentdb.InvoicesByReferenceRow(o))
	}
	return func(r paymentdb.TransactionsRow) (list []api.PaymentSuggestion) {
		if r.Rest.Cmp(money.Amount{}) <= 0 {
			return nil
		}
		for _, s := range Suggest(r.Rest, r.Currency, r.Message+" "+r.Reference, payers[r.PayerIban], invoices) {
			list = append(list, api.PaymentSuggestion{Organization: s.Invoice.OrganizationName, Invoice: s.Invoice.Number, Open: s.Invoice.Open.Fixed(2), DueOn: s.Invoice.DueOn, Reason: s.Reason})
		}
		return list
	}, err
}

func paymentDoc(r paymentdb.TransactionsRow) api.Payment {
	p := api.Payment{ID: r.ID.String(), Amount: r.Amount.Fixed(2), Currency: r.Currency, BookedOn: r.BookedOn, ValueOn: r.ValueOn, Account: r.Iban, Reference: r.Reference,
		Text: r.Message, Payer: r.Payer, PayerIBAN: r.PayerIban, Finding: r.Finding, Rest: r.Rest.Fixed(2), State: "taken"}
	switch {
	case r.Replaced:
		p.State = "replaced"
	case Finding(r.Finding) == Outgoing:
		p.State = "outgoing"
	case r.Reversed, r.Returned && r.Rest.IsZero():
		p.State = "reversed"
	case !r.Rest.IsZero():
		p.State = "unmatched"
	case r.RefundedAt != nil:
		p.State = "refunded"
	}
	if r.RefundedAt != nil {
		p.Refund = &api.PaymentRefund{Amount: r.Refunded.Fixed(2), Reason: r.RefundReason, By: r.RefundedBy, At: r.RefundedAt.UTC()}
	}
	return p
}

// work locks a transaction that can be worked with by hand, and returns its rest.
func (d *desk) work(ctx context.Context, id string) (t paymentdb.LockTransactionRow, rest money.Amount, err error) {
	parsed, err := paymentID(id)
	if err != nil {
		return t, rest, err
	}
	if t, err = d.q.LockTransaction(ctx, parsed); errors.Is(err, pgx.ErrNoRows) {
		return t, rest, problem.NotFound("payment", id)
	}
	if err != nil {
		return t, rest, err
	}
	switch {
	case t.Replaced:
		return t, rest, problem.Conflict("payment-replaced", "Other files tell of the parts of this payment; those count in its place.")
	case t.ReversedBy != nil:
		return t, rest, problem.Conflict("payment-reversed", "The bank took this payment back.")
	case Finding(t.Finding) == Outgoing || t.Amount.Cmp(money.Amount{}) <= 0:
		return t, rest, problem.Conflict("payment-outgoing", "This is no payment of a customer.")
	}
	rest = t.Amount.Sub(t.Refunded)
	taken, err := d.q.OfTransaction(ctx, &t.ID)
	for _, a := range taken {
		rest = rest.Sub(a.Amount)
	}
	return t, rest, err
}

// Assign takes the rest of a payment for an invoice; what is more than it has open, or
// all where an organization is named in its place, becomes the organization's credit.
func (s *Service) Assign(ctx context.Context, tx store.Tx, id string, in api.PaymentAssign, by string) error {
	if (in.Invoice == "") == (in.Organization == "") {
		return problem.InvalidField("body.invoice", in.Invoice, "Name an invoice, or an organization whose credit it becomes.")
	}
	d, err := s.open(ctx, tx, by)
	if err != nil {
		return err
	}
	t, rest, err := d.work(ctx, id)
	if err != nil {
		return err
	}
	if rest.Cmp(money.Amount{}) <= 0 {
		return problem.Conflict("payment-taken", "All of this payment is taken for something already. Undo that first.")
	}
	moves, err := d.byHand(ctx, t, rest, in)
	if err != nil {
		return err
	}
	if err := d.takeMoves(ctx, t.ID, t.Currency, moves); err != nil {
		return err
	}
	return d.settle(ctx)
}

func (d *desk) byHand(ctx context.Context, t paymentdb.LockTransactionRow, rest money.Amount, in api.PaymentAssign) ([]Move, error) {
	if in.Organization != "" {
		organization, err := d.q.OrganizationByName(ctx, in.Organization)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, problem.InvalidField("body.organization", in.Organization, "There is no such organization.")
		}
		return []Move{{organization, uuid.Nil, rest}}, err
	}
	row, err := d.q.InvoiceByNumber(ctx, in.Invoice)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, problem.InvalidField("body.invoice", in.Invoice, "There is no such invoice.")
	}
	if err != nil {
		return nil, err
	}
	invoice := invoiceOf(paymentdb.InvoicesByReferenceRow(row))
	moves, finding := Match(rest, t.Currency, &invoice)
	switch finding {
	case Foreign:
		return nil, problem.InvalidField("body.invoice", in.Invoice, "The invoice is in %s and the payment in %s.", invoice.Currency, t.Currency)
	case Again:
		return nil, problem.InvalidField("body.invoice", in.Invoice, "Nothing of the invoice is open. Keep the payment as the organization's credit, or send it back.")
	}
	return moves, nil
}

// Undo takes back, by counter-entries, all that a payment is taken for. It is idempotent.
func (s *Service) Undo(ctx context.Context, tx store.Tx, id, reason, by string) error {
	d, err := s.open(ctx, tx, by)
	if err != nil {
		return err
	}
	t, _, err := d.work(ctx, id)
	if err != nil {
		return err
	}
	if err := d.undoAll(ctx, t.ID, t.Currency, reason); err != nil {
		return err
	}
	return d.settle(ctx)
}

// Refund marks as sent back what of a payment is taken for nothing, and what of it is
// kept as an organization's credit and is there still. The bank's order is not Souk's.
func (s *Service) Refund(ctx context.Context, tx store.Tx, id, reason, by string) error {
	d, err := s.open(ctx, tx, by)
	if err != nil {
		return err
	}
	t, rest, err := d.work(ctx, id)
	if err != nil {
		return err
	}
	if t.RefundedAt != nil {
		return problem.Conflict("payment-refunded", "It is marked as sent back already.")
	}
	freed, err := d.free(ctx, t, reason)
	if err != nil {
		return err
	}
	if rest = rest.Add(freed); rest.Cmp(money.Amount{}) <= 0 {
		return problem.Conflict("payment-taken", "All of this payment is taken for invoices. Undo that first.")
	}
	if err := d.q.Refund(ctx, paymentdb.RefundParams{ID: t.ID, Amount: rest, Reason: reason, By: by, At: d.now}); err != nil {
		return err
	}
	if err := d.post(ctx, d.operator, ledger.KindRefund, t.ID.String(), t.Currency, ledger.Unmatched, ledger.Bank(t.Iban), rest); err != nil {
		return err
	}
	return d.settle(ctx)
}

// free takes back what of a transaction is kept as credit that nobody has used.
func (d *desk) free(ctx context.Context, t paymentdb.LockTransactionRow, reason string) (freed money.Amount, err error) {
	taken, err := d.q.OfTransaction(ctx, &t.ID)
	if err != nil {
		return freed, err
	}
	for _, a := range taken {
		if a.InvoiceID != nil {
			continue
		}
		credits, err := d.credits(ctx, a.OrganizationID)
		if err != nil {
			return freed, err
		}
		if credits[t.Currency].Cmp(a.Amount) < 0 {
			return freed, problem.Conflict("credit-used", "%s of this payment was kept as credit, and is used for other invoices by now.", a.Amount.Fixed(2))
		}
		if err := d.undo(ctx, allocation(a), t.Currency, reason); err != nil {
			return freed, err
		}
		freed = freed.Add(a.Amount)
	}
	return freed, nil
}
