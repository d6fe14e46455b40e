package portal

import (
	"encoding/json"
	"net/http"

	"souk/api"
	"souk/internal/portal/cookie"
)

// passkeyRoutes take what browsers hand to the script only. Without it people use
// the codes of an app.
func (p *Portal) passkeyRoutes() []Route {
	return []Route{
		{"POST /account/passkeys/begin", SignedIn, p.beginPasskey},
		{"POST /account/passkeys", SignedIn, p.addPasskey},
		{"POST /account/passkeys/{id}/remove", SignedIn, p.removePasskey},
		{"POST /login/passkey", Anybody, p.loginByPasskey},
	}
}

// beginPasskey answers with the page, which carries what to ask the browser for.
func (p *Portal) beginPasskey(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.askForPasskey(w, r, v, factorView{})
}

func (p *Portal) askForPasskey(w http.ResponseWriter, r *http.Request, v *visit, f factorView) error {
	options, err := v.client.BeginPasskey(r.Context())
	if err != nil {
		if f.wrong, err = formProblem(err); err != nil {
			return err
		}
		return p.showFactor(w, r, v, f)
	}
	f.passkey = string(options.PublicKey)
	return p.showFactor(w, r, v, f)
}

func (p *Portal) addPasskey(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := r.PostForm
	f := factorView{passkeyName: form.Get("name")}
	credential := json.RawMessage(form.Get("credential"))
	if !json.Valid(credential) {
		f.wrong = mistake("credential", v.T("passkey.needs-script"))
		return p.askForPasskey(w, r, v, f)
	}
	_, err := v.client.AddPasskey(r.Context(), api.PasskeyCreate{Name: f.passkeyName, Password: form.Get("password"), Credential: credential})
	if err != nil {
		if f.wrong, err = formProblem(err); err != nil {
			return err
		}
		return p.askForPasskey(w, r, v, f)
	}
	redirect(w, r, done("passkey-added", "account", "second-factor"))
	return nil
}

func (p *Portal) removePasskey(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := v.client.RemovePasskey(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	redirect(w, r, done("passkey-removed", "account", "second-factor"))
	return nil
}

func (p *Portal) loginByPasskey(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := codeForm{back: cookie.LocalPath(r.PostForm.Get("return"), "/")}
	credential := json.RawMessage(r.PostForm.Get("credential"))
	if !json.Valid(credential) {
		form.failed = v.T("passkey.needs-script")
		return refuse(w, r, v, codePage(v, form))
	}
	session, err := p.clientFor(r, "").FinishLoginByPasskey(r.Context(), p.ticket.Secret(r), credential)
	return p.secondStepDone(w, r, v, form, session, err)
}
