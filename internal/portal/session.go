package portal

import (
	"net/http"
	"time"

	"souk/api"
	"souk/api/client"
	"souk/internal/portal/cookie"
)

func (p *Portal) sessionRoutes() []Route {
	return []Route{
		{"GET /login", Anybody, p.loginPage},
		{"POST /login", Anybody, p.login},
		{"GET /login/code", Anybody, p.codePage},
		{"POST /login/code", Anybody, p.loginByCode},
		{"POST /logout", Anybody, p.logout},
		{"POST /settings", Anybody, p.settings},
	}
}

// loginForm is what the page shows again after a mistake; never the password.
type loginForm struct {
	email, back string
	failed      string
}

func (p *Portal) loginPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	back := cookie.LocalPath(v.query.Get("return"), "/")
	if v.who != nil {
		redirect(w, r, back)
		return nil
	}
	return show(w, r, v, loginPage(v, loginForm{back: back}))
}

func (p *Portal) login(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := loginForm{email: r.PostForm.Get("email"), back: cookie.LocalPath(r.PostForm.Get("return"), "/")}
	// As nobody: a session that the browser had plays no part.
	started, err := p.clientFor(r, "").StartLogin(r.Context(), api.LoginStart{Email: form.email, Password: r.PostForm.Get("password")})
	if client.IsStatus(err, http.StatusUnauthorized) {
		form.failed = v.T("login.failed")
		return refuse(w, r, v, loginPage(v, form))
	}
	if client.IsCode(err, "email-not-verified") {
		p.waitForMail(w, r, form.email)
		return nil
	}
	if err != nil {
		wrong, err := formProblem(err)
		if err != nil {
			return err
		}
		form.failed = wrong.problem.Error()
		return refuse(w, r, v, loginPage(v, form))
	}
	if started.Session == nil {
		p.ticket.Set(w, started.Ticket, *started.TicketExpiresAt)
		redirect(w, r, secondStep(form.back, false))
		return nil
	}
	p.goOn(w, r, *started.Session, form.back)
	return nil
}

// goOn goes on with the session that a log-in began.
func (p *Portal) goOn(w http.ResponseWriter, r *http.Request, session api.LoginResponse, back string) {
	p.session.Set(w, session.Token, session.ExpiresAt)
	switch {
	case back != "/":
	case len(session.Organizations) > 0:
		back = at("o", session.Organizations[0].Name)
	default:
		back = "/organizations/new"
	}
	redirect(w, r, back)
}

// logout ends the session in the record first: a copied cookie is dead as well.
func (p *Portal) logout(w http.ResponseWriter, r *http.Request, v *visit) error {
	bye := v.providerSignOut(r)
	if v.who != nil {
		if err := v.client.Logout(r.Context()); err != nil {
			return err
		}
	}
	p.session.Clear(w)
	if bye != "" {
		v.who = nil
		return leave(w, r, v, bye, v.T("signon.bye"), v.T("signon.bye-text"))
	}
	redirect(w, r, cookie.LocalPath(r.PostForm.Get("return"), "/login"))
	return nil
}

// settings keeps language and appearance in the browser.
func (p *Portal) settings(w http.ResponseWriter, r *http.Request, v *visit) error {
	for field, allowed := range map[string][]string{"lang": {"en", "de"}, "theme": {"auto", "light", "dark"}} {
		for _, value := range allowed {
			if r.PostForm.Get(field) == value {
				p.keep(w, field, value)
			}
		}
	}
	redirect(w, r, cookie.LocalPath(r.PostForm.Get("return"), "/"))
	return nil
}

// keep has the browser keep a choice.
func (p *Portal) keep(w http.ResponseWriter, field, value string) {
	http.SetCookie(w, &http.Cookie{Name: "souk-" + field, Value: value, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()), HttpOnly: true, Secure: p.Secure, SameSite: http.SameSiteLaxMode})
}
