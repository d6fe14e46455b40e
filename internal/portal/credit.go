package portal

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"souk/api"
	"souk/api/client"
)

// allInvoiceRoutes are the operator's pages about the invoices of all organizations.
func (p *Portal) allInvoiceRoutes() []Route {
	return []Route{
		{"GET /operator/billing/invoices", SignedIn, p.allInvoices},
		{"GET /operator/billing/invoices/{number}", SignedIn, p.anyInvoice},
		{"GET /operator/billing/invoices/{number}/{form}", SignedIn, p.anyInvoiceFile},
		{"GET /operator/billing/invoices/{number}/credit", SignedIn, p.creditForm},
		{"POST /operator/billing/invoices/{number}/credit", SignedIn, p.credit},
	}
}

// toAnyInvoice leads to the operator's list of invoices, or to one of them.
func toAnyInvoice(rest ...string) templ.SafeURL {
	return link(append([]string{"operator", "billing", "invoices"}, rest...)...)
}

// invoiceKinds and invoiceStates are what can be looked for.
var (
	invoiceKinds  = []string{"invoice", "credit-note"}
	invoiceStates = []string{"open", "partly-paid", "paid", "overdue", "written-off", "credited"}
)

// allInvoicesView is a page of invoices as its URL asks for it.
type allInvoicesView struct {
	listing
	search client.InvoiceSearch
	items  []api.OperatorInvoice
	wrong  *formErrors
}

func (s allInvoicesView) searched() bool { return s.search != client.InvoiceSearch{} }

func (p *Portal) allInvoices(w http.ResponseWriter, r *http.Request, v *visit) error {
	asked := func(name string) string { return strings.TrimSpace(v.query.Get(name)) }
	s := allInvoicesView{listing: listing{query: v.query}, search: client.InvoiceSearch{Organization: asked("organization"), Month: asked("month"), Kind: asked("kind"), State: asked("state"), Number: asked("number")}}
	page, err := v.client.Operator().InvoicesPage(r.Context(), s.search, pageOfInstances, asked("cursor"))
	if err == nil {
		s.items, s.next = page.Items, page.Next
		return show(w, r, v, allInvoicesPage(v, s))
	}
	if s.wrong, err = formProblem(err); err != nil {
		return err
	}
	return refuse(w, r, v, allInvoicesPage(v, s))
}

func (p *Portal) anyInvoice(w http.ResponseWriter, r *http.Request, v *visit) error {
	i, err := v.client.Operator().Invoice(r.Context(), r.PathValue("number"))
	if err != nil {
		return err
	}
	return showInvoice(w, r, v, invoiceView{i.InvoiceDetail, i.Organization, toAnyInvoice, func(api.InvoiceLine) string { return "" }})
}

func (p *Portal) anyInvoiceFile(w http.ResponseWriter, r *http.Request, v *visit) error {
	i, err := v.client.Operator().Invoice(r.Context(), r.PathValue("number"))
	if err != nil {
		return err
	}
	return passInvoiceFile(w, r, v.client.Organization(i.Organization))
}

// creditParts are what of an invoice can be given back.
var creditParts = []string{"all", "amount", "lines"}

// creditView is the form for a credit note, as it is typed.
type creditView struct {
	api.OperatorInvoiceDetail
	typed   url.Values
	part    string              // of creditParts
	order   api.CreditNoteOrder // that it comes to
	preview *api.InvoiceDetail  // nil: it was not asked for yet, or there is none
	key     string              // of the order, so that it is carried out once
	wrong   *formErrors
}

// left is what is left of a line.
func (s creditView) left(line int) string {
	for _, l := range s.Left {
		if l.Line == line {
			return l.Amount
		}
	}
	return ""
}

// of is what was typed of a line, and what is wrong with it.
func (s creditView) of(line int) (name, value, problem string) {
	name = "line-" + strconv.Itoa(line)
	for i, l := range s.order.Lines {
		if l.Line == line {
			problem = s.wrong.within("lines[" + strconv.Itoa(i) + "]")
		}
	}
	return name, s.typed.Get(name), problem
}

func (p *Portal) newCreditView(r *http.Request, v *visit, typed url.Values) (creditView, error) {
	s := creditView{typed: typed, part: creditParts[0], key: typed.Get("key")}
	if !v.mayKeepPayments() {
		return s, forbidden()
	}
	if len(s.key) != len(rand.Text()) {
		s.key = rand.Text()
	}
	var err error
	s.OperatorInvoiceDetail, err = v.client.Operator().Invoice(r.Context(), r.PathValue("number"))
	s.order = api.CreditNoteOrder{Invoice: s.Number, Reason: strings.TrimSpace(typed.Get("reason"))}
	switch typed.Get("part") {
	case "amount":
		s.part, s.order.Amount = "amount", strings.TrimSpace(typed.Get("amount"))
	case "lines":
		s.part = "lines"
		for _, l := range s.Lines {
			if amount := strings.TrimSpace(typed.Get("line-" + strconv.Itoa(l.ID))); amount != "" {
				s.order.Lines = append(s.order.Lines, api.CreditNoteLine{Line: l.ID, Amount: amount})
			}
		}
	}
	return s, err
}

func (p *Portal) creditForm(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := p.newCreditView(r, v, url.Values{})
	if err != nil {
		return err
	}
	if s.Kind != "invoice" {
		return &problem{Status: http.StatusNotFound}
	}
	return show(w, r, v, creditPage(v, s))
}

// credit shows what a credit note comes to, and issues it once that was confirmed.
func (p *Portal) credit(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := p.newCreditView(r, v, r.PostForm)
	if err != nil {
		return err
	}
	if s.wrong = s.missing(v); !s.wrong.any() && s.typed.Get("sure") == "on" {
		return p.issueCredit(w, r, v, s)
	}
	return p.previewCredit(w, r, v, s)
}

// missing says what has to be typed yet.
func (s creditView) missing(v *visit) *formErrors {
	switch {
	case s.part == "amount" && s.order.Amount == "":
		return mistake("amount", v.T("credit.no-amount"))
	case s.part == "lines" && len(s.order.Lines) == 0:
		return mistake("part", v.T("credit.no-lines"))
	case s.order.Reason == "":
		return mistake("reason", v.T("credit.no-reason"))
	}
	return nil
}

func (p *Portal) previewCredit(w http.ResponseWriter, r *http.Request, v *visit, s creditView) error {
	if s.wrong.any() {
		return refuse(w, r, v, creditPage(v, s))
	}
	note, err := v.client.Operator().PreviewCredit(r.Context(), s.order)
	if err == nil {
		s.preview = &note
		return show(w, r, v, creditPage(v, s))
	}
	if s.wrong, err = formProblem(err); err != nil {
		return err
	}
	return refuse(w, r, v, creditPage(v, s))
}

func (p *Portal) issueCredit(w http.ResponseWriter, r *http.Request, v *visit, s creditView) error {
	ctx := client.WithIdempotencyKey(r.Context(), s.key)
	note, err := v.client.Operator().CreditInvoice(ctx, s.order)
	if err == nil {
		redirect(w, r, done("invoice-credited", "operator", "billing", "invoices", note.Number))
		return nil
	}
	if s.wrong, err = formProblem(err); err != nil {
		return err
	}
	if s.wrong.code("idempotency-key-reused") {
		s.key = rand.Text()
	}
	return refuse(w, r, v, creditPage(v, s))
}
