package portal

import (
	"net/http"
	"strconv"

	"souk/api"
)

func (p *Portal) bindingRoutes() []Route {
	const base = instanceBase + "/bindings"
	return []Route{
		{"GET " + base, SignedIn, p.bindings},
		{"POST " + base, SignedIn, p.createBinding},
		{"POST " + base + "/{binding}/rotate", SignedIn, p.rotateBinding},
		{"POST " + base + "/{binding}/revoke", SignedIn, p.revokeBinding},
		{"POST " + base + "/{binding}/reveal", SignedIn, p.revealBinding},
	}
}

// bindingsOf is what the page of an instance's bindings shows.
type bindingsOf struct {
	*shown
	bindings []api.Binding
	name     string // as typed for a new one
	revealed *api.Credentials
	wrong    *formErrors
}

// overlaps are the choices of how long an old log-in goes on, in seconds.
var overlaps = []int64{3600, 0, 86400, 604800}

func (p *Portal) bindingsOf(r *http.Request, v *visit) (*bindingsOf, error) {
	s, err := p.instanceAt(r, v)
	if err != nil {
		return nil, err
	}
	v.path = s.path("bindings")
	b := &bindingsOf{shown: s}
	b.bindings, err = s.project.Bindings(r.Context(), s.Metadata.Name)
	return b, err
}

func (p *Portal) bindings(w http.ResponseWriter, r *http.Request, v *visit) error {
	b, err := p.bindingsOf(r, v)
	if err != nil {
		return err
	}
	return show(w, r, v, bindingsPage(v, b))
}

// changeBindings carries a form out and comes back to the page.
func (p *Portal) changeBindings(w http.ResponseWriter, r *http.Request, v *visit, key string, do func(b *bindingsOf) error) error {
	b, err := p.bindingsOf(r, v)
	if err != nil {
		return err
	}
	if err := do(b); err != nil {
		if b.wrong, err = formProblem(err); err != nil {
			return err
		}
		return refuse(w, r, v, bindingsPage(v, b))
	}
	redirect(w, r, b.path("bindings")+"?done="+key)
	return nil
}

func (p *Portal) createBinding(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.changeBindings(w, r, v, "binding-created", func(b *bindingsOf) error {
		b.name = r.PostForm.Get("name")
		_, err := b.project.CreateBinding(r.Context(), b.Metadata.Name, api.BindingCreate{Name: b.name})
		return err
	})
}

func (p *Portal) rotateBinding(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.changeBindings(w, r, v, "binding-rotated", func(b *bindingsOf) error {
		overlap := overlaps[0]
		if seconds, err := strconv.ParseInt(r.PostForm.Get("overlap"), 10, 64); err == nil {
			overlap = seconds
		}
		_, err := b.project.RotateBinding(r.Context(), b.Metadata.Name, r.PathValue("binding"), api.BindingRotate{OverlapSeconds: &overlap})
		return err
	})
}

func (p *Portal) revokeBinding(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.changeBindings(w, r, v, "binding-revoked", func(b *bindingsOf) error {
		if r.PostForm.Get("sure") == "" {
			return mistake("sure", v.T("binding.not-sure")).problem
		}
		return b.project.RevokeBinding(r.Context(), b.Metadata.Name, r.PathValue("binding"))
	})
}

// revealBinding shows a binding's password, which the API writes to the audit log.
func (p *Portal) revealBinding(w http.ResponseWriter, r *http.Request, v *visit) error {
	b, err := p.bindingsOf(r, v)
	if err != nil {
		return err
	}
	c, err := b.project.BindingCredentials(r.Context(), b.Metadata.Name, r.PathValue("binding"))
	if err != nil {
		if b.wrong, err = formProblem(err); err != nil {
			return err
		}
		return refuse(w, r, v, bindingsPage(v, b))
	}
	b.revealed = &c
	return show(w, r, v, bindingsPage(v, b))
}

// problem is what is wrong with the name of a new binding.
func (b *bindingsOf) problem() string {
	if b.wrong.code("name-taken") {
		return b.wrong.problem.Detail
	}
	return b.wrong.within("name")
}

// elsewhere is what is wrong with anything else.
func (b *bindingsOf) elsewhere() *formErrors {
	if b.problem() != "" {
		return nil
	}
	if text := b.wrong.within("sure"); text != "" {
		return &formErrors{&problem{Detail: text}}
	}
	return b.wrong
}

func bindingClass(phase string) string {
	switch phase {
	case "Ready":
		return "good"
	case "Revoked":
		return "off"
	}
	return "busy"
}
