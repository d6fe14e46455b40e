package portal

import (
	"cmp"
	"net/http"
	"regexp"

	"souk/api"
	"souk/api/client"
	"souk/internal/portal/help"
)

func (p *Portal) helpRoutes() []Route {
	return []Route{
		{"GET /docs", Anybody, p.docs},
		{"GET /docs/{page}", Anybody, p.doc},
	}
}

func (p *Portal) docs(w http.ResponseWriter, r *http.Request, v *visit) error {
	words := v.query.Get("q")
	if len(words) > 200 {
		words = words[:200]
	}
	return show(w, r, v, docsPage(v, words, help.Search(v.Lang, words)))
}

// docView is a page of the documentation with the visitor's own names in it.
type docView struct {
	page    help.Page
	html    string
	example help.Example
	own     bool // the names are the visitor's
}

func (p *Portal) doc(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, ok := help.Find(v.Lang, r.PathValue("page"))
	if !ok {
		return &client.Error{Status: http.StatusNotFound}
	}
	d := docView{page: page, example: help.Example{Organization: "my-organization", Project: "default", Instance: "db1", Server: p.server(r)}}
	if err := d.fill(r, v); err != nil {
		return err
	}
	var err error
	if d.html, err = page.HTML(d.example, v.T("copy.do"), v.T("copy.done")); err != nil {
		return err
	}
	return show(w, r, v, docPage(v, d))
}

// fill puts the names of an organization of the visitor's into the examples: of
// the one that is asked for, or else of the first.
func (d *docView) fill(r *http.Request, v *visit) error {
	if v.who == nil || len(v.who.Organizations) == 0 {
		return nil
	}
	chosen := v.who.Organizations[0]
	for _, o := range v.who.Organizations {
		if o.Name == v.query.Get("organization") {
			chosen = o
		}
	}
	d.own, d.example.Organization = true, chosen.Name
	o := v.client.Organization(chosen.Name)
	projects, err := o.Projects(r.Context())
	if client.IsStatus(err, http.StatusForbidden) || err == nil && len(projects) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	d.example.Project = projects[0].Metadata.Name
	page, err := o.Project(d.example.Project).InstancesPage(r.Context(), client.ListOptions{Sort: "-updatedAt"}, 1, "")
	if err == nil && len(page.Items) > 0 && page.Items[0].Status.Phase != api.PhasePurged {
		d.example.Instance = page.Items[0].Metadata.Name
	}
	return err
}

// hosts are names that can stand in an example.
var hosts = regexp.MustCompile(`^[A-Za-z0-9.:\[\]-]+$`)

// server is the address that the visitor has called.
func (p *Portal) server(r *http.Request) string {
	scheme, host := "http", cmp.Or(r.Host, "souk.example")
	if p.Secure || r.TLS != nil {
		scheme = "https"
	}
	if !hosts.MatchString(host) {
		host = "souk.example"
	}
	return scheme + "://" + host
}
