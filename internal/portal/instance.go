package portal

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"souk/api"
	"souk/api/client"
	"souk/internal/authz"
	"souk/internal/servicepkg"
)

const instanceBase = "/o/{org}/p/{project}/instances/{name}"

func (p *Portal) instancePageRoutes() []Route {
	routes := []Route{
		{"GET " + instanceBase, SignedIn, p.instance},
		{"GET " + instanceBase + "/ca.pem", SignedIn, p.authority},
		{"POST " + instanceBase + "/reveal", SignedIn, p.reveal},
	}
	for _, a := range instanceActions {
		routes = append(routes, Route{"POST " + instanceBase + "/" + a.name, SignedIn, p.act(a)})
	}
	routes = append(routes, p.bindingRoutes()...)
	routes = append(routes, p.backupRoutes()...)
	routes = append(routes, p.logRoutes()...)
	routes = append(routes, p.maintenanceRoutes()...)
	routes = append(routes, p.metricsRoutes()...)
	routes = append(routes, p.availabilityRoutes()...)
	return append(routes, p.settingsRoutes()...)
}

// shown is an instance on one of its pages.
type shown struct {
	api.Instance
	etag    string
	project *client.Project
}

// instanceAt reads the instance that the page is about.
func (p *Portal) instanceAt(r *http.Request, v *visit) (*shown, error) {
	if _, err := v.settle(r.Context()); err != nil {
		return nil, err
	}
	s := &shown{project: v.organization().Project(r.PathValue("project"))}
	var err error
	s.Instance, s.etag, err = s.project.Instance(r.Context(), r.PathValue("name"))
	return s, err
}

// path is that of the instance's page, or of one below it.
func (s *shown) path(rest ...string) string { return instancePath(s.Instance, rest...) }

// may says whether the visitor's role allows something with the instance.
func (s *shown) may(v *visit, a authz.Action) bool { return v.may(a, s.Metadata.Project) }

// gone says that it was deleted, for now or for good.
func (s *shown) gone() bool {
	return s.Status.Phase == api.PhaseDeleting || s.Status.Phase == api.PhaseDeleted || s.Status.Phase == api.PhasePurged
}

// connectable says that clients can, or will again, connect.
func (s *shown) connectable() bool { return s.Status.Endpoint != nil && !s.gone() }

// suspended says whether the customer has suspended it.
func (s *shown) suspended() bool { return slices.Contains(s.Status.SuspendedFor, "user") }

func (s *shown) protected() bool { return s.Spec.Protected == nil || *s.Spec.Protected }

// underWay says that it will soon be something else.
func (s *shown) underWay() bool {
	switch s.Status.Phase {
	case api.PhasePending, api.PhaseProvisioning, api.PhaseUpdating, api.PhaseMaintaining, api.PhaseDeleting:
		return s.Status.BlockedBy == ""
	}
	return false
}

// tabs are the instance's pages.
func (s *shown) tabs(v *visit) []entry {
	return []entry{{v.T("instance.overview"), s.path()}, {v.T("instance.bindings"), s.path("bindings")}, {v.T("instance.backups"), s.path("backups")}, {v.T("instance.maintenance"), s.path("maintenance")}, {v.T("instance.logs"), s.path("logs")}, {v.T("instance.metrics"), s.path("metrics")}, {v.T("instance.availability"), s.path("availability")}, {v.T("instance.settings"), s.path("settings")}}
}

// overviewOf is what the first page of an instance shows.
type overviewOf struct {
	*shown
	events   []api.Event
	firing   []api.Alert
	cost     *api.Cost    // nil: the role does not see costs
	usage    *api.Usage   // of this month; nil: its service has no meters
	offering api.Offering // that it was ordered from; empty: it is not on offer any more
	snippets []api.Snippet
	login    string
	revealed *api.Credentials
	wrong    *formErrors
	// maintenance is what is under way or comes next; nil: nothing is planned.
	maintenance *api.Maintenance
}

// recentEvents are shown of the timeline.
const recentEvents = 30

