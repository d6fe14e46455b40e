package portal

import (
	"context"
	"net/http"
	"strings"
	"time"

	"souk/api"
)

// accountRoutes are the pages about the visitor's own account.
func (p *Portal) accountRoutes() []Route {
	return []Route{
		{"GET /account", SignedIn, p.account},
		{"GET /account/profile", SignedIn, p.profile},
		{"POST /account/profile", SignedIn, p.updateProfile},
		{"GET /account/password", SignedIn, p.password},
		{"POST /account/password", SignedIn, p.changePassword},
		{"GET /account/sessions", SignedIn, p.sessions},
		{"POST /account/sessions/{id}/end", SignedIn, p.endSession},
		{"POST /account/sessions/end-others", SignedIn, p.endOtherSessions},
		{"GET /account/second-factor", SignedIn, p.secondFactor},
		{"POST /account/second-factor/begin", SignedIn, p.beginSecondFactor},
		{"POST /account/second-factor/confirm", SignedIn, p.confirmSecondFactor},
		{"POST /account/second-factor/codes", SignedIn, p.renewRecoveryCodes},
		{"POST /account/second-factor/disable", SignedIn, p.disableSecondFactor},
	}
}

// atAccount says whether the page is about the visitor's own account.
func (v *visit) atAccount() bool {
	return strings.HasPrefix(v.path, "/account") || v.path == "/device"
}

// accountSections are the pages about the visitor's own account.
func (v *visit) accountSections() []entry {
	list := []entry{{v.T("account.profile"), "/account/profile"}}
	if v.who.Password {
		list = append(list, entry{v.T("account.password"), "/account/password"}, entry{v.T("account.second-factor"), "/account/second-factor"})
	}
	return append(list, entry{v.T("account.sessions"), "/account/sessions"}, entry{v.T("account.device"), "/device"})
}

func (p *Portal) account(w http.ResponseWriter, r *http.Request, v *visit) error {
	redirect(w, r, "/account/profile")
	return nil
}

// settleAccount reads the visitor's account, whose time zone its pages have.
func (v *visit) settleAccount(ctx context.Context) (api.Account, error) {
	a, err := v.client.Account(ctx)
	if err != nil {
		return a, err
	}
	if zone, err := time.LoadLocation(a.TimeZone); err == nil {
		v.zone = zone
	}
	return a, nil
}

// profileForm is what a person sets about themselves.
type profileForm struct {
	email                  string
	name, locale, timeZone string
	wrong                  *formErrors
}

func (p *Portal) profile(w http.ResponseWriter, r *http.Request, v *visit) error {
	a, err := v.settleAccount(r.Context())
	if err != nil {
		return err
	}
	return show(w, r, v, profilePage(v, profileForm{email: a.Email, name: a.Name, locale: a.Locale, timeZone: a.TimeZone}))
}

func (p *Portal) updateProfile(w http.ResponseWriter, r *http.Request, v *visit) error {
	f := r.PostForm
	form := profileForm{email: v.who.Actor, name: f.Get("name"), locale: f.Get("locale"), timeZone: f.Get("timeZone")}
	a, err := v.client.UpdateAccount(r.Context(), api.AccountPatch{Name: &form.name, Locale: &form.locale, TimeZone: &form.timeZone})
	if err != nil {
		if form.wrong, err = formProblem(err); err != nil {
			return err
		}
		return refuse(w, r, v, profilePage(v, form))
	}
	p.keep(w, "lang", a.Locale) // what people choose holds for this browser's pages too
	redirect(w, r, done("profile-kept", "account", "profile"))
	return nil
}

// passwordForm never shows a password again.
type passwordForm struct {
	email string
	wrong *formErrors
}

func (p *Portal) password(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !v.who.Password {
		return show(w, r, v, noPasswordPage(v, v.T("account.password")))
	}
	return show(w, r, v, passwordPage(v, passwordForm{email: v.who.Actor}))
}

func (p *Portal) changePassword(w http.ResponseWriter, r *http.Request, v *visit) error {
	f := r.PostForm
	form := passwordForm{email: v.who.Actor}
	if f.Get("new") != f.Get("repeat") {
		form.wrong = mistake("repeat", v.T("account.not-the-same"))
		return refuse(w, r, v, passwordPage(v, form))
	}
	if err := v.client.ChangePassword(r.Context(), api.PasswordChange{Current: f.Get("current"), New: f.Get("new")}); err != nil {
		if form.wrong, err = formProblem(err); err != nil {
			return err
		}
		return refuse(w, r, v, passwordPage(v, form))
	}
	redirect(w, r, done("password-changed", "account", "password"))
	return nil
}

func (p *Portal) sessions(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.settleAccount(r.Context()); err != nil {
		return err
	}
	list, err := v.client.Sessions(r.Context())
	if err != nil {
		return err
	}
	return show(w, r, v, sessionsPage(v, list))
}

func (p *Portal) endSession(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := v.client.EndSession(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	redirect(w, r, done("session-ended", "account", "sessions"))
	return nil
}

func (p *Portal) endOtherSessions(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := v.client.EndOtherSessions(r.Context()); err != nil {
		return err
	}
	redirect(w, r, done("sessions-ended", "account", "sessions"))
	return nil
}
