package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/account"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/invoice"
	"souk/internal/store"
)

// months closes months and issues credit notes.
func (s *Server) months() *invoice.Service {
	return &invoice.Service{Clock: s.Clock, Mail: s.Mail, Logger: s.Logger, Extras: s.InvoiceExtras}
}

// InInvoice names an invoice or a credit note.
type InInvoice struct {
	InOrganization
	Number string `path:"number" maxLength:"40" doc:"Such as 2026-000012"`
}

func (s *Server) registerInvoices() {
	const path = "/api/v1/organizations/{org}/invoices"
	register(s, Operation{Method: http.MethodGet, Path: path, ID: "invoices-list", Tag: "invoices", Action: authz.CostRead, Operator: authz.OperatorCustomers,
		Summary: "An organization's invoices and credit notes, newest first"}, s.listInvoices)
	register(s, Operation{Method: http.MethodGet, Path: path + "/draft", ID: "invoices-draft", Tag: "invoices", Action: authz.CostRead, Operator: authz.OperatorCustomers,
		Summary: "What would be invoiced of a month, as it is known now", Description: "Made as the invoice is, without a number. It changes with what is used and reported until the month is closed."}, s.draftInvoice)
	register(s, Operation{Method: http.MethodGet, Path: path + "/{number}", ID: "invoices-get", Tag: "invoices", Action: authz.CostRead, Operator: authz.OperatorCustomers,
		Summary: "An invoice or credit note as it was issued"},
		func(ctx context.Context, in *InInvoice) (*body[api.InvoiceDetail], error) {
			out := &body[api.InvoiceDetail]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
				if out.Body, err = invoice.Get(ctx, tx, p.Organization, in.Number); err != nil {
					return err
				}
				return s.withPayments(ctx, tx, &p.Organization, &out.Body.Invoice)
			})
			return out, err
		})
	for _, form := range []struct{ format, media, suffix, summary string }{
		{invoice.PDF, mediaPDF, ".pdf", "An invoice or credit note as a PDF, in Switzerland with its QR-bill"},
		{invoice.UBL, "application/xml", ".xml", "An invoice or credit note as EN 16931 has it, in the syntax of UBL 2.1"},
		{invoice.JSON, "application/json", ".json", "An invoice or credit note as Souk keeps it"},
	} {
		register(s, Operation{Method: http.MethodGet, Path: path + "/{number}/" + form.format, ID: "invoices-" + form.format, Tag: "invoices", Action: authz.CostRead, Operator: authz.OperatorCustomers,
			Summary: form.summary, Description: "Made once, when it was issued.", Media: form.media},
			func(ctx context.Context, in *InInvoice) (*file, error) {
				out := &file{ContentType: form.media, Disposition: fmt.Sprintf("inline; filename=%q", in.Number+form.suffix)}
				err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
					out.Body, err = invoice.File(ctx, tx, p.Organization, in.Number, form.format)
					return err
				})
				return out, err
			})
	}
	s.registerParties()
	s.registerAllInvoices()
	s.registerRuns()
}

func (s *Server) listInvoices(ctx context.Context, in *struct {
	InOrganization
	Page
}) (*body[api.List[api.Invoice]], error) {
	before, err := in.after()
	if err != nil {
		return nil, err
	}
	var list []api.Invoice
	err = s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		if list, err = invoice.List(ctx, tx, p.Organization, before, in.Limit+1); err != nil {
			return err
		}
		all := make([]*api.Invoice, len(list))
		for i := range list {
			all[i] = &list[i]
		}
		return s.withPayments(ctx, tx, &p.Organization, all...)
	})
	return paged(in.Page, list, func(i api.Invoice) string { return i.Number }), err
}

// withPayments says of invoices of an organization, or of any with nil, how they stand.
func (s *Server) withPayments(ctx context.Context, tx store.Tx, organization *uuid.UUID, invoices ...*api.Invoice) error {
	numbers := make([]string, len(invoices))
	for i, each := range invoices {
		numbers[i] = each.Number
	}
	states, err := s.payments().States(ctx, tx, organization, numbers)
	for _, each := range invoices {
		if state, known := states[each.Number]; known {
			each.Payment = &state
		}
	}
	return err
}

