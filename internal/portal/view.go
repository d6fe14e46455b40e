package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"souk/api"
	"souk/api/client"
	"souk/internal/authz"
)

type problem = client.Error

// entry is a place that one can go to.
type entry struct{ title, path string }

// link joins and escapes the parts of a path.
func link(parts ...string) templ.SafeURL {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString("/" + url.PathEscape(part))
	}
	return templ.SafeURL(b.String())
}

func at(parts ...string) string { return string(link(parts...)) }

// done is a path whose page says what was just done: done.KEY of the texts.
func done(key string, parts ...string) string { return at(parts...) + "?done=" + key }

func render(w http.ResponseWriter, r *http.Request, v *visit, status int, page templ.Component) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", v.Lang)
	w.WriteHeader(status)
	// Fails only when the reader has gone.
	_ = page.Render(r.Context(), w)
}

// show answers with a page.
func show(w http.ResponseWriter, r *http.Request, v *visit, page templ.Component) error {
	render(w, r, v, http.StatusOK, page)
	return nil
}

// refuse answers a form with the page that says what is wrong with it.
func refuse(w http.ResponseWriter, r *http.Request, v *visit, page templ.Component) error {
	render(w, r, v, http.StatusUnprocessableEntity, page)
	return nil
}

// current marks the link to the page itself, or to what it is a part of.
func current(v *visit, to string) templ.Attributes {
	switch {
	case v.path == to:
		return templ.Attributes{"aria-current": "page"}
	case to != at("o", v.org) && strings.HasPrefix(v.path, to+"/"), to == at("o", v.org, "instances") && strings.HasPrefix(v.path, at("o", v.org, "p")+"/"):
		return templ.Attributes{"aria-current": "true"}
	}
	return nil
}

// organizations are the names of those that the visitor can enter.
func (v *visit) organizations() []string {
	var names []string
	for _, o := range v.who.Organizations {
		names = append(names, o.Name)
	}
	return names
}

// sections of an organization's pages, as far as the visitor's role sees them.
func (v *visit) sections() []entry {
	list := []entry{
		{v.T("section.overview"), at("o", v.org)},
		{v.T("section.instances"), at("o", v.org, "instances")},
	}
	if v.may(authz.InstanceWrite, "") {
		list = append(list, entry{v.T("section.order"), at("o", v.org, "order")})
	}
	return append(list, v.administration()...)
}

// sideEntries are the pages that belong together.
type sideEntries struct {
	label   string
	entries []entry
}

// side is what stands beside the visited page.
func (v *visit) side() sideEntries {
	switch {
	case v.who == nil:
	case v.org != "" && !v.atDesk():
		return sideEntries{v.T("nav.organization", "name", v.org), v.sections()}
	case v.atAccount():
		return sideEntries{v.T("account.title"), v.accountSections()}
	case v.atDesk():
		return sideEntries{v.T("operator.desk"), v.deskSections()}
	}
	return sideEntries{}
}

// commands are what the palette leads to.
func (v *visit) commands() []entry {
	var all []entry
	for _, o := range v.who.Organizations {
		w := *v
		w.org = o.Name
		for _, e := range w.sections() {
			all = append(all, entry{o.Name + ": " + e.title, e.path})
		}
	}
	for _, e := range v.deskSections() {
		all = append(all, entry{v.T("operator.desk") + ": " + e.title, e.path})
	}
	for _, e := range v.accountSections() {
		all = append(all, entry{v.T("account.title") + ": " + e.title, e.path})
	}
	return append(all, entry{v.T("nav.catalog"), "/catalog"}, entry{v.T("pricing.nav"), "/pricing"})
}

// moment is a time in the organization's zone.
func (v *visit) moment(at time.Time) string {
	switch local := at.In(v.zone); {
	case local.Format(time.DateOnly) == v.now.In(v.zone).Format(time.DateOnly):
		return local.Format("15:04:05")
	default:
		return local.Format("2006-01-02 15:04")
	}
}

func amount(m api.Money) string { return m.Currency + " " + m.Amount }

func phaseClass(p api.Phase) string {
	switch p {
	case api.PhaseReady:
		return "good"
	case api.PhaseFailed, api.PhaseDegraded:
		return "bad"
	case api.PhaseSuspended, api.PhaseDeleted, api.PhasePurged:
		return "off"
	}
	return "busy"
}

func (v *visit) errorTitle(e *problem) string {
	id := fmt.Sprintf("error.title-%d", e.Status)
	return v.Or(id, v.T("error.title"))
}

func (v *visit) errorText(e *problem) string {
	if text := v.Or("error.code-"+e.Code, ""); text != "" {
		return text
	}
	if e.Detail != "" {
		return e.Error()
	}
	return v.Or(fmt.Sprintf("error.text-%d", e.Status), v.T("error.text"))
}

// control is a labelled input.
type control struct {
	id, name, label, kind, value, hint, problem string
	attributes                                  templ.Attributes
}

// described ties a control to its hint and problem for screen readers.
func described(id, hint, problem string) templ.Attributes {
	var by []string
	a := templ.Attributes{}
	if problem != "" {
		by = append(by, id+"-problem")
		a["aria-invalid"] = "true"
	}
	if hint != "" {
		by = append(by, id+"-hint")
	}
	if len(by) > 0 {
		a["aria-describedby"] = strings.Join(by, " ")
	}
	return a
}

// formErrors is what the API found wrong with a form.
type formErrors struct{ problem *problem }

// formProblem takes the API's refusal of what a form asked for. Anything else is
// returned: it is not about the form.
func formProblem(err error) (*formErrors, error) {
	var refused *problem
	if !errors.As(err, &refused) {
		return nil, err
	}
	switch refused.Status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusPreconditionFailed, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return &formErrors{refused}, nil
	}
	return nil, err
}

func (f *formErrors) any() bool { return f != nil && f.problem != nil }

// of returns what is wrong with a field of the request, such as "spec.plan".
func (f *formErrors) of(name string) string {
	if !f.any() {
		return ""
	}
	var texts []string
	for _, e := range f.problem.Fields {
		if e.Name() == name {
			texts = append(texts, e.Message)
		}
	}
	return strings.Join(texts, "; ")
}

// summary says what is wrong with the form as a whole.
func (f *formErrors) summary(v *visit) string {
	if text := v.Or("error.code-"+f.problem.Code, ""); text != "" {
		return text
	}
	if f.problem.Detail != "" {
		return f.problem.Detail
	}
	return v.T("error.form")
}
