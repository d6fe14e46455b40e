package portal

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/a-h/templ"

	"souk/api"
	"souk/internal/portal/cookie"
)

func (p *Portal) signOnRoutes() []Route {
	return []Route{
		{"GET /sso/start", Anybody, p.signOnPage},
		{"POST /sso/start", Anybody, p.startSignOn},
		{"GET /sso/callback", Anybody, p.finishSignOn},
	}
}

// signOnForm asks who wants to sign in by their organization.
type signOnForm struct {
	email, organization, back string
	failed                    string // all that is wrong
	wrong                     *formErrors
}

func (p *Portal) signOnPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	back := cookie.LocalPath(v.query.Get("return"), "/")
	if v.who != nil {
		redirect(w, r, back)
		return nil
	}
	return show(w, r, v, signOnPage(v, signOnForm{email: v.query.Get("email"), organization: v.query.Get("organization"), back: back}))
}

// signOnPath is the page at which somebody begins who then wants to go back.
func signOnPath(back string) templ.SafeURL {
	return templ.SafeURL("/sso/start?return=" + url.QueryEscape(back))
}

// startSignOn leads to the provider. A browser that follows a form is held to this
// site (form-action), so that a page leads there.
func (p *Portal) startSignOn(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := signOnForm{email: r.PostForm.Get("email"), organization: r.PostForm.Get("organization"), back: cookie.LocalPath(r.PostForm.Get("return"), "/")}
	flow, err := p.clientFor(r, "").StartSSO(r.Context(), api.SSOStart{Email: form.email, Organization: form.organization, ReturnTo: form.back})
	if err != nil {
		if form.wrong, err = formProblem(err); err != nil {
			return err
		}
		return refuse(w, r, v, signOnPage(v, form))
	}
	p.signOn.Set(w, flow.Secret, flow.ExpiresAt)
	return leave(w, r, v, flow.URL, v.T("signon.leaving", "organization", flow.Organization), v.T("signon.leaving-text"))
}

// finishSignOn takes what the provider sent the browser back with. The secret in
// the browser is used up, whatever becomes of it.
func (p *Portal) finishSignOn(w http.ResponseWriter, r *http.Request, v *visit) error {
	secret, q := p.signOn.Secret(r), v.query
	p.signOn.Clear(w)
	session, err := p.clientFor(r, "").FinishSSO(r.Context(), api.SSOFinish{
		Secret: short(secret, 128), State: short(q.Get("state"), 512), Code: short(q.Get("code"), 4096), Issuer: short(q.Get("iss"), 512), Error: short(q.Get("error"), 256),
	})
	if refused := new(problem); errors.As(err, &refused) && refused.Status < http.StatusInternalServerError {
		return refuse(w, r, v, signOnPage(v, signOnForm{back: "/", failed: v.errorText(refused)}))
	}
	if err != nil {
		return err
	}
	p.goOn(w, r, session.LoginResponse, cookie.LocalPath(session.ReturnTo, "/"))
	return nil
}

// short is text that the API takes; what is longer nobody sent who means well.
func short(text string, most int) string {
	if len(text) > most {
		return ""
	}
	return text
}

// leave shows a page that leads to another site, where the person's organization
// has its log-in.
func leave(w http.ResponseWriter, r *http.Request, v *visit, to, title, text string) error {
	u, err := url.Parse(to)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return errors.New("an identity provider's address is none")
	}
	w.Header().Set("Refresh", "0; url="+u.String())
	return show(w, r, v, leavingPage(v, u.String(), u.Host, title, text))
}

// providerSignOut is where the session ends that the visitor has at their
// organization's provider, or "".
func (v *visit) providerSignOut(r *http.Request) string {
	if v.who == nil || v.who.SSO == "" {
		return ""
	}
	sso, err := v.client.AccountSSO(r.Context())
	if err != nil {
		return "" // the session here ends all the same
	}
	return sso.SignOutURL
}