func (p *Portal) instance(w http.ResponseWriter, r *http.Request, v *visit) error {
	o, err := p.overviewOf(r, v)
	if err != nil {
		return err
	}
	return show(w, r, v, instancePage(v, o))
}

// overviewOf reads all that the page shows at once.
func (p *Portal) overviewOf(r *http.Request, v *visit) (*overviewOf, error) {
	s, err := p.instanceAt(r, v)
	if err != nil {
		return nil, err
	}
	o := &overviewOf{shown: s}
	reading, ctx := errgroup.WithContext(r.Context())
	for _, read := range []func(context.Context, *visit) error{o.timeline, o.planned, o.alerts, o.costs, o.catalog, o.connection} {
		reading.Go(func() error { return read(ctx, v) })
	}
	return o, reading.Wait()
}

func (o *overviewOf) timeline(ctx context.Context, _ *visit) (err error) {
	o.events, err = o.project.Events(ctx, o.Metadata.Name, recentEvents)
	return err
}

func (o *overviewOf) planned(ctx context.Context, _ *visit) error {
	planned, err := o.project.Maintenance(ctx, o.Metadata.Name, pastMaintenance)
	if open := sortWork(planned).open; len(open) > 0 {
		o.maintenance = &open[0]
	}
	return err
}

func (o *overviewOf) alerts(ctx context.Context, v *visit) (err error) {
	o.firing, err = v.organization().FiringAlerts(ctx, o.Metadata.ID)
	return err
}

func (o *overviewOf) costs(ctx context.Context, _ *visit) error {
	cost, err := o.project.Cost(ctx, o.Metadata.Name)
	if err == nil {
		o.cost = &cost
	}
	if client.IsStatus(err, http.StatusForbidden) {
		return nil
	}
	return err
}

