package portal

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"souk/api"
	"souk/api/client"
)

// invoiceRoutes are the customer's pages about what is invoiced.
func (p *Portal) invoiceRoutes() []Route {
	return []Route{
		{"GET /o/{org}/invoices", SignedIn, p.invoices},
		{"GET /o/{org}/invoices/draft", SignedIn, p.invoiceDraft},
		{"GET /o/{org}/invoices/{number}", SignedIn, p.invoice},
		{"GET /o/{org}/invoices/{number}/{form}", SignedIn, p.invoiceFile},
		{"GET /o/{org}/billing", SignedIn, p.billingDetails},
		{"POST /o/{org}/billing", SignedIn, p.setBillingDetails},
	}
}

// invoicesView is what was invoiced, and what would be.
type invoicesView struct {
	all     []api.Invoice
	draft   *api.InvoiceDraft // nil: none can be made of the month as it is
	balance api.BillingBalance
}

func (p *Portal) invoices(w http.ResponseWriter, r *http.Request, v *visit) (err error) {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	var view invoicesView
	if view.all, err = v.organization().Invoices(r.Context()); err != nil {
		return err
	}
	if view.balance, err = v.organization().BillingBalance(r.Context()); err != nil {
		return err
	}
	draft, err := v.organization().InvoiceDraft(r.Context(), "")
	switch {
	case err == nil:
		view.draft = &draft
	case !client.IsCode(err, "no-draft"):
		return err
	}
	return show(w, r, v, invoicesPage(v, view))
}

// invoiceDraft shows what would be invoiced of a month as it is known now.
func (p *Portal) invoiceDraft(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	d, err := v.organization().InvoiceDraft(r.Context(), strings.TrimSpace(v.query.Get("month")))
	if err != nil {
		wrong, err := formProblem(err)
		if err != nil {
			return err
		}
		return refuse(w, r, v, draftPage(v, api.InvoiceDraft{Month: v.query.Get("month")}, wrong))
	}
	return show(w, r, v, draftPage(v, d, nil))
}

func (p *Portal) invoice(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	i, err := v.organization().Invoice(r.Context(), r.PathValue("number"))
	if err != nil {
		return err
	}
	return showInvoice(w, r, v, invoiceView{InvoiceDetail: i, to: v.toInvoice, opens: v.lineOf(i)})
}

// invoiceView is an invoice as its customer or the operator sees it.
type invoiceView struct {
	api.InvoiceDetail
	organization string                        // whose it is; "": the visitor's
	to           func(...string) templ.SafeURL // leads to invoices, or to one and what belongs to it
	opens        func(api.InvoiceLine) string  // where what a line is made of is shown, or ""
}

// toInvoice leads to the invoices of the organization whose pages these are.
func (v *visit) toInvoice(rest ...string) templ.SafeURL {
	return link(append([]string{"o", v.org, "invoices"}, rest...)...)
}

// showInvoice shows an invoice with its PDF within the page.
func showInvoice(w http.ResponseWriter, r *http.Request, v *visit, i invoiceView) error {
	h := w.Header()
	h.Set("Content-Security-Policy", h.Get("Content-Security-Policy")+"; frame-src 'self'")
	return show(w, r, v, invoicePage(v, i))
}

// invoiceForm is one of the forms in which an invoice is passed on.
type invoiceForm struct{ format, media, suffix string }

// invoiceForms are by their names in addresses.
var invoiceForms = map[string]invoiceForm{
	"pdf":  {"pdf", "application/pdf", ".pdf"},
	"xml":  {"ubl", "application/xml", ".xml"},
	"json": {"json", "application/json", ".json"},
}

// invoiceFile passes a form of an invoice on. The PDF may be shown within the page of
// its invoice; the others are saved.
func (p *Portal) invoiceFile(w http.ResponseWriter, r *http.Request, v *visit) error {
	return passInvoiceFile(w, r, v.organization())
}

