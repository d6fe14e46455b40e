package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"souk/api"
)

// creditRoutes are the operator's pages about what is given back.
func (p *Portal) creditRoutes() []Route {
	return []Route{
		{"GET /operator/billing/credits", SignedIn, p.serviceCredits},
		{"POST /operator/billing/credits", SignedIn, p.publishCreditTerms},
	}
}

// creditsView is what was given back, by which terms, and what was typed.
type creditsView struct {
	listing
	month   string
	credits []api.ServiceCredit
	terms   []api.CreditTerms
	typed   api.CreditTermsSpec
	wrong   *formErrors
}

// mostTiers is how many tiers the form has room for.
const mostTiers = 4

// tier is what was typed for one.
func (s creditsView) tier(n int) api.CreditTier {
	if n < len(s.typed.Tiers) {
		return s.typed.Tiers[n]
	}
	return api.CreditTier{}
}

func tierField(n int, field string) string { return fmt.Sprintf("tiers[%d].%s", n, field) }

func (p *Portal) serviceCredits(w http.ResponseWriter, r *http.Request, v *visit) error {
	s := creditsView{month: strings.TrimSpace(v.query.Get("month")), typed: api.CreditTermsSpec{ServiceLevel: "best-effort"}}
	return p.showCredits(w, r, v, s)
}

func (p *Portal) showCredits(w http.ResponseWriter, r *http.Request, v *visit, s creditsView) (err error) {
	if s.terms, err = v.client.Operator().CreditTerms(r.Context()); err != nil {
		return err
	}
	page, err := v.client.Operator().ServiceCreditsPage(r.Context(), s.month, pageOfInstances, v.query.Get("cursor"))
	if err != nil {
		return err
	}
	s.listing, s.credits = listing{query: v.query, next: page.Next, path: "/operator/billing/credits"}, page.Items
	if s.wrong.any() {
		return refuse(w, r, v, creditsPage(v, s))
	}
	return show(w, r, v, creditsPage(v, s))
}

func (p *Portal) publishCreditTerms(w http.ResponseWriter, r *http.Request, v *visit) error {
	typed := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	s := creditsView{typed: api.CreditTermsSpec{ServiceLevel: typed("serviceLevel"), Organization: typed("organization"), FromMonth: typed("fromMonth"), Cap: typed("cap"), Tiers: []api.CreditTier{}}}
	for n := range mostTiers {
		if t := (api.CreditTier{Below: typed(tierField(n, "below")), Percent: typed(tierField(n, "percent"))}); t != (api.CreditTier{}) {
			s.typed.Tiers = append(s.typed.Tiers, t)
		}
	}
	_, err := v.client.Operator().PublishCreditTerms(r.Context(), s.typed)
	if err == nil {
		redirect(w, r, done("credit-terms-published", "operator", "billing", "credits"))
		return nil
	}
	if s.wrong, err = formProblem(err); err != nil {
		return err
	}
	return p.showCredits(w, r, v, s)
}

// evidencePath leads to the SLA report that a credit is given by.
func evidencePath(org string, e api.CreditEvidence) string {
	return at("o", org, "sla") + "?" + url.Values{"period": {e.Month}, "watermark": {e.Watermark}}.Encode()
}
