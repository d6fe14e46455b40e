package portal

import (
	"net/http"
	"strings"

	"souk/api"
)

func (p *Portal) ssoRoutes() []Route {
	return []Route{
		{"GET /o/{org}/sso", SignedIn, p.sso},
		{"POST /o/{org}/sso", SignedIn, p.putSSO},
		{"POST /o/{org}/sso/test", SignedIn, p.testSSO},
		{"POST /o/{org}/sso/delete", SignedIn, p.deleteSSO},
		{"POST /o/{org}/sso/domains", SignedIn, p.claimDomain},
		{"POST /o/{org}/sso/domains/{domain}/prove", SignedIn, p.proveDomain},
		{"POST /o/{org}/sso/domains/{domain}/remove", SignedIn, p.removeDomain},
	}
}

// ssoView is an organization's single sign-on, with what was typed.
type ssoView struct {
	api.SSO
	typed   api.SSOPut
	wrong   *formErrors // of the settings
	domain  string      // that was typed
	domains *formErrors
	proved  map[string]*formErrors // by domain
	test    *api.SSOTest
}

// rows is how many lines for groups there are beyond those that are used.
const rows = 3

// groups are the lines of the table, empty ones included.
func (s ssoView) groups() []api.SSOGroup {
	return append(append([]api.SSOGroup{}, s.typed.Groups...), make([]api.SSOGroup, rows)...)
}

func (s ssoView) bound() (n int) {
	for _, d := range s.Domains {
		if d.ProvenAt != nil {
			n++
		}
	}
	return n
}

func (p *Portal) sso(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showSSO(w, r, v, ssoView{})
}

// showSSO shows the settings as they are, or as they were typed and refused.
func (p *Portal) showSSO(w http.ResponseWriter, r *http.Request, v *visit, view ssoView) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	var err error
	if view.SSO, err = v.organization().SSO(r.Context()); err != nil {
		return err
	}
	if view.wrong == nil {
		s := view.SSO
		view.typed = api.SSOPut{Enabled: s.Enabled || !s.Configured, Issuer: s.Issuer, ClientID: s.ClientID, GroupClaim: s.GroupClaim, Groups: s.Groups, DefaultRole: s.DefaultRole, PasswordsAllowed: s.PasswordsAllowed}
	}
	if view.wrong.any() || view.domains.any() || len(view.proved) > 0 {
		return refuse(w, r, v, ssoPage(v, view))
	}
	return show(w, r, v, ssoPage(v, view))
}

func (p *Portal) putSSO(w http.ResponseWriter, r *http.Request, v *visit) error {
	view := ssoView{typed: typedSSO(r)}
	if _, err := v.organization().PutSSO(r.Context(), view.typed); err != nil {
		if view.wrong, err = formProblem(err); err != nil {
			return err
		}
		return p.showSSO(w, r, v, view)
	}
	redirect(w, r, done("sso-kept", "o", v.org, "sso"))
	return nil
}

// typedSSO reads the form. A secret that is left empty stays as it is; lines
// without a group are none.
func typedSSO(r *http.Request) api.SSOPut {
	f := r.PostForm
	put := api.SSOPut{
		Enabled: f.Has("enabled"), Issuer: strings.TrimSpace(f.Get("issuer")), ClientID: strings.TrimSpace(f.Get("clientID")),
		GroupClaim: strings.TrimSpace(f.Get("groupClaim")), DefaultRole: api.Role(f.Get("defaultRole")), PasswordsAllowed: f.Has("passwordsAllowed"),
	}
	if secret := strings.TrimSpace(f.Get("clientSecret")); secret != "" {
		put.ClientSecret = &secret
	}
	for i, group := range f["group"] {
		if group = strings.TrimSpace(group); group != "" && i < len(f["role"]) {
			put.Groups = append(put.Groups, api.SSOGroup{Group: group, Role: api.Role(f["role"][i])})
		}
	}
	return put
}

func (p *Portal) testSSO(w http.ResponseWriter, r *http.Request, v *visit) error {
	test, err := v.organization().TestSSO(r.Context())
	if err != nil {
		return err
	}
	return p.showSSO(w, r, v, ssoView{test: &test})
}

func (p *Portal) deleteSSO(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := v.organization().DeleteSSO(r.Context()); err != nil {
		return err
	}
	redirect(w, r, done("sso-deleted", "o", v.org, "sso"))
	return nil
}

func (p *Portal) claimDomain(w http.ResponseWriter, r *http.Request, v *visit) error {
	view := ssoView{domain: r.PostForm.Get("domain")}
	if _, err := v.organization().ClaimDomain(r.Context(), view.domain); err != nil {
		if view.domains, err = formProblem(err); err != nil {
			return err
		}
		return p.showSSO(w, r, v, view)
	}
	redirect(w, r, done("domain-claimed", "o", v.org, "sso"))
	return nil
}

func (p *Portal) proveDomain(w http.ResponseWriter, r *http.Request, v *visit) error {
	domain := r.PathValue("domain")
	_, err := v.organization().ProveDomain(r.Context(), domain, api.SSODomainProof{Simulate: r.PostForm.Has("simulate")})
	if err != nil {
		wrong, err := formProblem(err)
		if err != nil {
			return err
		}
		return p.showSSO(w, r, v, ssoView{proved: map[string]*formErrors{domain: wrong}})
	}
	redirect(w, r, done("domain-bound", "o", v.org, "sso"))
	return nil
}

func (p *Portal) removeDomain(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := v.organization().RemoveDomain(r.Context(), r.PathValue("domain")); err != nil {
		return err
	}
	// Whoever came by single sign-on has just ended their own session.
	redirect(w, r, done("domain-removed", "o", v.org, "sso"))
	return nil
}

// defaultRoles are those that people without a group can get.
var defaultRoles = []api.Role{api.RoleViewer, api.RoleEditor, api.RoleAdmin, api.RoleBilling}

func (s ssoView) secretHint(v *visit) string {
	if s.ClientSecretKept {
		return v.T("sso.client-secret-kept")
	}
	return v.T("sso.client-secret-hint")
}

// signOnLink is where the organization's people begin without typing an address.
func (v *visit) signOnLink(s ssoView) string {
	return strings.TrimSuffix(s.RedirectURI, "/sso/callback") + "/sso/start?organization=" + v.org
}
