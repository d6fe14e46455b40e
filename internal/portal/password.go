package portal

import (
	"net/http"
	"strings"

	"souk/api"
)

// passwordRoutes let somebody in who has forgotten the password.
func (p *Portal) passwordRoutes() []Route {
	return []Route{
		{"GET /password/forgot", Anybody, p.forgotPage},
		{"POST /password/forgot", Anybody, p.forgot},
		{"GET /password/sent", Anybody, p.forgotSent},
		{"GET /password/reset", Anybody, p.resetPage},
		{"POST /password/reset", Anybody, p.reset},
	}
}

func (p *Portal) forgotPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	return show(w, r, v, forgotPage(v, mailForm{}))
}

func (p *Portal) forgot(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := mailForm{email: strings.TrimSpace(r.PostForm.Get("email"))}
	if err := p.clientFor(r, "").ForgotPassword(r.Context(), form.email); err != nil {
		if form.wrong, err = formProblem(err); err != nil {
			return err
		}
		return refuse(w, r, v, forgotPage(v, form))
	}
	p.handOver(w, "/password", mailedAddress, form.email)
	redirect(w, r, "/password/sent")
	return nil
}

func (p *Portal) forgotSent(w http.ResponseWriter, r *http.Request, v *visit) error {
	email := handedOver(r, mailedAddress)
	if email == "" {
		redirect(w, r, "/password/forgot")
		return nil
	}
	return show(w, r, v, forgotSentPage(v, email))
}

func (p *Portal) resetPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	if p.arrive(w, r, v) {
		return nil
	}
	return show(w, r, v, resetPage(v, linkPage{token: handedOver(r, mailedToken)}))
}

// reset sets the password. All sessions have ended then, that of this browser as
// well if it was the same person's.
func (p *Portal) reset(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := linkPage{token: r.PostForm.Get("token")}
	if err := p.clientFor(r, "").ResetPassword(r.Context(), api.PasswordReset{Token: page.token, Password: r.PostForm.Get("password")}); err != nil {
		if page.wrong, err = linkProblem(err); err != nil {
			return err
		}
		return refuse(w, r, v, resetPage(v, page))
	}
	p.handOver(w, "/password/reset", mailedToken, "")
	redirect(w, r, done("password-set", "login"))
	return nil
}