// passInvoiceFile passes a form of an organization's invoice on.
func passInvoiceFile(w http.ResponseWriter, r *http.Request, organization *client.Organization) error {
	form, known := invoiceForms[r.PathValue("form")]
	if !known {
		return &problem{Status: http.StatusNotFound}
	}
	number := r.PathValue("number")
	content, err := organization.InvoiceFile(r.Context(), number, form.format)
	if err != nil {
		return err
	}
	h, disposition := w.Header(), "attachment"
	if form.format == "pdf" {
		disposition = "inline"
		// What browsers build around a PDF to show it is theirs.
		h.Set("Content-Security-Policy", "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
		h.Set("X-Frame-Options", "SAMEORIGIN")
	}
	h.Set("Content-Type", form.media)
	h.Set("Content-Disposition", disposition+`; filename="`+number+form.suffix+`"`)
	_, _ = w.Write(content) // fails only when the reader has gone
	return nil
}

// invoiced is an amount of an invoice; what a credit note gives back is below zero.
func invoiced(i api.Invoice, text string) string {
	if i.Kind == "credit-note" {
		text = "−" + text
	}
	return i.Currency + " " + text
}

// percent is a rate without zeros at its end: "8.1" of "8.10".
func percent(rate string) string {
	if strings.Contains(rate, ".") {
		rate = strings.TrimRight(strings.TrimRight(rate, "0"), ".")
	}
	return rate
}

// paymentClass is how a state of payment looks.
func paymentClass(state string) string {
	switch state {
	case "paid":
		return "good"
	case "overdue":
		return "bad"
	case "written-off", "credited":
		return "off"
	}
	return "busy"
}

// addressLines are a party as it stands in an address.
func addressLines(p api.InvoiceParty) []string {
	all := []string{p.Name, strings.TrimSpace(p.Street + " " + p.Building), p.Country + "-" + p.PostalCode + " " + p.Town, p.VATID}
	return slices.DeleteFunc(all, func(line string) bool { return line == "" })
}

// billingFields are those of the billing details that are typed in one line, as the API
// names them.
var billingFields = []string{"name", "street", "building", "postalCode", "town", "country", "vatId", "email", "reference"}

// longest is how many characters a field of the billing details takes.
var longest = map[string]string{"name": "70", "street": "70", "building": "16", "postalCode": "16", "town": "35", "country": "2", "vatId": "30", "email": "254", "reference": "70"}

// billingForm is whom invoices are made out to, as it is typed.
type billingForm struct {
	api.BillingProfile
	wrong *formErrors
}

// value is what a field of the form has.
func (f *billingForm) value(field string) *string {
	return map[string]*string{"name": &f.Name, "street": &f.Street, "building": &f.Building, "postalCode": &f.PostalCode, "town": &f.Town, "country": &f.Country,
		"vatId": &f.VATID, "email": &f.Email, "reference": &f.Reference}[field]
}

// projects are those that cost centres are given for.
func (f *billingForm) projects() []string { return slices.Sorted(maps.Keys(f.CostCentres)) }

func (p *Portal) billingDetails(w http.ResponseWriter, r *http.Request, v *visit) error {
	profile, err := v.organization().BillingProfile(r.Context())
	if err != nil {
		return err
	}
	if profile.UpdatedAt.IsZero() {
		profile.Language = v.Lang
	}
	return show(w, r, v, billingPage(v, &billingForm{BillingProfile: profile}))
}

func (p *Portal) setBillingDetails(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := &billingForm{}
	for _, field := range billingFields {
		*form.value(field) = strings.TrimSpace(r.PostForm.Get(field))
	}
	form.Language, form.CostCentres = r.PostForm.Get("language"), map[string]string{}
	for field := range r.PostForm {
		if project, is := strings.CutPrefix(field, "costCentres."); is {
			form.CostCentres[project] = strings.TrimSpace(r.PostForm.Get(field))
		}
	}
	if _, err := v.organization().SetBillingProfile(r.Context(), form.BillingProfile); err != nil {
		if form.wrong, err = formProblem(err); err != nil {
			return err
		}
		return refuse(w, r, v, billingPage(v, form))
	}
	redirect(w, r, done("billing-kept", "o", v.org, "billing"))
	return nil
}
