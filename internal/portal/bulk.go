package portal

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"souk/api"
	"souk/api/client"
	"souk/internal/authz"
	"souk/internal/portal/cookie"
)

// bulkRoutes carry one action out on many instances of a project.
func (p *Portal) bulkRoutes() []Route {
	return []Route{
		{"GET /o/{org}/instances/bulk", SignedIn, p.confirmBulk},
		{"POST /o/{org}/instances/bulk", SignedIn, p.bulk},
	}
}

// bulkActions are the buttons below the list, in their order.
var bulkActions = []bulkAction{
	{actionNamed("suspend"), func(s *shown) bool { return !s.gone() && !s.suspended() }},
	{actionNamed("resume"), func(s *shown) bool { return !s.gone() && s.suspended() }},
	{actionNamed("protect"), func(s *shown) bool { return !s.gone() && !s.protected() }},
	{actionNamed("unprotect"), func(s *shown) bool { return !s.gone() && s.protected() }},
	{actionNamed("undelete"), func(s *shown) bool { return s.gone() && s.Status.PurgeAt != nil }},
	{instanceAction{name: "delete", do: func(ctx context.Context, p *client.Project, name string) (api.Instance, error) {
		return p.Delete(ctx, name)
	}}, func(s *shown) bool { return !s.gone() && !s.protected() }},
}

// bulkAction is an action, and which instances it changes.
type bulkAction struct {
	instanceAction
	fits func(s *shown) bool
}

func actionNamed(name string) instanceAction {
	i := slices.IndexFunc(instanceActions, func(a instanceAction) bool { return a.name == name })
	return instanceActions[i]
}

// bulkOf is what was chosen, and what comes of it.
type bulkOf struct {
	action  bulkAction
	project string
	back    string   // the list as it was
	fit     []*shown // that the action changes
	others  []*shown // that it leaves as they are
	unsure  bool     // a deletion that was not confirmed
	done    []string // names
	refused []refusal
}

// refusal is an instance that the API did not change, and why.
type refusal struct{ name, why string }

// chosen reads what was chosen in the list, or returns nil where nothing was.
func (p *Portal) chosen(r *http.Request, v *visit, form url.Values) (*bulkOf, error) {
	if _, err := v.settle(r.Context()); err != nil {
		return nil, err
	}
	b := &bulkOf{project: form.Get("project"), back: cookie.LocalPath(form.Get("back"), at("o", v.org, "instances"))}
	i := slices.IndexFunc(bulkActions, func(a bulkAction) bool { return a.name == form.Get("action") })
	names := form["name"]
	if i < 0 || len(names) > pageOfInstances {
		return nil, &client.Error{Status: http.StatusBadRequest, Code: "bad-form"}
	}
	b.action = bulkActions[i]
	if !v.may(authz.InstanceWrite, b.project) {
		return nil, forbidden()
	}
	project := v.organization().Project(b.project)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		i, etag, err := project.Instance(r.Context(), name)
		if client.IsStatus(err, http.StatusNotFound) {
			continue // gone for good meanwhile
		}
		if err != nil {
			return nil, err
		}
		if s := (&shown{Instance: i, etag: etag, project: project}); b.action.fits(s) {
			b.fit = append(b.fit, s)
		} else {
			b.others = append(b.others, s)
		}
	}
	return b, nil
}

// confirmBulk shows what would be changed before it is.
func (p *Portal) confirmBulk(w http.ResponseWriter, r *http.Request, v *visit) error {
	b, err := p.chosen(r, v, v.query)
	if err != nil {
		return err
	}
	return show(w, r, v, bulkPage(v, b))
}

// bulk makes the change, one instance at a time: what one refuses does not keep
// it from the others.
func (p *Portal) bulk(w http.ResponseWriter, r *http.Request, v *visit) error {
	b, err := p.chosen(r, v, r.PostForm)
	if err != nil {
		return err
	}
	if b.unsure = b.action.name == "delete" && r.PostForm.Get("sure") == ""; b.unsure {
		return refuse(w, r, v, bulkPage(v, b))
	}
	for _, s := range b.fit {
		_, err := b.action.do(r.Context(), s.project, s.Metadata.Name)
		if err == nil {
			b.done = append(b.done, s.Metadata.Name)
			continue
		}
		wrong, err := formProblem(err)
		if err != nil {
			return err
		}
		b.refused = append(b.refused, refusal{s.Metadata.Name, wrong.summary(v)})
	}
	if len(b.refused) > 0 {
		return refuse(w, r, v, bulkRefusedPage(v, b))
	}
	redirect(w, r, withDone(b.back, "bulk-"+b.action.name))
	return nil
}

// withDone adds to a path of ours what was just done.
func withDone(path, key string) string {
	u, err := url.Parse(path)
	if err != nil {
		return path
	}
	q := u.Query()
	q.Set("done", key)
	u.RawQuery = q.Encode()
	return u.String()
}

// bulkProblem is what is wrong with the confirmation.
func (v *visit) bulkProblem(b *bulkOf) string {
	if b.unsure {
		return v.T("bulk.not-sure")
	}
	return ""
}
