package portal

import (
	"net/http"
	"net/url"

	"souk/api"
	"souk/api/client"
	"souk/internal/portal/cookie"
)

// codeForm is the second step of a log-in.
type codeForm struct {
	back     string
	passkey  string // what to ask a passkey, as JSON; "" without one
	recovery bool   // by a recovery code
	failed   string
}

// secondStep is where to enter the code, and to go on to afterwards.
func secondStep(back string, recovery bool) string {
	q := url.Values{"return": {back}}
	if recovery {
		q.Set("recovery", "1")
	}
	return "/login/code?" + q.Encode()
}

func (p *Portal) codePage(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := codeForm{back: cookie.LocalPath(v.query.Get("return"), "/"), recovery: v.query.Get("recovery") != ""}
	if v.who != nil {
		redirect(w, r, form.back)
		return nil
	}
	if p.ticket.Secret(r) == "" {
		redirect(w, r, "/login?return="+url.QueryEscape(form.back))
		return nil
	}
	if asked, err := p.clientFor(r, "").AskPasskey(r.Context(), p.ticket.Secret(r)); err == nil {
		form.passkey = string(asked.PublicKey)
	}
	return show(w, r, v, codePage(v, form))
}

func (p *Portal) loginByCode(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := codeForm{back: cookie.LocalPath(r.PostForm.Get("return"), "/"), recovery: r.PostForm.Get("recovery") != ""}
	session, err := p.clientFor(r, "").FinishLogin(r.Context(), api.LoginFinish{Ticket: p.ticket.Secret(r), Code: r.PostForm.Get("code")})
	return p.secondStepDone(w, r, v, form, session, err)
}

// secondStepDone goes on with what a second step came to.
func (p *Portal) secondStepDone(w http.ResponseWriter, r *http.Request, v *visit, form codeForm, session api.LoginResponse, err error) error {
	switch {
	case client.IsCode(err, client.CodeLoginExpired):
		p.ticket.Clear(w)
		return refuse(w, r, v, loginPage(v, loginForm{back: form.back, failed: v.T("login.expired")}))
	case client.IsStatus(err, http.StatusUnauthorized):
		form.failed = v.T("login.wrong-code")
		return refuse(w, r, v, codePage(v, form))
	case err != nil:
		wrong, err := formProblem(err)
		if err != nil {
			return err
		}
		form.failed = wrong.summary(v)
		return refuse(w, r, v, codePage(v, form))
	}
	p.ticket.Clear(w)
	p.goOn(w, r, session, form.back)
	return nil
}
