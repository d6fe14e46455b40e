package portal

import (
	"net/http"
	"strconv"

	"souk/api"
)

// dunningRoutes are the operator's pages about what is overdue.
func (p *Portal) dunningRoutes() []Route {
	return []Route{
		{"GET /operator/billing/dunning", SignedIn, p.dunning},
		{"POST /operator/billing/dunning/rules", SignedIn, p.setDunningRules},
		{"POST /operator/billing/dunning/{name}/hold", SignedIn, p.holdDunning},
		{"POST /operator/billing/dunning/{name}/release", SignedIn, p.releaseDunning},
	}
}

// dunningView is what is overdue, with the rules and what was typed.
type dunningView struct {
	items  []api.BillingBalance
	rules  api.DunningRules
	holds  string // organization that a hold was typed for
	reason string
	until  string
	wrong  *formErrors // of the hold
	unruly *formErrors // of the rules
}

func newDunningView(r *http.Request, v *visit) (s dunningView, err error) {
	if s.items, err = v.client.Operator().Dunning(r.Context()); err != nil {
		return s, err
	}
	s.rules, err = v.client.Operator().DunningRules(r.Context())
	return s, err
}

func (p *Portal) dunning(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := newDunningView(r, v)
	wrong, err := noIssuer(err)
	if err != nil {
		return err
	}
	s.unruly = wrong
	return show(w, r, v, dunningPage(v, s))
}

// noIssuer takes the API's answer that nobody issues invoices yet.
func noIssuer(err error) (*formErrors, error) {
	if err == nil {
		return nil, nil
	}
	wrong, err := formProblem(err)
	if wrong.any() && wrong.code("no-issuer") {
		return wrong, nil
	}
	return nil, err
}

func (p *Portal) setDunningRules(w http.ResponseWriter, r *http.Request, v *visit) error {
	days := func(name string) int {
		n, _ := strconv.Atoi(r.PostForm.Get(name)) // what is no number is 0, and refused
		return n
	}
	typed := api.DunningRules{ReminderDays: days("reminderDays"), SecondDays: days("secondDays"), SuspendDays: days("suspendDays"), NoticeDays: days("noticeDays"), Paused: r.PostForm.Get("paused") != ""}
	_, err := v.client.Operator().SetDunningRules(r.Context(), typed)
	return dunningKept(w, r, v, err, func(s *dunningView, wrong *formErrors) { s.rules, s.unruly = typed, wrong })
}

func (p *Portal) holdDunning(w http.ResponseWriter, r *http.Request, v *visit) error {
	name, f := r.PathValue("name"), r.PostForm
	err := v.client.Operator().HoldDunning(r.Context(), name, api.DunningHold{Reason: f.Get("reason"), Until: f.Get("until")})
	return dunningKept(w, r, v, err, func(s *dunningView, wrong *formErrors) {
		s.holds, s.reason, s.until, s.wrong = name, f.Get("reason"), f.Get("until"), wrong
	})
}

// dunningKept answers a form: it leads back to the page, or shows what was typed, which
// typed puts there, with what is wrong with it.
func dunningKept(w http.ResponseWriter, r *http.Request, v *visit, err error, typed func(*dunningView, *formErrors)) error {
	if err == nil {
		redirect(w, r, done("dunning-kept", "operator", "billing", "dunning"))
		return nil
	}
	wrong, err := formProblem(err)
	if err != nil {
		return err
	}
	s, err := newDunningView(r, v)
	if err != nil {
		return err
	}
	typed(&s, wrong)
	return refuse(w, r, v, dunningPage(v, s))
}

func (p *Portal) releaseDunning(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := v.client.Operator().ReleaseDunning(r.Context(), r.PathValue("name")); err != nil {
		return err
	}
	redirect(w, r, done("dunning-kept", "operator", "billing", "dunning"))
	return nil
}

// of says what is wrong with the hold of an organization.
func (s dunningView) of(organization, field string) string {
	if s.holds != organization {
		return ""
	}
	return s.wrong.of(field)
}

// typed is what was typed for the hold of an organization.
func (s dunningView) typed(organization, text string) string {
	if s.holds != organization {
		return ""
	}
	return text
}

// dunningState says what becomes of instances.
func (v *visit) dunningState(b api.BillingBalance) string {
	switch {
	case b.Held != nil && b.Held.Until != "":
		return v.T("dunning.held-until", "day", b.Held.Until)
	case b.Held != nil:
		return v.T("dunning.held-open")
	case b.Suspended > 0:
		return v.T("dunning.suspended", "n", b.Suspended)
	case b.SuspendedOn != "":
		return v.T("dunning.suspended-on", "day", b.SuspendedOn)
	}
	return ""
}
