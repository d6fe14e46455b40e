package portal

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"souk/api"
	"souk/internal/authz"
)

// billingRoutes are the operator's pages about what is invoiced.
func (p *Portal) billingRoutes() []Route {
	return []Route{
		{"GET /operator/billing", SignedIn, p.closedMonths},
		{"GET /operator/billing/held", SignedIn, p.openRuns("held")},
		{"GET /operator/billing/failed", SignedIn, p.openRuns("failed")},
		{"POST /operator/billing/retry", SignedIn, p.retryRun},
		{"GET /operator/billing/issuer", SignedIn, p.issuer},
		{"POST /operator/billing/issuer", SignedIn, p.setIssuer},
	}
}

// billingTabs are the pages of the operator's billing desk.
func (v *visit) billingTabs() []entry {
	list := []entry{
		{v.T("billing.overview"), "/operator/billing"},
		{v.T("invoices.title"), "/operator/billing/invoices"},
		{v.T("billing.held"), "/operator/billing/held"},
		{v.T("billing.failed"), "/operator/billing/failed"},
		{v.T("operator.payments"), "/operator/billing/payments"},
		{v.T("dunning.title"), "/operator/billing/dunning"},
		{v.T("writeoffs.title"), "/operator/billing/write-offs"},
		{v.T("agreements.title"), "/operator/billing/agreements"},
		{v.T("credits.title"), "/operator/billing/credits"},
		{v.T("billing.issuer"), "/operator/billing/issuer"},
	}
	if v.mayOperate(authz.OperatorSegmentAudit) {
		list = append(list, entry{v.T("operator.reconciliation"), "/operator/billing/reconciliation"})
	}
	return list
}

func (p *Portal) closedMonths(w http.ResponseWriter, r *http.Request, v *visit) error {
	months, err := v.client.Operator().InvoiceMonths(r.Context())
	if err != nil {
		return err
	}
	issuer, err := v.client.Operator().Issuer(r.Context())
	if err != nil {
		return err
	}
	return show(w, r, v, closedMonthsPage(v, months, issuer.Name != ""))
}

// runsView is a page of closes that do not go on: held, or failed.
type runsView struct {
	listing
	show  string
	items []api.InvoiceRun
	wrong *formErrors
}

// runsShown are the closes that somebody has to look at.
var runsShown = []string{"held", "failed"}

func newRunsView(r *http.Request, v *visit, which string) (runsView, error) {
	s := runsView{listing: listing{query: v.query}, show: which}
	page, err := v.client.Operator().InvoiceRunsPage(r.Context(), which, pageOfInstances, v.query.Get("cursor"))
	s.items, s.next = page.Items, page.Next
	return s, err
}

func (p *Portal) openRuns(which string) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		s, err := newRunsView(r, v, which)
		if err != nil {
			return err
		}
		return show(w, r, v, runsPage(v, s))
	}
}

// retryRun has a close tried again, and goes back to the list that it was in.
func (p *Portal) retryRun(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, which := r.PostForm, r.PostForm.Get("show")
	if !slices.Contains(runsShown, which) {
		which = "failed"
	}
	_, err := v.client.Operator().RetryMonth(r.Context(), api.InvoiceRetry{Organization: f.Get("organization"), Month: f.Get("month")})
	if err == nil {
		redirect(w, r, done("month-retried", "operator", "billing", which))
		return nil
	}
	wrong, err := formProblem(err)
	if err != nil {
		return err
	}
	s, err := newRunsView(r, v, which)
	if err != nil {
		return err
	}
	s.wrong = wrong
	return refuse(w, r, v, runsPage(v, s))
}

// issuerView is the company that issues invoices, as it is or was typed.
type issuerView struct {
	api.Issuer
	payment, grace string // days and hours, as typed
	wrong          *formErrors
}

// newIssuer is what the form begins with where nobody issues invoices yet.
var newIssuer = api.Issuer{Country: "CH", Currency: "CHF", TimeZone: "Europe/Zurich", PaymentDays: 30, GraceHours: 72}

func (p *Portal) issuer(w http.ResponseWriter, r *http.Request, v *visit) error {
	is, err := v.client.Operator().Issuer(r.Context())
	if err != nil {
		return err
	}
	if is.Name == "" {
		is = newIssuer
	}
	return show(w, r, v, issuerPage(v, issuerView{Issuer: is, payment: strconv.Itoa(is.PaymentDays), grace: strconv.Itoa(is.GraceHours)}))
}

func (p *Portal) setIssuer(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !v.mayKeepPayments() {
		return forbidden()
	}
	s := issuerTyped(r, v)
	if !s.wrong.any() {
		_, err := v.client.Operator().SetIssuer(r.Context(), s.Issuer)
		if err == nil {
			redirect(w, r, done("issuer-kept", "operator", "billing", "issuer"))
			return nil
		}
		if s.wrong, err = formProblem(err); err != nil {
			return err
		}
	}
	return refuse(w, r, v, issuerPage(v, s))
}

// issuerTyped reads the form.
func issuerTyped(r *http.Request, v *visit) issuerView {
	typed := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	s := issuerView{payment: typed("paymentDays"), grace: typed("graceHours"), Issuer: api.Issuer{
		Name: typed("name"), Street: typed("street"), Building: typed("building"), PostalCode: typed("postalCode"), Town: typed("town"), Country: typed("country"), VATID: typed("vatId"),
		IBAN: typed("iban"), BIC: typed("bic"), Email: typed("email"), Currency: typed("currency"), TimeZone: typed("timeZone"), FirstMonth: typed("firstMonth")}}
	for _, n := range []struct {
		field, typed string
		to           *int
	}{{"paymentDays", s.payment, &s.PaymentDays}, {"graceHours", s.grace, &s.GraceHours}} {
		whole, ok := wholeNumber(n.typed, false)
		if !ok {
			s.wrong = mistake(n.field, v.T("customers.bad-number"))
		}
		*n.to = int(whole)
	}
	return s
}