// catalog reads what the service, if it is still on offer, says of itself, and what was
// used of what it meters.
func (o *overviewOf) catalog(ctx context.Context, v *visit) error {
	service, err := v.client.Service(ctx, o.Spec.Service)
	if client.IsStatus(err, http.StatusNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	o.snippets = service.Snippets
	for _, each := range service.Offerings {
		if each.Zone == o.Spec.Zone && each.ServiceLevel == o.Spec.ServiceLevel {
			o.offering = each
		}
	}
	if len(service.Meters) == 0 {
		return nil
	}
	used, err := o.project.Usage(ctx, o.Metadata.Name, "")
	if err == nil {
		o.usage = &used
	}
	return err
}

// connection reads how clients connect; nothing of it is secret.
func (o *overviewOf) connection(ctx context.Context, _ *visit) error {
	if !o.connectable() {
		return nil
	}
	binding, err := o.project.Binding(ctx, o.Metadata.Name, "default")
	o.login = binding.Login
	return err
}

// fill puts the instance's address into a snippet.
func (o *overviewOf) fill(text string) string {
	e := o.Status.Endpoint
	return strings.TrimSuffix(strings.NewReplacer("{{HOST}}", e.Host, "{{PORT}}", strconv.Itoa(e.Port), "{{DATABASE}}", e.Database, "{{LOGIN}}", o.login, servicepkg.CAFile, caFile(o.Instance)).Replace(text), "\n")
}

// caFile is the name under which the page gives the authority away.
func caFile(i api.Instance) string { return i.Metadata.Name + "-ca.pem" }

// withAuthority puts the file's name into what a client is given, also within a URL.
func withAuthority(i api.Instance, value string) string {
	return strings.NewReplacer(servicepkg.CAFile, caFile(i), url.QueryEscape(servicepkg.CAFile), caFile(i)).Replace(value)
}

// environment writes credentials as lines for a shell.
func environment(i api.Instance, c api.Credentials) string {
	var lines []string
	for name, value := range c.Env {
		value = withAuthority(i, value)
		lines = append(lines, "export "+name+"='"+strings.ReplaceAll(value, "'", `'\''`)+"'")
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// address is the URL that clients connect to: where the service has a variable for
// it, with all that this says of how the server is verified.
func address(i api.Instance, c api.Credentials) string {
	for name, value := range c.Env {
		if strings.HasSuffix(name, "_URL") {
			return withAuthority(i, value)
		}
	}
	return c.URI
}

// reveal shows the password, which the API writes to the audit log. The answer is
// a page and no redirect: a secret is in no URL, and is not kept for a second look.
func (p *Portal) reveal(w http.ResponseWriter, r *http.Request, v *visit) error {
	o, err := p.overviewOf(r, v)
	if err != nil {
		return err
	}
	v.path = o.path()
	c, err := o.project.Credentials(r.Context(), o.Metadata.Name)
	if err != nil {
		if o.wrong, err = formProblem(err); err != nil {
			return err
		}
		return refuse(w, r, v, instancePage(v, o))
	}
	o.revealed = &c
	return show(w, r, v, instancePage(v, o))
}

// authority gives the CA's certificate as a file.
func (p *Portal) authority(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := p.instanceAt(r, v)
	if err != nil {
		return err
	}
	if !s.connectable() {
		return &client.Error{Status: http.StatusNotFound}
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	w.Header().Set("Content-Disposition", `attachment; filename="`+caFile(s.Instance)+`"`)
	_, _ = w.Write([]byte(s.Status.Endpoint.CA)) // fails only when the reader has gone
	return nil
}

// instanceAction is a form of one button.
type instanceAction struct {
	name string
	do   func(ctx context.Context, p *client.Project, name string) (api.Instance, error)
	back []string // the page that one comes back to, below the instance's
}

var instanceActions = []instanceAction{
	{"protect", func(ctx context.Context, p *client.Project, name string) (api.Instance, error) {
		return p.Protect(ctx, name)
	}, []string{"settings"}},
	{"unprotect", func(ctx context.Context, p *client.Project, name string) (api.Instance, error) {
		return p.Unprotect(ctx, name)
	}, []string{"settings"}},
	{"suspend", func(ctx context.Context, p *client.Project, name string) (api.Instance, error) {
		return p.Suspend(ctx, name, api.SuspendRequest{})
	}, nil},
	{"resume", func(ctx context.Context, p *client.Project, name string) (api.Instance, error) {
		return p.Resume(ctx, name, api.SuspendRequest{})
	}, nil},
	{"undelete", func(ctx context.Context, p *client.Project, name string) (api.Instance, error) {
		return p.Undelete(ctx, name)
	}, nil},
}

func (p *Portal) act(a instanceAction) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		s, err := p.instanceAt(r, v)
		if err != nil {
			return err
		}
		if _, err := a.do(r.Context(), s.project, s.Metadata.Name); err != nil {
			return p.refuseAction(w, r, v, s, err)
		}
		redirect(w, r, s.path(a.back...)+"?done="+a.name)
		return nil
	}
}

// refuseAction shows the settings, where all actions are, with what stood in the way.
func (p *Portal) refuseAction(w http.ResponseWriter, r *http.Request, v *visit, s *shown, err error) error {
	wrong, err := formProblem(err)
	if err != nil {
		return err
	}
	f, err := newChangeForm(r.Context(), v, s)
	if err != nil {
		return err
	}
	v.path = s.path("settings")
	f.actionWrong = wrong
	return refuse(w, r, v, instanceSettingsPage(v, f))
}

// used is the share of the storage that is taken, in percent, at most 100.
func (s *shown) used() int64 {
	if s.Status.AppliedStorageGiB == 0 {
		return 0
	}
	return min(100, s.Status.StorageUsedBytes*100/(s.Status.AppliedStorageGiB<<30))
}

// streamOf is the stream of what happens to the instance.
func streamOf(v *visit, s *shown) string {
	return at("o", v.org, "stream") + "?" + url.Values{"project": {s.Metadata.Project}, "instance": {s.Metadata.Name}}.Encode()
}

// fullMoment is a time with its day and zone, for sentences.
func (v *visit) fullMoment(at time.Time) string { return at.In(v.zone).Format("2006-01-02 15:04 MST") }

// fullSecond is fullMoment to the second.
func (v *visit) fullSecond(at time.Time) string {
	return at.In(v.zone).Format("2006-01-02 15:04:05 MST")
}
