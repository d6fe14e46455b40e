package sso

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"souk/internal/outbound"
)

// metadata is what a provider says of itself (OpenID Connect Discovery, RFC 8414).
type metadata struct {
	oidc.ProviderConfig
	EndSession    string   `json:"end_session_endpoint"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	Scopes        []string `json:"scopes_supported"`
	Challenges    []string `json:"code_challenge_methods_supported"`
	NamesItself   bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
	ResponseTypes []string `json:"response_types_supported"`
}

// provider is one that was asked what it is.
type provider struct {
	metadata
	*oidc.Provider
	keys  *oidc.RemoteKeySet // remembered, and asked for again when a token has another
	asked time.Time
}

// providers remembers what providers say, and their keys.
type providers struct {
	mu    sync.Mutex
	known map[string]*provider
}

const (
	knownFor  = 10 * time.Minute
	mostKnown = 1000
)

// provider returns what is known of the issuer, or asks it.
func (s *Service) provider(ctx context.Context, issuer string) (*provider, error) {
	s.providers.mu.Lock()
	p := s.providers.known[issuer]
	s.providers.mu.Unlock()
	if p != nil && s.Real().Sub(p.asked) < knownFor {
		return p, nil
	}
	return s.discover(ctx, issuer)
}

// discover asks the issuer what it is. Its answer is looked at as one of a
// stranger's: it may only speak of itself.
func (s *Service) discover(ctx context.Context, issuer string) (*provider, error) {
	var m metadata
	if err := s.fetch(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", &m); err != nil {
		return nil, err
	}
	if m.IssuerURL != issuer {
		return nil, &otherIssuerError{m.IssuerURL}
	}
	for _, address := range []string{m.AuthURL, m.TokenURL, m.JWKSURL} {
		if u, err := url.Parse(address); err != nil || s.rules().CheckURL(u) != nil {
			return nil, errEndpoints
		}
	}
	m.Algorithms = slices.DeleteFunc(m.Algorithms, func(a string) bool { return !slices.Contains(algorithms, a) })
	if len(m.Algorithms) == 0 {
		m.Algorithms = []string{oidc.RS256}
	}
	if u, err := url.Parse(m.EndSession); err != nil || s.rules().CheckURL(u) != nil {
		m.EndSession = ""
	}
	own := s.with(context.Background())
	p := &provider{m, m.NewProvider(own), oidc.NewRemoteKeySet(own, m.JWKSURL), s.Real()}
	s.providers.mu.Lock()
	defer s.providers.mu.Unlock()
	if len(s.providers.known) >= mostKnown {
		clear(s.providers.known)
	}
	s.providers.known[issuer] = p
	return p, nil
}

// algorithms are those that a token may be signed by: with a key that only the
// provider has.
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// with has the libraries use the careful client.
func (s *Service) with(ctx context.Context) context.Context { return oidc.ClientContext(ctx, s.client) }

var errEndpoints = errors.New("the provider names addresses that are not https")

// otherIssuerError: the provider calls itself something else.
type otherIssuerError struct{ name string }

func (e *otherIssuerError) Error() string { return "the provider names another issuer: " + e.name }

// statusError: the provider answers, but not with what it was asked for.
type statusError int

func (e statusError) Error() string {
	return fmt.Sprintf("the provider answers with status %d", int(e))
}

var errNoJSON = errors.New("the provider's answer is no JSON")

func (s *Service) fetch(ctx context.Context, address string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	resp, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return statusError(resp.StatusCode)
	}
	err = json.NewDecoder(resp.Body).Decode(into)
	if err != nil && !errors.Is(err, outbound.ErrTooLarge) {
		return errNoJSON
	}
	return err
}

// oauth is the client of the connection at the provider.
func (p *provider) oauth(clientID, secret, redirect string) *oauth2.Config {
	c := &oauth2.Config{ClientID: clientID, ClientSecret: secret, RedirectURL: redirect, Endpoint: p.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "email", "profile"}}
	if slices.Contains(p.Scopes, "groups") {
		c.Scopes = append(c.Scopes, "groups")
	}
	c.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if secret == "" || (len(p.AuthMethods) > 0 && !slices.Contains(p.AuthMethods, "client_secret_basic")) {
		c.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return c
}