func (s *Server) draftInvoice(ctx context.Context, in *struct {
	InOrganization
	Month string `query:"month" maxLength:"7" doc:"Such as 2026-11, in the organization's time zone; absent: that of now"`
}) (*body[api.InvoiceDraft], error) {
	out := &body[api.InvoiceDraft]{}
	err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		out.Body, err = s.months().Draft(ctx, tx, p.Organization, in.Month)
		return err
	})
	return out, err
}

// registerParties registers whom invoices come from, and whom they are made out to.
func (s *Server) registerParties() {
	const profile, issuer = "/api/v1/organizations/{org}/billing-profile", "/api/v1/operator/issuer"
	register(s, Operation{Method: http.MethodGet, Path: profile, ID: "billing-profile-get", Tag: "invoices", Action: authz.CostRead, Operator: authz.OperatorCustomers,
		Summary: "Whom an organization's invoices are made out to"},
		func(ctx context.Context, _ *struct{ InOrganization }) (*body[api.BillingProfile], error) {
			out := &body[api.BillingProfile]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
				out.Body, err = account.Profile(ctx, tx, p.Organization)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodPut, Path: profile, ID: "billing-profile-put", Tag: "invoices", Action: authz.BillingWrite,
		Summary: "Say whom an organization's invoices are made out to", Description: "From the next invoice on. What was issued stays as it is."}, s.putProfile)
	register(s, Operation{Method: http.MethodGet, Path: issuer, ID: "operator-issuer", Tag: "operator", Action: authz.OperatorCustomers,
		Summary: "The company that issues invoices", Description: "Without a name: none was set, and no month is closed."},
		func(ctx context.Context, _ *struct{}) (*body[api.Issuer], error) {
			out := &body[api.Issuer]{}
			return out, s.Read(ctx, func(tx store.Tx, p Place) error {
				is, _, err := account.CurrentIssuer(ctx, tx)
				out.Body = is.Issuer
				return err
			})
		})
	register(s, Operation{Method: http.MethodPut, Path: issuer, ID: "operator-issuer-put", Tag: "operator", Action: authz.OperatorBilling,
		Summary: "Set the company that issues invoices", Description: "From the next invoice on. The first time it begins the closing of months, from firstMonth on."}, s.putIssuer)
}

func (s *Server) putProfile(ctx context.Context, in *struct {
	InOrganization
	Body api.BillingProfile
}) (*body[api.BillingProfile], error) {
	out := &body[api.BillingProfile]{}
	read := func(tx store.Tx, p Place, _ string) (err error) {
		out.Body, err = account.Profile(ctx, tx, p.Organization)
		return err
	}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		if err := account.PutProfile(ctx, tx, p.Organization, in.Body, p.Now); err != nil {
			return "", err
		}
		if err := p.Audit(ctx, tx, audit.Event{Action: "billing-profile.update", Kind: "organization", ObjectID: p.Organization.String(), ObjectName: p.OrganizationName, Details: details(in.Body)}); err != nil {
			return "", err
		}
		return p.Organization.String(), read(tx, p, "")
	}, read)
	return out, err
}

func (s *Server) putIssuer(ctx context.Context, in *struct{ Body api.Issuer }) (*body[api.Issuer], error) {
	out := &body[api.Issuer]{}
	read := func(tx store.Tx, _ Place, _ string) error {
		is, _, err := account.CurrentIssuer(ctx, tx)
		out.Body = is.Issuer
		return err
	}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		if err := account.PutIssuer(ctx, tx, in.Body, p.Now); err != nil {
			return "", err
		}
		if err := p.Audit(ctx, tx, audit.Event{Action: "issuer.update", Kind: "issuer", ObjectName: in.Body.Name, Details: details(in.Body)}); err != nil {
			return "", err
		}
		return "issuer", read(tx, p, "")
	}, read)
	return out, err
}

