package httpapi

import (
	"context"
	"net/http"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/sso"
	"souk/internal/store"
)

func (s *Server) registerSSO() {
	const base = "/api/v1/organizations/{org}/sso"
	register(s, Operation{
		Method: http.MethodGet, Path: base, ID: "sso-get", Tag: "single sign-on", Action: authz.SSOManage,
		Summary: "How the organization's people sign in by its own identity provider",
	}, s.getSSO)
	register(s, Operation{
		Method: http.MethodPut, Path: base, ID: "sso-put", Tag: "single sign-on", Action: authz.SSOManage,
		Summary: "Connect the organization to an OpenID Connect provider", Description: "The client secret is never given back. Another issuer or client ID, and enabled false, end the sessions that began by single sign-on.",
	}, s.putSSO)
	register(s, Operation{
		Method: http.MethodDelete, Path: base, ID: "sso-delete", Tag: "single sign-on", Action: authz.SSOManage,
		Summary: "End single sign-on", Description: "Sessions that began by it end. Members stay members.",
	}, s.deleteSSO)
	register(s, Operation{
		Method: http.MethodPost, Path: base + "/test", ID: "sso-test", Tag: "single sign-on", Action: authz.SSOManage,
		Summary: "Ask the provider what it is",
	}, s.testSSO)
	s.registerSSODomains(base + "/domains")
	s.registerSignIn()
}

func (s *Server) registerSignIn() {
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/sso/start", ID: "sso-start", Tag: "sessions", Action: authz.Public,
		Summary: "Begin to sign in by single sign-on", Description: "By an e-mail address whose domain is bound to an organization, or by the organization's name.",
	}, s.startSSO)
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/sso/finish", ID: "sso-finish", Tag: "sessions", Action: authz.Public,
		Summary: "Exchange what the provider sent the person back with for a session token", Description: "Once, within 10 minutes.",
	}, s.finishSSO)
	register(s, Operation{
		Method: http.MethodGet, Path: "/api/v1/account/sso", ID: "account-sso", Tag: "accounts", Action: authz.Session,
		Summary: "By which single sign-on the session began, and how to end the one at the provider",
	}, s.accountSSO)
}

func (s *Server) ssoURIs(ctx context.Context) sso.URIs { return sso.URIsAt(s.publicURL(ctx)) }

func (s *Server) readSSO(ctx context.Context, out *api.SSO) func(tx store.Tx, p Place) error {
	return func(tx store.Tx, p Place) (err error) {
		*out, err = s.SSO.Get(ctx, tx, p.Organization, s.ssoURIs(ctx))
		return err
	}
}

func (s *Server) getSSO(ctx context.Context, _ *struct{ InOrganization }) (*body[api.SSO], error) {
	var out body[api.SSO]
	return &out, s.Read(ctx, s.readSSO(ctx, &out.Body))
}

func (s *Server) putSSO(ctx context.Context, in *struct {
	InOrganization
	Body api.SSOPut
}) (*body[api.SSO], error) {
	var out body[api.SSO]
	read := s.readSSO(ctx, &out.Body)
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		if err := s.SSO.Put(ctx, tx, p.Organization, in.Body, p.Now); err != nil {
			return "", err
		}
		told := in.Body
		told.ClientSecret = nil
		d := details(told)
		d["clientSecretChanged"] = in.Body.ClientSecret != nil
		if err := p.Audit(ctx, tx, p.ssoEvent("sso.put", d)); err != nil {
			return "", err
		}
		return p.Organization.String(), read(tx, p)
	}, func(tx store.Tx, p Place, _ string) error { return read(tx, p) })
	return &out, err
}

func (p Place) ssoEvent(action string, details map[string]any) audit.Event {
	return audit.Event{Action: action, Kind: "sso", ObjectID: p.Organization.String(), ObjectName: p.OrganizationName, Details: details}
}

func (s *Server) deleteSSO(ctx context.Context, _ *struct{ InOrganization }) (*struct{}, error) {
	return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		if err := s.SSO.Delete(ctx, tx, p.Organization); err != nil {
			return "", err
		}
		return "", p.Audit(ctx, tx, p.ssoEvent("sso.delete", nil))
	}, noReplay)
}

func (s *Server) testSSO(ctx context.Context, _ *struct{ InOrganization }) (*body[api.SSOTest], error) {
	var issuer string
	err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		issuer, err = s.SSO.Issuer(ctx, tx, p.Organization)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &body[api.SSOTest]{s.SSO.Test(ctx, issuer)}, nil
}

func (s *Server) startSSO(ctx context.Context, in *struct{ Body api.SSOStart }) (*body[api.SSOFlow], error) {
	flow, err := s.SSO.Begin(ctx, in.Body, s.ssoURIs(ctx).Redirect, s.Clock.Now())
	return &body[api.SSOFlow]{flow}, err
}

func (s *Server) finishSSO(ctx context.Context, in *struct{ Body api.SSOFinish }) (*body[api.SSOLogin], error) {
	now := s.Clock.Now()
	session, returnTo, err := s.SSO.Finish(ctx, in.Body, caller(ctx), now)
	if err != nil {
		return nil, err
	}
	login, err := s.loggedIn(ctx, session, now)
	if err != nil {
		return nil, err
	}
	return &body[api.SSOLogin]{api.SSOLogin{LoginResponse: login.Body, ReturnTo: returnTo}}, nil
}

func (s *Server) accountSSO(ctx context.Context, _ *struct{}) (*body[api.AccountSSO], error) {
	var out body[api.AccountSSO]
	if out.Body.Organization = PrincipalFrom(ctx).SSO; out.Body.Organization != "" {
		out.Body.SignOutURL = s.SSO.SignOut(ctx, out.Body.Organization, s.ssoURIs(ctx))
	}
	return &out, nil
}
