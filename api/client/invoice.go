package client

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"souk/api"
)

// Invoices lists the organization's invoices and credit notes, newest first.
func (o *Organization) Invoices(ctx context.Context) ([]api.Invoice, error) {
	return list[api.Invoice](ctx, o.client, 0, nil, o.path("invoices")...)
}

// Invoice returns an invoice or credit note.
func (o *Organization) Invoice(ctx context.Context, number string) (api.InvoiceDetail, error) {
	var out api.InvoiceDetail
	err := o.client.get(ctx, nil, &out, o.path("invoices", number)...)
	return out, err
}

// InvoiceDraft returns what would be invoiced of a month such as "2026-11"; "" is that of
// now.
func (o *Organization) InvoiceDraft(ctx context.Context, month string) (api.InvoiceDraft, error) {
	query := url.Values{}
	if month != "" {
		query.Set("month", month)
	}
	var out api.InvoiceDraft
	err := o.client.get(ctx, query, &out, o.path("invoices", "draft")...)
	return out, err
}

// InvoiceFile returns a form of an invoice: "pdf", "ubl" or "json".
func (o *Organization) InvoiceFile(ctx context.Context, number, format string) ([]byte, error) {
	header := http.Header{"Accept": {"application/pdf, application/xml, application/json, application/problem+json"}}
	resp, err := o.client.open(ctx, o.path("invoices", number, format), nil, header)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
}

// BillingProfile returns whom the organization's invoices are made out to.
func (o *Organization) BillingProfile(ctx context.Context) (api.BillingProfile, error) {
	var out api.BillingProfile
	err := o.client.get(ctx, nil, &out, o.path("billing-profile")...)
	return out, err
}

// SetBillingProfile says whom the organization's invoices are made out to.
func (o *Organization) SetBillingProfile(ctx context.Context, p api.BillingProfile) (api.BillingProfile, error) {
	var out api.BillingProfile
	err := o.client.do(ctx, call{method: http.MethodPut, path: o.path("billing-profile"), body: p, out: &out, changes: true})
	return out, err
}

// Issuer returns the company that issues invoices; without a name there is none yet.
func (o *Operator) Issuer(ctx context.Context) (api.Issuer, error) {
	var out api.Issuer
	err := o.client.get(ctx, nil, &out, "operator", "issuer")
	return out, err
}

// SetIssuer sets the company that issues invoices.
func (o *Operator) SetIssuer(ctx context.Context, i api.Issuer) (api.Issuer, error) {
	var out api.Issuer
	err := o.client.do(ctx, call{method: http.MethodPut, path: []string{"operator", "issuer"}, body: i, out: &out, changes: true})
	return out, err
}

// InvoiceRuns lists closes of months, newest first: of an organization, or of all with
// ""; show is "held", "failed", "open" or "".
func (o *Operator) InvoiceRuns(ctx context.Context, organization, show string) ([]api.InvoiceRun, error) {
	query := url.Values{}
	for name, value := range map[string]string{"organization": organization, "show": show} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return list[api.InvoiceRun](ctx, o.client, 0, query, "operator", "invoice-runs")
}

// InvoiceRunsPage lists a page of them.
func (o *Operator) InvoiceRunsPage(ctx context.Context, show string, limit int, cursor string) (api.List[api.InvoiceRun], error) {
	query := url.Values{}
	set(query, "show", show)
	var out api.List[api.InvoiceRun]
	err := o.client.get(ctx, pageQuery(query, limit, cursor), &out, "operator", "invoice-runs")
	return out, err
}

// InvoiceMonths says of the newest months, a year of them, how closing them went.
func (o *Operator) InvoiceMonths(ctx context.Context) ([]api.InvoiceMonth, error) {
	var out api.List[api.InvoiceMonth]
	err := o.client.get(ctx, nil, &out, "operator", "invoice-months")
	return out.Items, err
}

// CloseMonth closes an organization's next month now, if it is over.
func (o *Operator) CloseMonth(ctx context.Context, which api.InvoiceRetry) (api.InvoiceRun, error) {
	var out api.InvoiceRun
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "invoice-runs"}, body: which, out: &out, changes: true})
	return out, err
}

// RetryMonth has a close that is held or has failed tried again at once.
func (o *Operator) RetryMonth(ctx context.Context, which api.InvoiceRetry) (api.InvoiceRun, error) {
	var out api.InvoiceRun
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "invoice-runs", "retry"}, body: which, out: &out, changes: true})
	return out, err
}

// InvoiceSearch chooses among the invoices of all organizations; what is empty is not
// looked at.
type InvoiceSearch struct {
	Organization, Month string
	Kind                string // "invoice" or "credit-note"
	State               string // of payment
	Number              string // a part of it
}

func (s InvoiceSearch) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"organization": s.Organization, "month": s.Month, "kind": s.Kind, "state": s.State, "number": s.Number} {
		set(query, name, value)
	}
	return query
}

// Invoices lists invoices and credit notes of all organizations, newest first.
func (o *Operator) Invoices(ctx context.Context, s InvoiceSearch) ([]api.OperatorInvoice, error) {
	return list[api.OperatorInvoice](ctx, o.client, 0, s.query(), "operator", "invoices")
}

// InvoicesPage lists a page of them.
func (o *Operator) InvoicesPage(ctx context.Context, s InvoiceSearch, limit int, cursor string) (api.List[api.OperatorInvoice], error) {
	var out api.List[api.OperatorInvoice]
	err := o.client.get(ctx, pageQuery(s.query(), limit, cursor), &out, "operator", "invoices")
	return out, err
}

// Invoice returns an invoice or credit note of whatever organization.
func (o *Operator) Invoice(ctx context.Context, number string) (api.OperatorInvoiceDetail, error) {
	var out api.OperatorInvoiceDetail
	err := o.client.get(ctx, nil, &out, "operator", "invoices", number)
	return out, err
}

// PreviewCredit says what credit note CreditInvoice would issue; it has no number yet.
func (o *Operator) PreviewCredit(ctx context.Context, order api.CreditNoteOrder) (api.InvoiceDetail, error) {
	var out api.InvoiceDetail
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "credit-notes", "preview"}, body: order, out: &out})
	return out, err
}

// CreditInvoice issues a credit note.
func (o *Operator) CreditInvoice(ctx context.Context, order api.CreditNoteOrder) (api.InvoiceDetail, error) {
	var out api.InvoiceDetail
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "credit-notes"}, body: order, out: &out, changes: true})
	return out, err
}