// registerAllInvoices registers what the operator sees of all organizations' invoices.
func (s *Server) registerAllInvoices() {
	const path = "/api/v1/operator/invoices"
	register(s, Operation{Method: http.MethodGet, Path: path, ID: "operator-invoices", Tag: "operator", Action: authz.OperatorCustomers,
		Summary: "Invoices and credit notes of all organizations, newest first"}, s.findInvoices)
	register(s, Operation{Method: http.MethodGet, Path: path + "/{number}", ID: "operator-invoices-get", Tag: "operator", Action: authz.OperatorCustomers,
		Summary: "An invoice or credit note of whatever organization, with what is left of its lines to be credited"},
		func(ctx context.Context, in *struct {
			Number string `path:"number" maxLength:"40" doc:"Such as 2026-000012"`
		}) (*body[api.OperatorInvoiceDetail], error) {
			out := &body[api.OperatorInvoiceDetail]{}
			return out, s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
				if out.Body, err = invoice.GetAny(ctx, tx, in.Number); err != nil {
					return err
				}
				return s.withPayments(ctx, tx, nil, &out.Body.Invoice)
			})
		})
}

func (s *Server) findInvoices(ctx context.Context, in *struct {
	Page
	Organization string `query:"organization" maxLength:"63" doc:"Of this one only"`
	Month        string `query:"month" maxLength:"7" doc:"Of this month, such as 2026-11"`
	Kind         string `query:"kind" enum:"invoice,credit-note" doc:"Absent: both"`
	State        string `query:"state" enum:"open,partly-paid,paid,overdue,written-off,credited" doc:"How it stands; absent: all, and credit notes too"`
	Number       string `query:"number" maxLength:"40" doc:"A part of the number"`
}) (*body[api.List[api.OperatorInvoice]], error) {
	before, err := in.after()
	if err != nil {
		return nil, err
	}
	var list []api.OperatorInvoice
	err = s.Read(ctx, func(tx store.Tx, _ Place) error {
		today, err := s.payments().Today(ctx, tx)
		if err != nil {
			return err
		}
		list, err = invoice.Find(ctx, tx, invoice.Search{Organization: in.Organization, Month: in.Month, Kind: in.Kind, State: in.State, Part: in.Number, Today: today, Before: before, Limit: in.Limit + 1})
		if err != nil {
			return err
		}
		all := make([]*api.Invoice, len(list))
		for i := range list {
			all[i] = &list[i].Invoice
		}
		return s.withPayments(ctx, tx, nil, all...)
	})
	return paged(in.Page, list, func(i api.OperatorInvoice) string { return i.Number }), err
}

// registerRuns registers the operator's: closes of months, and credit notes.
func (s *Server) registerRuns() {
	const path = "/api/v1/operator/invoice-runs"
	register(s, Operation{Method: http.MethodGet, Path: path, ID: "operator-invoice-runs", Tag: "operator", Action: authz.OperatorCustomers,
		Summary: "Closes of organizations' months, newest first"}, s.listRuns)
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/operator/invoice-months", ID: "operator-invoice-months", Tag: "operator", Action: authz.OperatorCustomers,
		Summary: "How closing months went, newest first: how many closed by themselves, are held or have failed"},
		func(ctx context.Context, in *struct {
			Months int `query:"months" default:"12" minimum:"1" maximum:"120"`
		}) (*body[api.List[api.InvoiceMonth]], error) {
			out := &body[api.List[api.InvoiceMonth]]{}
			return out, s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
				out.Body.Items, err = invoice.Months(ctx, tx, in.Months)
				return err
			})
		})
	register(s, Operation{Method: http.MethodPost, Path: path, ID: "operator-invoice-runs-close", Tag: "operator", Action: authz.OperatorBilling, Status: http.StatusAccepted,
		Summary: "Close an organization's next month now, if it is over", Description: "Without waiting for the grace: what zones report later is an adjustment on the next invoice."},
		func(ctx context.Context, in *struct{ Body api.InvoiceRetry }) (*body[api.InvoiceRun], error) {
			return s.changeRun(ctx, "month.close", in.Body, s.months().CloseNow)
		})
	register(s, Operation{Method: http.MethodPost, Path: path + "/retry", ID: "operator-invoice-runs-retry", Tag: "operator", Action: authz.OperatorBilling, Status: http.StatusAccepted,
		Summary: "Have a close that is held or has failed tried again at once"},
		func(ctx context.Context, in *struct{ Body api.InvoiceRetry }) (*body[api.InvoiceRun], error) {
			return s.changeRun(ctx, "month.retry", in.Body, s.months().Retry)
		})
	register(s, Operation{Method: http.MethodPost, Path: "/api/v1/operator/credit-notes", ID: "operator-credit-notes-create", Tag: "operator", Action: authz.OperatorBilling, Status: http.StatusCreated,
		Summary:     "Credit an invoice, or a part of it",
		Description: "Lines, parts of lines, or an amount that is split over its lines; each goes back the way it came, taxed as it was. Together credit notes give back no more than was invoiced. The customer is mailed."}, s.creditInvoice)
	register(s, Operation{Method: http.MethodPost, Path: "/api/v1/operator/credit-notes/preview", ID: "operator-credit-notes-preview", Tag: "operator", Action: authz.OperatorBilling,
		Summary: "What a credit note would be, without a number", Description: "Nothing is issued."},
		func(ctx context.Context, in *struct{ Body api.CreditNoteOrder }) (*body[api.InvoiceDetail], error) {
			out := &body[api.InvoiceDetail]{}
			return out, s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
				out.Body, err = invoice.PreviewCredit(ctx, tx, in.Body)
				return err
			})
		})
}

