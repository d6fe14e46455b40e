package sso

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"souk/api"
	"souk/internal/mail"
)

// person is whom a provider vouches for.
type person struct {
	subject, email, name string
	verified             bool
	groups               []string
}

// ask exchanges what the provider sent the person back with for what it says of
// them. Every answer is checked as if it were a stranger's.
func (s *Service) ask(ctx context.Context, c connection, redirect string, in api.SSOFinish) (person, error) {
	p, err := s.provider(ctx, c.Issuer)
	if err != nil {
		return person{}, s.providerDown(ctx, c, err)
	}
	// Of another provider, that mixes itself in (RFC 9207).
	if (in.Issuer != "" || p.NamesItself) && in.Issuer != c.Issuer {
		return person{}, s.distrust(ctx, c, errors.New("the answer names another issuer"))
	}
	if in.Error != "" || in.Code == "" {
		return person{}, refuse("sso-refused", "The identity provider did not sign you in. Begin again, or ask whoever looks after it.")
	}
	secret, err := s.secret(ctx, c)
	if err != nil {
		return person{}, err
	}
	ctx = s.with(ctx)
	token, err := p.oauth(c.ClientID, secret, redirect).Exchange(ctx, in.Code, oauth2.VerifierOption(verifier(in.Secret)))
	if err != nil {
		return person{}, s.notExchanged(ctx, c, err)
	}
	id, err := s.verify(ctx, p, c, token, nonce(in.Secret))
	if err != nil {
		return person{}, err
	}
	return s.claims(ctx, p, c, token, id)
}

// notExchanged tells a provider that is down from one that refuses.
func (s *Service) notExchanged(ctx context.Context, c connection, err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode >= http.StatusInternalServerError {
		return s.providerDown(ctx, c, statusError(refused.Response.StatusCode))
	}
	return s.providerDown(ctx, c, err)
}

// verify checks the ID token (OpenID Connect Core, 3.1.3.7).
func (s *Service) verify(ctx context.Context, p *provider, c connection, token *oauth2.Token, nonce string) (*oidc.IDToken, error) {
	raw, _ := token.Extra("id_token").(string)
	keys := &watchedKeys{KeySet: p.keys}
	id, err := oidc.NewVerifier(c.Issuer, keys, &oidc.Config{ClientID: c.ClientID, SupportedSigningAlgs: p.Algorithms, Now: s.Real}).Verify(ctx, raw)
	if unreachable := new(url.Error); errors.As(keys.err, &unreachable) {
		return nil, s.providerDown(ctx, c, keys.err)
	}
	if err != nil {
		return nil, s.distrust(ctx, c, err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1 {
		return nil, s.distrust(ctx, c, errors.New("the ID token is of another sign-in (nonce)"))
	}
	var to struct {
		Party string `json:"azp"`
	}
	if err := id.Claims(&to); err != nil || (to.Party != "" && to.Party != c.ClientID) || (to.Party == "" && len(id.Audience) > 1) {
		return nil, s.distrust(ctx, c, errors.New("the ID token was issued to another client (azp)"))
	}
	if id.Subject == "" || len(id.Subject) > 255 {
		return nil, s.distrust(ctx, c, errors.New("the ID token names nobody (sub)"))
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return nil, s.distrust(ctx, c, err)
		}
	}
	return id, nil
}

// watchedKeys remember why a signature was not found good: the verifier does not
// say when it is because the keys could not be fetched.
type watchedKeys struct {
	oidc.KeySet
	err error
}

// VerifySignature implements oidc.KeySet.
func (k *watchedKeys) VerifySignature(ctx context.Context, jwt string) (payload []byte, err error) {
	payload, k.err = k.KeySet.VerifySignature(ctx, jwt)
	return payload, k.err
}

// distrust tells the operator's log what is wrong with an answer, which is nothing
// to tell whoever may have forged it.
func (s *Service) distrust(ctx context.Context, c connection, err error) error {
	why := err.Error()
	if len(why) > 200 {
		why = why[:200]
	}
	s.Logger.WarnContext(ctx, "an identity provider's answer is not trusted", "organization", c.organization, "issuer", c.Issuer, "why", why)
	return badToken()
}

// claims reads who the person is: in the ID token, or else, as many providers have
// it, at the provider's userinfo endpoint.
func (s *Service) claims(ctx context.Context, p *provider, c connection, token *oauth2.Token, id *oidc.IDToken) (person, error) {
	var all map[string]json.RawMessage
	if err := id.Claims(&all); err != nil {
		return person{}, s.distrust(ctx, c, err)
	}
	if (all["email"] == nil || all[c.GroupClaim] == nil) && p.UserInfoURL != "" {
		more, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			return person{}, s.providerDown(ctx, c, err)
		}
		if more.Subject != id.Subject {
			return person{}, s.distrust(ctx, c, errors.New("userinfo is about somebody else (sub)"))
		}
		var rest map[string]json.RawMessage
		if err := more.Claims(&rest); err != nil {
			return person{}, s.distrust(ctx, c, err)
		}
		// The address and whether it is verified belong together.
		if all["email"] == nil {
			all["email"], all["email_verified"] = rest["email"], rest["email_verified"]
		}
		for _, name := range []string{"name", c.GroupClaim} {
			if all[name] == nil {
				all[name] = rest[name]
			}
		}
	}
	who := person{subject: id.Subject, email: text(all["email"]), name: text(all["name"]), groups: texts(all[c.GroupClaim])}
	verified := string(all["email_verified"])
	who.verified = verified == "true" || verified == `"true"`
	if mail.CheckAddress("", who.email) != nil {
		return person{}, refuse("sso-email", "The identity provider does not tell Souk your e-mail address. Ask whoever looks after it to release the claim email.")
	}
	return who, nil
}

func text(raw json.RawMessage) (s string) {
	_ = json.Unmarshal(raw, &s)
	return s
}

// mostGroups is more than anybody is in.
const mostGroups = 5000

// texts reads a list of groups, or a single one.
func texts(raw json.RawMessage) (list []string) {
	if json.Unmarshal(raw, &list) != nil {
		list = nil
		if one := text(raw); one != "" {
			list = []string{one}
		}
	}
	return list[:min(len(list), mostGroups)]
}
