package portal

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"souk/api"
	"souk/api/client"
	"souk/internal/authz"
)

func (p *Portal) maintenanceRoutes() []Route {
	const base = instanceBase + "/maintenance"
	routes := []Route{
		{"GET /o/{org}/maintenance", SignedIn, p.calendar},
		{"POST /o/{org}/maintenance/calendar", SignedIn, p.makeCalendarFeed},
		{"POST /o/{org}/maintenance/calendar/end", SignedIn, p.endCalendarFeed},
		{"GET " + base, SignedIn, p.maintenance},
		{"POST " + base + "/window", SignedIn, p.setWindow},
	}
	for verb, do := range map[string]maintain{
		"defer": func(ctx context.Context, project *client.Project, name, id string) (api.Maintenance, error) {
			return project.DeferMaintenance(ctx, name, id, api.MaintenanceDefer{})
		},
		"run": func(ctx context.Context, project *client.Project, name, id string) (api.Maintenance, error) {
			return project.RunMaintenance(ctx, name, id)
		},
		"approve": func(ctx context.Context, project *client.Project, name, id string) (api.Maintenance, error) {
			return project.ApproveMaintenance(ctx, name, id)
		},
		"cancel": func(ctx context.Context, project *client.Project, name, id string) (api.Maintenance, error) {
			return project.CancelMaintenance(ctx, name, id)
		},
	} {
		routes = append(routes, Route{"POST " + base + "/{id}/" + verb, SignedIn, p.changeMaintenance(verb, do)})
	}
	return routes
}

// maintain does something to one maintenance of an instance.
type maintain = func(ctx context.Context, project *client.Project, name, id string) (api.Maintenance, error)

// pastMaintenance is how much of what was done is shown.
const pastMaintenance = 50

// work is maintenance in the order in which people look for it: what is to come, the
// next first, and what was.
type work struct{ open, past []api.Maintenance }

func sortWork(all []api.Maintenance) work {
	var w work
	for _, m := range all {
		if m.State == "planned" || m.State == "running" {
			w.open = append(w.open, m)
		} else {
			w.past = append(w.past, m)
		}
	}
	slices.SortFunc(w.open, func(a, b api.Maintenance) int { return cmp.Or(a.From.Compare(b.From), strings.Compare(a.ID, b.ID)) })
	return w
}

// calendar shows what is planned and was done on all of an organization's instances.
func (p *Portal) calendar(w http.ResponseWriter, r *http.Request, v *visit) error {
	feed, err := v.organization().CalendarFeed(r.Context())
	if err != nil {
		return err
	}
	return p.showCalendar(w, r, v, feed)
}

func (p *Portal) showCalendar(w http.ResponseWriter, r *http.Request, v *visit, feed api.CalendarFeed) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	open, err := v.organization().Maintenance(r.Context(), true, 0)
	if err != nil {
		return err
	}
	all, err := v.organization().Maintenance(r.Context(), false, pastMaintenance)
	if err != nil {
		return err
	}
	shown := work{open: sortWork(open).open, past: sortWork(all).past}
	return show(w, r, v, calendarPage(v, shown, feed))
}

// makeCalendarFeed answers with the page itself, as it is the only one with the
// address.
func (p *Portal) makeCalendarFeed(w http.ResponseWriter, r *http.Request, v *visit) error {
	feed, err := v.organization().MakeCalendarFeed(r.Context())
	if err != nil {
		return err
	}
	v.path = at("o", v.org, "maintenance")
	return p.showCalendar(w, r, v, feed)
}

func (p *Portal) endCalendarFeed(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := v.organization().EndCalendarFeed(r.Context()); err != nil {
		return err
	}
	redirect(w, r, done("calendar-ended", "o", v.org, "maintenance"))
	return nil
}

// maintenanceOf is what the page of an instance's maintenance shows.
type maintenanceOf struct {
	*shown
	work
	typed map[string]string
	wrong *formErrors
}

