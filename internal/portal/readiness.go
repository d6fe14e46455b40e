package portal

import (
	"net/http"
	"time"

	"souk/api"
	"souk/internal/authz"
)

// readiness is what stands between each service and production, for the operator.
func (p *Portal) readiness(w http.ResponseWriter, r *http.Request, v *visit) error {
	all, err := v.readinessOfAll(r)
	if err != nil {
		return err
	}
	return show(w, r, v, readinessPage(v, all, waiverForm{}))
}

func (v *visit) readinessOfAll(r *http.Request) ([]api.ServiceReadiness, error) {
	if !v.mayOperate(authz.OperatorInventory) {
		return nil, forbidden()
	}
	services, err := v.client.Services(r.Context())
	var all []api.ServiceReadiness
	for _, s := range services {
		var of []api.ServiceReadiness
		if err == nil {
			of, err = v.client.Operator().Readiness(r.Context(), s.Name)
		}
		all = append(all, of...)
	}
	return all, err
}

// waiverForm is a waiver as it is typed; its day is one of Souk's clock.
type waiverForm struct {
	service, zone, check, reason, until string
	wrong                               *formErrors
}

// of is what was typed for a check, or nothing.
func (f waiverForm) of(r api.ServiceReadiness, check string) waiverForm {
	if f.service == r.Service && f.zone == r.Zone && f.check == check {
		return f
	}
	return waiverForm{service: r.Service, zone: r.Zone, check: check}
}

// id of the form's fields on a page of many.
func (f waiverForm) id() string { return f.service + "-" + f.zone + "-" + f.check }

func (p *Portal) waive(w http.ResponseWriter, r *http.Request, v *visit) error {
	typed := r.PostForm.Get
	f := waiverForm{service: r.PathValue("service"), zone: typed("zone"), check: typed("check"), reason: typed("reason"), until: typed("until")}
	until, err := time.Parse(time.DateOnly, f.until)
	if err != nil {
		f.wrong = mistake("until", v.T("readiness.bad-day"))
	} else {
		_, err = v.client.Operator().Waive(r.Context(), f.service, api.WaiverCreate{Zone: f.zone, Check: f.check, Reason: f.reason, Until: until.UTC()})
		if err == nil {
			redirect(w, r, done("waived", "operator", "maturity")+"#"+readinessID(f.service, f.zone))
			return nil
		}
		if f.wrong, err = formProblem(err); err != nil {
			return err
		}
	}
	all, err := v.readinessOfAll(r)
	if err != nil {
		return err
	}
	v.path = "/operator/maturity"
	return refuse(w, r, v, readinessPage(v, all, f))
}

func (p *Portal) unwaive(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.client.Operator().Unwaive(r.Context(), r.PathValue("waiver")); err != nil {
		return err
	}
	redirect(w, r, done("unwaived", "operator", "maturity"))
	return nil
}

func readinessID(service, zone string) string { return "stable-" + service + "-" + zone }

// checkLook is the class and the text of a check's state.
func (v *visit) checkLook(c api.ReadinessCheck) (class, text string) {
	if c.Waiver != nil {
		return "off", v.T("readiness.waived")
	}
	return proofClass(c.State), v.T("maturity." + c.State)
}

// stableOf are the checks of the iteration stable.
func stableOf(m api.ServiceMaturity) []api.ReadinessCheck {
	for _, it := range m.Iterations {
		if it.Name == api.IterationStable {
			return it.Checks
		}
	}
	return nil
}
