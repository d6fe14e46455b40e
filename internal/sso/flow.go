package sso

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/jackc/pgx/v5"
	"golang.org/x/oauth2"

	"souk/api"
	"souk/internal/problem"
	"souk/internal/sso/ssodb"
	"souk/internal/store"
)

// flowLasts is how long somebody may take at the provider.
const flowLasts = 10 * time.Minute

// connection is how the people of an organization sign in.
type connection struct {
	ssodb.SsoConnection
	organization string
}

// Begin returns where to send a person who wants to sign in, and the secret that
// only the person's browser may have. What the provider has to return of it, and
// what proves to the provider that it is the same browser that comes back, is made
// from the secret, so that the record cannot be used to end a sign-in.
func (s *Service) Begin(ctx context.Context, in api.SSOStart, redirect string, now time.Time) (api.SSOFlow, error) {
	c, err := s.find(ctx, in)
	if err != nil {
		return api.SSOFlow{}, err
	}
	p, err := s.provider(ctx, c.Issuer)
	if err != nil {
		return api.SSOFlow{}, s.providerDown(ctx, c, err)
	}
	state, secret := random(""), random(secretPrefix)
	err = ssodb.New(s.Store.SystemPool()).BeginFlow(ctx, ssodb.BeginFlowParams{
		StateHash: hash(state), SecretHash: hash(secret), OrganizationID: c.OrganizationID, Generation: c.Generation,
		RedirectUri: redirect, ReturnTo: in.ReturnTo, CreatedAt: now, ExpiresAt: now.Add(flowLasts),
	})
	options := []oauth2.AuthCodeOption{oidc.Nonce(nonce(secret)), oauth2.S256ChallengeOption(verifier(secret))}
	if in.Email != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", in.Email))
	}
	return api.SSOFlow{
		URL: p.oauth(c.ClientID, "", redirect).AuthCodeURL(state, options...), Secret: secret, Organization: c.organization, ExpiresAt: now.Add(flowLasts).UTC(),
	}, err
}

// find returns the connection for an e-mail address, or of an organization.
func (s *Service) find(ctx context.Context, in api.SSOStart) (connection, error) {
	q := ssodb.New(s.Store.SystemPool())
	if in.Organization != "" {
		r, err := q.ConnectionOfOrganization(ctx, in.Organization)
		if errors.Is(err, pgx.ErrNoRows) {
			return connection{}, problem.InvalidField("body.organization", in.Organization, "has no single sign-on")
		}
		return connection{r.SsoConnection, r.Organization}, err
	}
	domain, ok := domainOf(in.Email)
	if !ok {
		return connection{}, problem.InvalidField("body.email", in.Email, "must be an e-mail address such as ann@example.org")
	}
	r, err := q.ConnectionOfDomain(ctx, domain)
	if errors.Is(err, pgx.ErrNoRows) {
		return connection{}, problem.InvalidField("body.email", in.Email, "belongs to no organization with single sign-on. Log in with your password, or ask an owner of your organization")
	}
	return connection{r.SsoConnection, r.Organization}, err
}

// take finds the sign-in that an answer belongs to, and uses it up, whatever
// becomes of it.
func (s *Service) take(ctx context.Context, in api.SSOFinish, now time.Time) (ssodb.TakeFlowRow, connection, error) {
	q := ssodb.New(s.Store.SystemPool())
	f, err := q.TakeFlow(ctx, ssodb.TakeFlowParams{StateHash: hash(in.State), SecretHash: hash(in.Secret)})
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && !now.Before(f.ExpiresAt)) {
		return f, connection{}, beginAgain()
	}
	if err != nil {
		return f, connection{}, err
	}
	c, err := q.ConnectionOfFlow(ctx, f.OrganizationID)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && c.SsoConnection.Generation != f.Generation) {
		return f, connection{}, problem.Conflict("sso-changed", "The organization's single sign-on was changed meanwhile. Begin again.")
	}
	return f, connection{c.SsoConnection, c.Organization}, err
}

// Sweep forgets sign-ins that nobody ended, at most limit of them, and returns how
// many those were.
func Sweep(ctx context.Context, tx store.Tx, now time.Time, limit int) (int64, error) {
	return ssodb.New(tx).SweepFlows(ctx, ssodb.SweepFlowsParams{Before: now, Limit: int32(limit)})
}

// providerDown tells the operator's log what cannot be told the person.
func (s *Service) providerDown(ctx context.Context, c connection, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.Logger.WarnContext(ctx, "an identity provider cannot be used", "organization", c.organization, "issuer", c.Issuer, "why", explain(err))
	return down(err)
}

// secretPrefix keeps a sign-in's secret apart from what can be used as a token.
const secretPrefix = "souksso_"

// random returns 256 random bits.
func random(prefix string) string {
	bits := make([]byte, 32)
	rand.Read(bits) // never fails
	return prefix + base64.RawURLEncoding.EncodeToString(bits)
}

func hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

func nonce(secret string) string { return derived(secret, "nonce") }

// verifier is that of PKCE (RFC 7636).
func verifier(secret string) string { return derived(secret, "pkce") }

func derived(secret, use string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("souk/sso/" + use))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// domainOf is the domain of an e-mail address.
func domainOf(email string) (string, bool) {
	local, domain, found := strings.Cut(strings.ToLower(email), "@")
	return domain, found && local != "" && checkDomain("", domain) == nil
}