func (p *Portal) maintenanceOf(r *http.Request, v *visit) (*maintenanceOf, error) {
	s, err := p.instanceAt(r, v)
	if err != nil {
		return nil, err
	}
	v.path = s.path("maintenance")
	m := &maintenanceOf{shown: s, typed: map[string]string{}}
	all, err := s.project.Maintenance(r.Context(), s.Metadata.Name, pastMaintenance)
	m.work = sortWork(all)
	return m, err
}

func (m *maintenanceOf) window() api.MaintenanceSpec {
	if m.Spec.Maintenance == nil {
		return api.MaintenanceSpec{}
	}
	return *m.Spec.Maintenance
}

func (m *maintenanceOf) value(field, otherwise string) string {
	if typed, ok := m.typed[field]; ok {
		return typed
	}
	return otherwise
}

// weekdays are in the order in which the form has them.
var weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

func (p *Portal) maintenance(w http.ResponseWriter, r *http.Request, v *visit) error {
	m, err := p.maintenanceOf(r, v)
	if err != nil {
		return err
	}
	return show(w, r, v, maintenancePage(v, m))
}

// afterMaintenance leads back to the page, or shows on it what is wrong.
func (p *Portal) afterMaintenance(w http.ResponseWriter, r *http.Request, v *visit, m *maintenanceOf, err error, key string) error {
	if err == nil {
		redirect(w, r, m.path("maintenance")+"?done="+key)
		return nil
	}
	if m.wrong, err = formProblem(err); err != nil {
		return err
	}
	for field := range r.PostForm {
		m.typed[field] = r.PostForm.Get(field)
	}
	return refuse(w, r, v, maintenancePage(v, m))
}

func (p *Portal) setWindow(w http.ResponseWriter, r *http.Request, v *visit) error {
	m, err := p.maintenanceOf(r, v)
	if err != nil {
		return err
	}
	minutes, err := strconv.Atoi(strings.TrimSpace(r.PostForm.Get("minutes")))
	if err != nil {
		return p.afterMaintenance(w, r, v, m, mistake("minutes", v.T("backup.no-number")).problem, "")
	}
	window := map[string]any{"day": r.PostForm.Get("day"), "at": r.PostForm.Get("at"), "minutes": minutes, "timeZone": strings.TrimSpace(r.PostForm.Get("timeZone"))}
	_, err = m.project.Patch(r.Context(), m.Metadata.Name, map[string]any{"spec": map[string]any{"maintenance": window}}, "")
	return p.afterMaintenance(w, r, v, m, err, "window")
}

func (p *Portal) changeMaintenance(verb string, do maintain) func(w http.ResponseWriter, r *http.Request, v *visit) error {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		m, err := p.maintenanceOf(r, v)
		if err != nil {
			return err
		}
		_, err = do(r.Context(), m.project, m.Metadata.Name, r.PathValue("id"))
		return p.afterMaintenance(w, r, v, m, err, "maintenance-"+verb)
	}
}

// mayMaintain says whether the visitor may do something about a maintenance.
func mayMaintain(v *visit, m api.Maintenance) bool {
	return m.State == "planned" && v.may(authz.MaintenanceWrite, m.Project)
}

// maintenancePath is that of a form about a maintenance.
func maintenancePath(v *visit, m api.Maintenance, verb string) string {
	return at("o", v.org, "p", m.Project, "instances", m.Instance, "maintenance", m.ID, verb)
}

func maintenanceClass(m api.Maintenance) string {
	switch m.State {
	case "completed":
		return "good"
	case "failed":
		return "bad"
	case "cancelled":
		return "off"
	}
	return "busy"
}

// interruption is for how long clients were interrupted.
func (v *visit) interruption(m api.Maintenance) string {
	if m.Interruption == nil {
		return v.T("maintenance.unmeasured")
	}
	return time.Duration(*m.Interruption * float64(time.Second)).Round(10 * time.Millisecond).String()
}

// windowProblem is what is wrong with the window's length.
func windowProblem(m *maintenanceOf) string {
	return cmp.Or(m.wrong.within("maintenance.minutes"), m.wrong.within("minutes"))
}