func (s *Server) listRuns(ctx context.Context, in *struct {
	Page
	Show         string `query:"show" enum:"held,failed,open" doc:"Absent: all"`
	Organization string `query:"organization" maxLength:"63"`
}) (*body[api.List[api.InvoiceRun]], error) {
	before, err := in.afterID()
	if err != nil {
		return nil, err
	}
	var list []api.InvoiceRun
	err = s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
		list, err = invoice.Runs(ctx, tx, in.Organization, in.Show, before, in.Limit+1)
		return err
	})
	return paged(in.Page, list, func(r api.InvoiceRun) string { return r.ID }), err
}

// changeRun does something about an organization's month, and answers with its run.
func (s *Server) changeRun(ctx context.Context, action string, in api.InvoiceRetry, do func(context.Context, store.Tx, uuid.UUID, string) error) (*body[api.InvoiceRun], error) {
	out := &body[api.InvoiceRun]{}
	read := func(tx store.Tx, _ Place, _ string) error {
		list, err := invoice.Runs(ctx, tx, in.Organization, "", uuid.Nil, 1200)
		for _, r := range list {
			if r.Month == in.Month {
				out.Body = r
			}
		}
		return err
	}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		organization, err := invoice.OrganizationID(ctx, tx, in.Organization)
		if err != nil {
			return "", err
		}
		if err := do(ctx, tx, organization, in.Month); err != nil {
			return "", err
		}
		p.Organization = organization
		if err := p.Audit(ctx, tx, audit.Event{Action: action, Kind: "organization", ObjectID: organization.String(), ObjectName: in.Organization, Details: details(in)}); err != nil {
			return "", err
		}
		return in.Month, read(tx, p, "")
	}, read)
	return out, err
}

func (s *Server) creditInvoice(ctx context.Context, in *struct{ Body api.CreditNoteOrder }) (*body[api.InvoiceDetail], error) {
	out := &body[api.InvoiceDetail]{}
	read := func(tx store.Tx, organization uuid.UUID, number string) (err error) {
		out.Body, err = invoice.Get(ctx, tx, organization, number)
		return err
	}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		number, organization, err := s.months().Credit(ctx, tx, in.Body, p.Actor)
		if err != nil {
			return "", err
		}
		p.Organization = organization
		if err := p.Audit(ctx, tx, audit.Event{Action: "invoice.credit", Kind: "invoice", ObjectName: in.Body.Invoice, Details: details(in.Body)}); err != nil {
			return "", err
		}
		return organization.String() + " " + number, read(tx, organization, number)
	}, func(tx store.Tx, _ Place, reference string) error {
		return read(tx, uuid.MustParse(reference[:36]), reference[37:])
	})
	return out, err
}
