package portal

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"souk/api"
	"souk/api/client"
)

// factorView is the page about the second factor, at one of its steps.
type factorView struct {
	status  api.TOTPStatus
	key     string       // of the set-up: the same one shows the same secret again
	secret  *api.TOTPKey // while it is being set up
	codes   []string     // the one time that they are shown
	shown   bool         // they have been shown before
	renewed bool         // they take the place of earlier ones
	wrong   *formErrors
	part    string // of the page that the mistakes are in: one of those below
	account string
	// Passkeys, and while one is added its name and what to ask the browser for.
	passkeys             []api.Passkey
	passkey, passkeyName string
}

// The parts of the page that ask for the password and a code.
const (
	renewPart = "renew"
	offPart   = "off"
)

// wrongIn returns the mistakes in a part.
func (f factorView) wrongIn(part string) *formErrors {
	if f.part != part {
		return nil
	}
	return f.wrong
}

func (p *Portal) secondFactor(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !v.who.Password {
		return show(w, r, v, noPasswordPage(v, v.T("account.second-factor")))
	}
	return p.showFactor(w, r, v, factorView{})
}

func (p *Portal) showFactor(w http.ResponseWriter, r *http.Request, v *visit, f factorView) error {
	var err error
	if f.status, err = v.client.TOTP(r.Context()); err != nil {
		return err
	}
	if f.status.Enabled {
		if f.passkeys, err = v.client.Passkeys(r.Context()); err != nil {
			return err
		}
	}
	if f.key == "" {
		f.key = rand.Text()
	}
	f.account = v.who.Actor
	if f.wrong.any() {
		return refuse(w, r, v, factorPage(v, f))
	}
	return show(w, r, v, factorPage(v, f))
}

// repeatable is a context in which the form, sent again, is carried out once.
func repeatable(r *http.Request) (ctx context.Context, key string) {
	if key = r.PostForm.Get("key"); len(key) != len(rand.Text()) {
		key = rand.Text()
	}
	return client.WithIdempotencyKey(r.Context(), key), key
}

// beginSecondFactor answers with the page itself: loaded again, it shows the same
// secret.
func (p *Portal) beginSecondFactor(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, key := repeatable(r)
	return p.setUpFactor(ctx, w, r, v, factorView{key: key})
}

func (p *Portal) setUpFactor(ctx context.Context, w http.ResponseWriter, r *http.Request, v *visit, f factorView) error {
	secret, err := v.client.BeginTOTP(ctx)
	if err != nil {
		if f.wrong, err = formProblem(err); err != nil {
			return err
		}
		return p.showFactor(w, r, v, f)
	}
	f.secret = &secret
	return p.showFactor(w, r, v, f)
}

// confirmSecondFactor answers with the page itself, as it is the only one with
// the recovery codes. Loaded again it changes nothing, and shows none.
func (p *Portal) confirmSecondFactor(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, key := repeatable(r)
	codes, err := v.client.ConfirmTOTP(ctx, r.PostForm.Get("code"))
	if err == nil {
		return p.showFactor(w, r, v, factorView{codes: codes, shown: len(codes) == 0})
	}
	f := factorView{key: key}
	if f.wrong, err = formProblem(err); err != nil {
		return err
	}
	if f.wrong.of("code") == "" {
		return p.showFactor(w, r, v, f)
	}
	f.wrong = mistake("code", v.T("factor.wrong-code"))
	return p.setUpFactor(ctx, w, r, v, f)
}

// renewRecoveryCodes answers with the page itself, as confirmSecondFactor does. A
// code is taken once: loaded again, it makes none.
func (p *Portal) renewRecoveryCodes(w http.ResponseWriter, r *http.Request, v *visit) error {
	codes, err := v.client.RenewRecoveryCodes(r.Context(), api.RecoveryCodesRenew{Password: r.PostForm.Get("password"), Code: r.PostForm.Get("code")})
	if err == nil {
		return p.showFactor(w, r, v, factorView{codes: codes, renewed: true})
	}
	f := factorView{part: renewPart}
	if f.wrong, err = formProblem(err); err != nil {
		return err
	}
	return p.showFactor(w, r, v, f)
}

func (p *Portal) disableSecondFactor(w http.ResponseWriter, r *http.Request, v *visit) error {
	err := v.client.DisableTOTP(r.Context(), api.TOTPDisable{Password: r.PostForm.Get("password"), Code: r.PostForm.Get("code")})
	if err != nil {
		f := factorView{part: offPart}
		if f.wrong, err = formProblem(err); err != nil {
			return err
		}
		return p.showFactor(w, r, v, f)
	}
	redirect(w, r, done("factor-off", "account", "second-factor"))
	return nil
}

// picture is the secret for a camera.
func (f factorView) picture() string {
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(f.secret.QR)
}

// app opens the secret where the authenticator is on the same device.
func (f factorView) app() templ.SafeURL { return templ.SafeURL(f.secret.URI) }

// grouped is the secret as one types it.
func (f factorView) grouped() string {
	var b strings.Builder
	for i, c := range f.secret.Secret {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// text is the recovery codes as a file.
func (f factorView) text(v *visit) string {
	return v.T("factor.file", "account", f.account) + "\n\n" + strings.Join(f.codes, "\n") + "\n"
}

// file is a link by which the browser keeps the text, without asking anybody.
func (f factorView) file(v *visit) templ.SafeURL {
	return templ.SafeURL("data:text/plain;charset=utf-8;base64," + base64.StdEncoding.EncodeToString([]byte(f.text(v))))
}

// when says the text where something is wrong.
func (v *visit) when(problem, id string) string {
	if problem == "" {
		return ""
	}
	return v.T(id)
}
