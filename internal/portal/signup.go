package portal

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"souk/api"
)

// signUpRoutes lead from nobody to the owner of an organization.
func (p *Portal) signUpRoutes() []Route {
	return []Route{
		{"GET /signup", Anybody, p.signUpPage},
		{"POST /signup", Anybody, p.signUp},
		{"GET /signup/sent", Anybody, p.signUpSent},
		{"POST /signup/resend", Anybody, p.resendSignUp},
		{"GET /verify-email", Anybody, p.verifyPage},
		{"POST /verify-email", Anybody, p.verify},
		{"GET /organizations/new", SignedIn, p.foundPage},
		{"POST /organizations/new", SignedIn, p.found},
	}
}

// newOrganization is the part of a form that names an organization to be made.
type newOrganization struct{ displayName, name string }

func organizationForm(r *http.Request) newOrganization {
	display := strings.TrimSpace(r.PostForm.Get("displayName"))
	return newOrganization{display, cmp.Or(strings.TrimSpace(r.PostForm.Get("name")), shortName(display))}
}

func (o newOrganization) wanted() api.SignUpOrganization {
	return api.SignUpOrganization{Name: o.name, DisplayName: o.displayName}
}

// shortName makes a name for addresses of one for people.
func shortName(display string) string {
	plain := strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "é", "e", "è", "e", "ê", "e", "à", "a", "â", "a", "ç", "c", "ô", "o", "î", "i").Replace(strings.ToLower(display))
	words := strings.FieldsFunc(plain, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	name := strings.TrimLeft(strings.Join(words, "-"), "0123456789-")
	return strings.TrimRight(name[:min(len(name), 40)], "-")
}

// signUpForm is what the page shows again after a mistake; never the password.
type signUpForm struct {
	email        string
	organization newOrganization
	wrong        *formErrors
}

func (p *Portal) signUpPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.who != nil {
		redirect(w, r, "/organizations/new")
		return nil
	}
	return show(w, r, v, signUpPage(v, signUpForm{}))
}

func (p *Portal) signUp(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := signUpForm{email: strings.TrimSpace(r.PostForm.Get("email")), organization: organizationForm(r)}
	err := p.clientFor(r, "").SignUp(r.Context(), api.SignUp{Email: form.email, Password: r.PostForm.Get("password"), Organization: form.organization.wanted(), Locale: v.Lang})
	if err != nil {
		if form.wrong, err = formProblem(err); err != nil {
			return err
		}
		return refuse(w, r, v, signUpPage(v, form))
	}
	p.waitForMail(w, r, form.email)
	return nil
}

// waitForMail leads to the page that says where the mail went.
func (p *Portal) waitForMail(w http.ResponseWriter, r *http.Request, email string) {
	p.handOver(w, "/signup", mailedAddress, email)
	redirect(w, r, "/signup/sent")
}

// mailForm asks for a mail to be sent again.
type mailForm struct {
	email string
	wrong *formErrors
}

func (p *Portal) signUpSent(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := mailForm{email: handedOver(r, mailedAddress)}
	if form.email == "" {
		redirect(w, r, "/signup")
		return nil
	}
	return show(w, r, v, signUpSentPage(v, form))
}

func (p *Portal) resendSignUp(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := mailForm{email: strings.TrimSpace(r.PostForm.Get("email"))}
	if err := p.clientFor(r, "").ResendVerification(r.Context(), form.email); err != nil {
		if form.wrong, err = formProblem(err); err != nil {
			return err
		}
		return refuse(w, r, v, signUpSentPage(v, form))
	}
	p.handOver(w, "/signup", mailedAddress, form.email)
	redirect(w, r, "/signup/sent?done=sent-again")
	return nil
}

// linkPage is a page that a mail leads to.
type linkPage struct {
	token string
	wrong *formErrors
}

// dead says that the link itself is of no use, whatever is sent with it.
func (l linkPage) dead() bool {
	return l.token == "" || l.wrong.any() && (l.wrong.problem.Status == http.StatusGone || l.wrong.problem.Status == http.StatusNotFound)
}

// linkProblem takes a refusal of the link, as formProblem does of the form.
func linkProblem(err error) (*formErrors, error) {
	var refused *problem
	if errors.As(err, &refused) && slices.Contains([]int{http.StatusGone, http.StatusNotFound, http.StatusForbidden}, refused.Status) {
		return &formErrors{refused}, nil
	}
	return formProblem(err)
}

func (p *Portal) verifyPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	if p.arrive(w, r, v) {
		return nil
	}
	return show(w, r, v, verifyPage(v, linkPage{token: handedOver(r, mailedToken)}))
}

func (p *Portal) verify(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := linkPage{token: r.PostForm.Get("token")}
	session, err := p.clientFor(r, "").VerifyEmail(r.Context(), page.token)
	if err != nil {
		if page.wrong, err = linkProblem(err); err != nil {
			return err
		}
		return refuse(w, r, v, verifyPage(v, page))
	}
	p.handOver(w, "/verify-email", mailedToken, "")
	p.enter(w, r, session, "welcome")
	return nil
}

// enter begins the session of somebody new, in their organization.
func (p *Portal) enter(w http.ResponseWriter, r *http.Request, session api.LoginResponse, note string) {
	p.session.Set(w, session.Token, session.ExpiresAt)
	if len(session.Organizations) == 0 {
		redirect(w, r, "/organizations/new")
		return
	}
	redirect(w, r, done(note, "o", session.Organizations[0].Name))
}

// foundForm is what the page shows again after a mistake.
type foundForm struct {
	organization newOrganization
	wrong        *formErrors
}

func (p *Portal) foundPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	return show(w, r, v, foundPage(v, foundForm{}))
}

func (p *Portal) found(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := foundForm{organization: organizationForm(r)}
	made, err := v.client.FoundOrganization(r.Context(), form.organization.wanted())
	if err != nil {
		if form.wrong, err = formProblem(err); err != nil {
			return err
		}
		return refuse(w, r, v, foundPage(v, form))
	}
	redirect(w, r, done("welcome", "o", made.Metadata.Name))
	return nil
}
