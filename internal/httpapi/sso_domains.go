package httpapi

import (
	"context"
	"net/http"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/store"
)

func (s *Server) registerSSODomains(all string) {
	one := all + "/{domain}"
	register(s, Operation{
		Method: http.MethodPost, Path: all, ID: "sso-domains-claim", Tag: "single sign-on", Action: authz.SSOManage, Status: http.StatusCreated,
		Summary: "Begin to bind a domain of e-mail addresses", Description: "The answer says what to publish in the domain's DNS.",
	}, s.claimDomain)
	register(s, Operation{
		Method: http.MethodPost, Path: one + "/prove", ID: "sso-domains-prove", Tag: "single sign-on", Action: authz.SSOManage,
		Summary: "Bind a domain, once its DNS proves that the organization holds it", Description: "A domain is bound to one organization.",
	}, s.proveDomain)
	register(s, Operation{
		Method: http.MethodDelete, Path: one, ID: "sso-domains-remove", Tag: "single sign-on", Action: authz.SSOManage,
		Summary: "Give a domain up", Description: "Sessions that began by single sign-on end.",
	}, s.removeDomain)
}

// InDomain is one of the domains of an organization.
type InDomain struct {
	InOrganization
	Domain string `path:"domain" maxLength:"253"`
}

func domainEvent(action, domain string, details map[string]any) audit.Event {
	return audit.Event{Action: action, Kind: "sso-domain", ObjectID: domain, ObjectName: domain, Details: details}
}

func (s *Server) claimDomain(ctx context.Context, in *struct {
	InOrganization
	Body api.SSODomainClaim
}) (*body[api.SSODomain], error) {
	var out body[api.SSODomain]
	return &out, s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		if out.Body, err = s.SSO.Claim(ctx, tx, p.Organization, in.Body.Domain, p.Now); err != nil {
			return "", err
		}
		return out.Body.Domain, p.Audit(ctx, tx, domainEvent("sso-domain.claim", out.Body.Domain, nil))
	}, func(tx store.Tx, p Place, domain string) (err error) {
		out.Body, err = s.SSO.Domain(ctx, tx, p.Organization, domain)
		return err
	})
}

// proveDomain asks DNS outside of any transaction.
func (s *Server) proveDomain(ctx context.Context, in *struct {
	InDomain
	Body api.SSODomainProof
}) (*body[api.SSODomain], error) {
	var out body[api.SSODomain]
	read := func(tx store.Tx, p Place) (err error) {
		out.Body, err = s.SSO.Domain(ctx, tx, p.Organization, in.Domain)
		return err
	}
	if err := s.Read(ctx, read); err != nil || out.Body.ProvenAt != nil {
		return &out, err
	}
	proof, err := s.SSO.Look(ctx, out.Body, in.Body.Simulate)
	if err != nil {
		return nil, err
	}
	return &out, s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		if out.Body, err = s.SSO.Bind(ctx, tx, p.Organization, in.Domain, proof, p.Now); err != nil {
			return "", err
		}
		return in.Domain, p.Audit(ctx, tx, domainEvent("sso-domain.bind", in.Domain, map[string]any{"proof": proof}))
	}, func(tx store.Tx, p Place, _ string) error { return read(tx, p) })
}

func (s *Server) removeDomain(ctx context.Context, in *InDomain) (*struct{}, error) {
	return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		if err := s.SSO.Remove(ctx, tx, p.Organization, in.Domain, p.Now); err != nil {
			return "", err
		}
		return "", p.Audit(ctx, tx, domainEvent("sso-domain.remove", in.Domain, nil))
	}, noReplay)
}
