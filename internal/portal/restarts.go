package portal

import (
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"souk/api"
	"souk/internal/authz"
)

// restartForm is planned work of the operator's as it is being put together: a restart
// of one instance's servers, or of all that run in a zone.
type restartForm struct {
	zones    []string
	services []api.Service
	one      *api.Instance // nil: a zone is meant
	typed    url.Values
	would    *api.MaintenancePlanned // what was planned, or would be; nil: nothing was asked for
	key      string                  // sent twice, the form plans once
	wrong    *formErrors
}

func (p *Portal) newRestartForm(r *http.Request, v *visit, typed url.Values) (*restartForm, error) {
	if !v.mayOperate(authz.OperatorMaintenance) {
		return nil, forbidden()
	}
	f := &restartForm{typed: typed, key: rand.Text()}
	of, err := providers(r, v)
	if err != nil {
		return nil, err
	}
	f.zones = slices.Sorted(maps.Keys(of))
	if f.services, err = v.client.Services(r.Context()); err != nil {
		return nil, err
	}
	if id := typed.Get("instance"); id != "" {
		one, err := v.client.Operator().Instance(r.Context(), id)
		if err != nil {
			return nil, err
		}
		f.one = &one
	}
	return f, nil
}

// plan is what the form stands for.
func (f *restartForm) plan(v *visit) (api.MaintenancePlan, *formErrors) {
	plan := api.MaintenancePlan{Reason: strings.TrimSpace(f.typed.Get("reason")), Urgent: f.typed.Get("urgent") != ""}
	if f.one != nil {
		plan.Instance = f.one.Metadata.ID
	} else {
		plan.Zone, plan.Service = f.typed.Get("zone"), f.typed.Get("service")
	}
	if text := f.typed.Get("notBefore"); text != "" {
		at, err := pointInTime(text, v.zone)
		if err != nil {
			return plan, mistake("notBefore", v.T("backup.no-time"))
		}
		plan.NotBefore = &at
	}
	return plan, nil
}

// ask has the API plan, or say what it would, and keeps what comes of it.
func (f *restartForm) ask(ctx context.Context, v *visit, do func(context.Context, api.MaintenancePlan) (api.MaintenancePlanned, error)) error {
	plan, wrong := f.plan(v)
	if wrong.any() {
		f.wrong = wrong
		return nil
	}
	out, err := do(ctx, plan)
	if err != nil {
		f.wrong, err = formProblem(err)
		return err
	}
	f.would = &out
	return nil
}

// restarts is the form and, once it says what for, whom that would affect.
func (p *Portal) restarts(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := p.newRestartForm(r, v, v.query)
	if err != nil {
		return err
	}
	if f.typed.Has("reason") {
		if err := f.ask(r.Context(), v, v.client.Operator().PreviewMaintenance); err != nil {
			return err
		}
	}
	return show(w, r, v, restartsPage(v, f))
}

// planRestarts answers with what was planned. Loaded again, the form carries the same
// key: nothing is planned, and the same is shown.
func (p *Portal) planRestarts(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := p.newRestartForm(r, v, r.PostForm)
	if err != nil {
		return err
	}
	ctx, key := repeatable(r)
	f.key = key
	if err := f.ask(ctx, v, v.client.Operator().PlanMaintenance); err != nil {
		return err
	}
	if f.wrong.any() {
		return refuse(w, r, v, restartsPage(v, f))
	}
	return show(w, r, v, plannedRestartsPage(v, f))
}

// restartFields are those of the form, as addresses and forms name them.
var restartFields = []string{"instance", "zone", "service", "reason", "notBefore", "urgent"}

// restartOf leads to the form about one instance, or about a zone.
func restartOf(kind, name string) string {
	return "/operator/maintenance?" + url.Values{kind: {name}}.Encode()
}

// customersOf is how many organizations' instances are restarted.
func customersOf(items []api.PlannedRestart) int {
	of := map[string]bool{}
	for _, i := range items {
		of[i.Organization] = true
	}
	return len(of)
}

// leftOut says why an instance is not restarted.
func (v *visit) leftOut(l api.MaintenanceLeftOut) string {
	if l.PlannedFor != nil {
		return v.T("restarts.left-planned", "at", v.fullMoment(*l.PlannedFor))
	}
	return v.Or("restarts.left-"+l.Reason, l.Reason)
}
