package portal

import (
	"cmp"
	"context"
	"net/http"
	"net/url"

	"souk/api"
	"souk/api/client"
	"souk/internal/authz"
)

func (p *Portal) instanceRoutes() []Route {
	return append(p.bulkRoutes(),
		Route{"GET /o/{org}", SignedIn, p.overview},
		Route{"GET /o/{org}/instances", SignedIn, p.instances},
		Route{"GET /o/{org}/stream", SignedIn, p.stream},
	)
}

// pageOfInstances is what the list shows at once.
const pageOfInstances = 50

// listing is a project's list as its URL asks for it.
type listing struct {
	projects []api.Project
	project  string
	filter   client.ListOptions
	items    []api.Instance
	next     string
	query    url.Values
	path     string // of the list; "": that of the page it is shown on
}

// with is the URL of the listing with one thing changed; a new choice begins at
// the first page.
func (l listing) with(key, value string) string {
	q := url.Values{}
	for k, values := range l.query {
		if k != "cursor" && k != "done" && len(values) > 0 && values[0] != "" {
			q.Set(k, values[0])
		}
	}
	if value == "" {
		q.Del(key)
	} else {
		q.Set(key, value)
	}
	return l.path + "?" + q.Encode()
}

// sorted is the URL that sorts by a column, in the other direction when it is
// sorted by that already, and what screen readers say of it.
func (l listing) sorted(column string) (to, aria string) {
	switch cmp.Or(l.filter.Sort, "createdAt") {
	case column:
		return l.with("sort", "-"+column), "ascending"
	case "-" + column:
		return l.with("sort", column), "descending"
	}
	return l.with("sort", column), "none"
}

// bulk says whether the visitor can change what the list shows.
func (l listing) bulk(v *visit) bool { return v.may(authz.InstanceWrite, l.project) }

func (l listing) filtered() bool {
	f := l.filter
	return f.Text != "" || f.Phase != "" || f.Service != "" || f.Zone != ""
}

func (p *Portal) instances(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	projects, err := v.organization().Projects(r.Context())
	if err != nil {
		return err
	}
	q := v.query
	l := listing{projects: projects, project: q.Get("project"), query: q, filter: client.ListOptions{
		Text: q.Get("q"), Phase: api.Phase(q.Get("phase")), Service: q.Get("service"), Zone: q.Get("zone"), Sort: q.Get("sort")}}
	if l.project == "" && len(projects) > 0 {
		l.project = projects[0].Metadata.Name
	}
	if l.project != "" {
		page, err := v.organization().Project(l.project).InstancesPage(r.Context(), l.filter, pageOfInstances, q.Get("cursor"))
		if err != nil {
			return err
		}
		l.items, l.next = page.Items, page.Next
	}
	return show(w, r, v, instancesPage(v, l))
}

// summary is what an organization sees first.
type summary struct {
	organization api.Organization
	recent       []api.Instance
	attention    []api.Instance
	quota        api.QuotaUse
	cost         *api.CostSummary // nil: the role does not see costs
	costLater    bool             // or it is asked for once the page is there
}

// costAtOnce is with how many instances the overview waits for their cost.
const costAtOnce = 500

// readCost reads the cost so far where the role sees it.
func (s *summary) readCost(ctx context.Context, v *visit) error {
	if s.costLater = v.may(authz.CostRead, "") && s.quota.Used.Instances > costAtOnce; s.costLater {
		return nil
	}
	cost, err := v.organization().CostSummary(ctx, "")
	if err != nil {
		if client.IsStatus(err, http.StatusForbidden) {
			return nil
		}
		return err
	}
	s.cost = &cost
	return nil
}

func (p *Portal) overview(w http.ResponseWriter, r *http.Request, v *visit) error {
	o, err := v.settle(r.Context())
	if err != nil {
		return err
	}
	s := summary{organization: o}
	if s.quota, err = v.organization().Quota(r.Context()); err != nil {
		return err
	}
	if err := s.readCost(r.Context(), v); err != nil {
		return err
	}
	projects, err := v.organization().Projects(r.Context())
	if err != nil && !client.IsStatus(err, http.StatusForbidden) {
		return err
	}
	for _, project := range projects {
		page, err := v.organization().Project(project.Metadata.Name).InstancesPage(r.Context(), client.ListOptions{Sort: "-updatedAt"}, pageOfInstances, "")
		if err != nil {
			return err
		}
		for _, i := range page.Items {
			switch {
			case i.Status.BlockedBy != "" || phaseClass(i.Status.Phase) == "bad":
				s.attention = append(s.attention, i)
			case len(s.recent) < 10 && i.Status.Phase != api.PhasePurged:
				s.recent = append(s.recent, i)
			}
		}
	}
	return show(w, r, v, overviewPage(v, s))
}

// instancePath is where the page of an instance is.
func instancePath(i api.Instance, rest ...string) string {
	return at(append([]string{"o", i.Metadata.Organization, "p", i.Metadata.Project, "instances", i.Metadata.Name}, rest...)...)
}

func (s summary) title() string {
	return cmp.Or(s.organization.DisplayName, s.organization.Metadata.Name)
}
