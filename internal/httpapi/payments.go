package httpapi

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/camt"
	"souk/internal/payment"
	"souk/internal/store"
)

// payments keeps what customers pay.
func (s *Server) payments() *payment.Service {
	return &payment.Service{Clock: s.Clock, Mail: s.Mail, Instances: s.Instances}
}

func (s *Server) registerPayments() {
	const files, payments = "/api/v1/operator/bank-files", "/api/v1/operator/payments"
	register(s, Operation{Method: http.MethodPost, Path: files, ID: "operator-bank-files-import", Tag: "payments", Action: authz.OperatorBilling, MaxBody: camt.MostBytes,
		Summary:     "Import a bank's statement (camt.053) or notification (camt.054)",
		Description: "Whole or not at all. A payment is taken for the invoice whose creditor reference it carries. The same file again does nothing and says so, and a payment that another file has told of counts once."}, s.importBankFile)
	register(s, Operation{Method: http.MethodGet, Path: files, ID: "operator-bank-files", Tag: "payments", Action: authz.OperatorCustomers,
		Summary: "Files of the bank that were imported, newest first"}, s.bankFiles)
	register(s, Operation{Method: http.MethodGet, Path: payments, ID: "operator-payments", Tag: "payments", Action: authz.OperatorCustomers,
		Summary: "Payments, newest first", Description: "With what each is taken for; of what is taken for nothing, with suggestions."}, s.listPayments)
	register(s, Operation{Method: http.MethodGet, Path: payments + "/{payment}", ID: "operator-payments-get", Tag: "payments", Action: authz.OperatorCustomers, Summary: "Read a payment"},
		func(ctx context.Context, in *InPayment) (*body[api.Payment], error) {
			out := &body[api.Payment]{}
			read := s.paymentAgain(ctx, out)
			return out, s.Read(ctx, func(tx store.Tx, p Place) error { return read(tx, p, in.Payment) })
		})
	register(s, Operation{Method: http.MethodPost, Path: payments + "/{payment}/assign", ID: "operator-payments-assign", Tag: "payments", Action: authz.OperatorBilling,
		Summary: "Take the rest of a payment for an invoice, or keep it as an organization's credit", Description: "What is more than the invoice has open becomes the organization's credit, which is taken for what it has open next."},
		func(ctx context.Context, in *struct {
			InPayment
			Body api.PaymentAssign
		}) (*body[api.Payment], error) {
			return s.changePayment(ctx, in.Payment, "payment.assign", details(in.Body), func(tx store.Tx, p Place) error {
				return s.payments().Assign(ctx, tx, in.Payment, in.Body, p.Actor)
			})
		})
	register(s, Operation{Method: http.MethodPost, Path: payments + "/{payment}/undo", ID: "operator-payments-undo", Tag: "payments", Action: authz.OperatorBilling,
		Summary: "Take back what a payment was taken for", Description: "By counter-entries; the payment is then taken for nothing."},
		func(ctx context.Context, in *inPaymentReason) (*body[api.Payment], error) {
			return s.changePayment(ctx, in.Payment, "payment.undo", details(in.Body), func(tx store.Tx, p Place) error {
				return s.payments().Undo(ctx, tx, in.Payment, in.Body.Reason, p.Actor)
			})
		})
	register(s, Operation{Method: http.MethodPost, Path: payments + "/{payment}/refund", ID: "operator-payments-refund", Tag: "payments", Action: authz.OperatorBilling,
		Summary: "Mark as sent back what of a payment is taken for nothing, or kept as unused credit", Description: "The money is sent by the bank, on an order of yours; Souk writes it down."},
		func(ctx context.Context, in *inPaymentReason) (*body[api.Payment], error) {
			return s.changePayment(ctx, in.Payment, "payment.refund", details(in.Body), func(tx store.Tx, p Place) error {
				return s.payments().Refund(ctx, tx, in.Payment, in.Body.Reason, p.Actor)
			})
		})
}

// InPayment names a payment.
type InPayment struct {
	Payment string `path:"payment" maxLength:"36"`
}

type inPaymentReason struct {
	InPayment
	Body api.PaymentReason
}

func (s *Server) importBankFile(ctx context.Context, in *struct {
	RawBody []byte `contentType:"application/xml"`
}) (*body[api.BankImport], error) {
	out := &body[api.BankImport]{}
	read := func(tx store.Tx, p Place) (err error) {
		out.Body, err = s.payments().Import(ctx, tx, in.RawBody, p.Actor)
		return err
	}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		err := read(tx, p)
		if err != nil || out.Body.Again {
			return out.Body.File.ID, err
		}
		f := out.Body.File
		return f.ID, p.Audit(ctx, tx, audit.Event{Action: "bank-file.import", Kind: "bank-file", ObjectID: f.ID, ObjectName: f.MessageID, Details: map[string]any{"sha256": f.SHA256, "new": out.Body.New}})
	}, func(tx store.Tx, p Place, _ string) error { return read(tx, p) })
	return out, err
}

func (s *Server) bankFiles(ctx context.Context, in *struct{ Page }) (*body[api.List[api.BankFile]], error) {
	var list []api.BankFile
	err := s.before(ctx, in.Page, func(tx store.Tx, _ Place, before *uuid.UUID) (err error) {
		list, err = payment.Files(ctx, tx, before, in.Limit+1)
		return err
	})
	return paged(in.Page, list, func(f api.BankFile) string { return f.ID }), err
}

func (s *Server) listPayments(ctx context.Context, in *struct {
	Page
	State string `query:"state" enum:"unmatched,over" doc:"unmatched: something of it is taken for nothing; over: too much was paid, and not sent back. Default: all"`
}) (*body[api.List[api.Payment]], error) {
	var list []api.Payment
	err := s.before(ctx, in.Page, func(tx store.Tx, _ Place, before *uuid.UUID) (err error) {
		list, err = s.payments().Payments(ctx, tx, in.State, before, in.Limit+1)
		return err
	})
	return paged(in.Page, list, func(p api.Payment) string { return p.ID }), err
}

// before reads a page of a listing that begins with the newest.
func (s *Server) before(ctx context.Context, page Page, f func(tx store.Tx, p Place, before *uuid.UUID) error) error {
	id, err := page.afterID()
	if err != nil {
		return err
	}
	var before *uuid.UUID
	if id != uuid.Nil {
		before = &id
	}
	return s.Read(ctx, func(tx store.Tx, p Place) error { return f(tx, p, before) })
}

func (s *Server) paymentAgain(ctx context.Context, out *body[api.Payment]) func(store.Tx, Place, string) error {
	return func(tx store.Tx, _ Place, id string) (err error) {
		out.Body, err = s.payments().Payment(ctx, tx, id)
		return err
	}
}

// changePayment does something with a payment, and answers with what it then is.
func (s *Server) changePayment(ctx context.Context, id, action string, what map[string]any, f func(tx store.Tx, p Place) error) (*body[api.Payment], error) {
	out := &body[api.Payment]{}
	read := s.paymentAgain(ctx, out)
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		if err := f(tx, p); err != nil {
			return "", err
		}
		if err := read(tx, p, id); err != nil {
			return "", err
		}
		return id, p.Audit(ctx, tx, audit.Event{Action: action, Kind: "payment", ObjectID: id, ObjectName: out.Body.Currency + " " + out.Body.Amount, Details: what})
	}, read)
	return out, err
}
