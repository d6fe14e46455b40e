package portal

import (
	"net/http"
	"strings"
	"time"

	"souk/api"
	"souk/api/client"
)

// lookingCookie keeps which view the operator's staff look in: its ID and the
// organization. It is no secret: the API takes it from the session that began it
// only.
const lookingCookie = "souk-view"

// lookingIn returns what the browser keeps, or nothing.
func lookingIn(r *http.Request) (view, organization string) {
	c, err := r.Cookie(lookingCookie)
	if err != nil || len(c.Value) > 128 {
		return "", ""
	}
	view, organization, _ = strings.Cut(c.Value, ".")
	return view, organization
}

func (p *Portal) keepLooking(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{Name: lookingCookie, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: p.Secure, SameSite: http.SameSiteLaxMode})
}

// look makes the visit one of the view that the browser keeps: within its
// organization the pages are asked for in it, everywhere they say so. It says
// whether it has answered, as the view has ended.
func (p *Portal) look(w http.ResponseWriter, r *http.Request, v *visit) (answered bool, err error) {
	view, organization := lookingIn(r)
	if view == "" || v.who == nil {
		return false, nil
	}
	c := p.clientFor(r, v.secret, client.WithView(view))
	who, err := c.Whoami(r.Context())
	if client.IsStatus(err, http.StatusForbidden) {
		p.keepLooking(w, "", -1)
		if v.org != "" && v.org == organization {
			redirect(w, r, done("view-ended", "operator", "organizations", organization))
			return true, nil
		}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	v.looking = who.View
	if v.looking != nil && v.org == v.looking.Organization {
		v.client, v.who = c, &who
	}
	return false, nil
}

// lookForm is why somebody wants to look.
type lookForm struct {
	reason string
	wrong  *formErrors
}

func (p *Portal) startLooking(w http.ResponseWriter, r *http.Request, v *visit) error {
	name := r.PathValue("name")
	form := lookForm{reason: r.PostForm.Get("reason")}
	view, err := v.client.Operator().StartView(r.Context(), name, api.ViewStart{Reason: form.reason})
	if err == nil {
		p.keepLooking(w, view.ID+"."+view.Organization, int(view.EndsAt.Sub(view.StartedAt)/time.Second))
		redirect(w, r, at("o", view.Organization))
		return nil
	}
	if form.wrong, err = formProblem(err); err != nil {
		return err
	}
	c, err := p.newCustomerView(r, v)
	if err != nil {
		return err
	}
	c.form, c.look = quotaFormOf(c.Quota.Quota), form
	return refuse(w, r, v, customerPage(v, c))
}

// stopLooking ends the view. One that has ended already is no mistake.
func (p *Portal) stopLooking(w http.ResponseWriter, r *http.Request, v *visit) error {
	view, organization := lookingIn(r)
	if view != "" {
		if err := v.client.Operator().EndView(r.Context(), view); err != nil && !client.IsStatus(err, http.StatusNotFound) && !client.IsStatus(err, http.StatusUnprocessableEntity) {
			return err
		}
	}
	p.keepLooking(w, "", -1)
	if organization == "" {
		redirect(w, r, "/operator")
		return nil
	}
	redirect(w, r, done("view-ended", "operator", "organizations", organization))
	return nil
}
