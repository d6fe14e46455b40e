package portal

import (
	"net/http"
	"net/url"
	"strings"

	"souk/api"
)

// agreementRoutes are the operator's pages about discounts.
func (p *Portal) agreementRoutes() []Route {
	return []Route{
		{"GET /operator/billing/agreements", SignedIn, p.agreements},
		{"POST /operator/billing/agreements", SignedIn, p.createAgreement},
		{"POST /operator/billing/agreements/{id}/end", SignedIn, p.endAgreement},
	}
}

// agreementKinds are in the order in which the form offers them.
var agreementKinds = []string{"percent", "amount", "volume"}

// agreementsView is a page of agreements, with what was typed last.
type agreementsView struct {
	listing
	items []api.Agreement
	typed url.Values
	wrong *formErrors // of a new one
	ends  string      // ID of the one that an end was typed for
	bad   *formErrors // of the end
}

func (p *Portal) agreements(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showAgreements(w, r, v, agreementsView{typed: url.Values{"organization": {v.query.Get("organization")}}}, http.StatusOK)
}

func (p *Portal) showAgreements(w http.ResponseWriter, r *http.Request, v *visit, s agreementsView, status int) error {
	page, err := v.client.Operator().AgreementsPage(r.Context(), v.query.Get("organization"), pageOfInstances, v.query.Get("cursor"))
	if err != nil {
		return err
	}
	s.listing, s.items = listing{query: v.query, next: page.Next}, page.Items
	render(w, r, v, status, agreementsPage(v, s))
	return nil
}

// tiersTyped reads "1000=0, 5000=5, rest=10".
func tiersTyped(text string) (tiers []api.AgreementTier, ok bool) {
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",;\n", r) }) {
		tier, is := api.ParseAgreementTier(part)
		if !is {
			return nil, false
		}
		tiers = append(tiers, tier)
	}
	return tiers, true
}

func (p *Portal) createAgreement(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !v.mayKeepPayments() {
		return forbidden()
	}
	text := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	s := agreementsView{typed: r.PostForm}
	in := api.AgreementCreate{Organization: text("organization"), AgreementTerms: api.AgreementTerms{Name: text("name"), Kind: text("kind"), Service: text("service"), Plan: text("plan"), Item: text("item"), From: text("from"), To: text("to")}}
	readable := true
	switch in.Kind { // the field of the other kinds is not asked for
	case "percent":
		in.Percent = text("percent")
	case "amount":
		in.Amount = text("amount")
	default:
		in.Tiers, readable = tiersTyped(text("tiers"))
	}
	if !readable {
		s.wrong = mistake("tiers", v.T("agreements.tiers-hint"))
		return p.showAgreements(w, r, v, s, http.StatusUnprocessableEntity)
	}
	_, err := v.client.Operator().CreateAgreement(r.Context(), in)
	if err == nil {
		redirect(w, r, done("agreement-kept", "operator", "billing", "agreements"))
		return nil
	}
	if s.wrong, err = formProblem(err); err != nil {
		return err
	}
	return p.showAgreements(w, r, v, s, http.StatusUnprocessableEntity)
}

func (p *Portal) endAgreement(w http.ResponseWriter, r *http.Request, v *visit) error {
	s := agreementsView{typed: r.PostForm, ends: r.PathValue("id")}
	_, err := v.client.Operator().EndAgreement(r.Context(), s.ends, api.AgreementEnd{To: strings.TrimSpace(r.PostForm.Get("to")), Reason: strings.TrimSpace(r.PostForm.Get("reason"))})
	if err == nil {
		redirect(w, r, done("agreement-ended", "operator", "billing", "agreements"))
		return nil
	}
	if s.bad, err = formProblem(err); err != nil {
		return err
	}
	return p.showAgreements(w, r, v, s, http.StatusUnprocessableEntity)
}

// of is what was typed of a new agreement.
func (s agreementsView) of(name string) string {
	if s.ends != "" {
		return ""
	}
	return s.typed.Get(name)
}

// endOf is what was typed of the end of an agreement, and what is wrong with it.
func (s agreementsView) endOf(id, name string) (typed, problem string) {
	if s.ends != id {
		return "", ""
	}
	return s.typed.Get(name), s.bad.of(name)
}

// discount says how much an agreement reduces what it covers.
func (v *visit) discount(a api.Agreement) string {
	switch a.Kind {
	case "percent":
		return a.Percent + " %"
	case "amount":
		return v.T("agreements.a-month", "amount", a.Currency+" "+a.Amount)
	}
	parts := make([]string, len(a.Tiers))
	for i, t := range a.Tiers {
		parts[i] = v.T("agreements.rest", "percent", t.Percent)
		if t.UpTo != "" {
			parts[i] = v.T("agreements.up-to", "percent", t.Percent, "amount", t.UpTo)
		}
	}
	return strings.Join(parts, ", ")
}

// covered says what an agreement reduces.
func (v *visit) covered(a api.Agreement) string {
	var parts []string
	for _, part := range []string{a.Service, a.Plan} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if a.Item != "" {
		parts = append(parts, v.Or("item."+a.Item, a.Item))
	}
	if len(parts) == 0 {
		return v.T("agreements.everything")
	}
	return strings.Join(parts, ", ")
}

// reduction is what a line by an agreement says: "Discount, 12.5 % of CHF 80.00".
func (v *visit) reduction(a api.CostAgreement) string {
	if a.Percent != "" {
		return v.T("agreements.percent-of", "percent", a.Percent, "amount", amount(a.Of))
	}
	return v.T("agreements.on", "amount", amount(a.Of))
}
