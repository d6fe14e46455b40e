// Package sso lets the people of an organization sign in by its own identity
// provider (OpenID Connect). The provider vouches for e-mail addresses of the
// domains that are bound to the organization, and for nothing else.
package sso

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"souk/internal/envelope"
	"souk/internal/outbound"
	"souk/internal/store"
)

// Config says what a Service works with.
type Config struct {
	Store   *store.Store
	Secrets *envelope.Envelope
	// Real tells the machine's time, which is that of providers; nil: time.Now.
	Real     func() time.Time
	Logger   *slog.Logger // nil: slog.Default()
	Resolver Resolver     // nil: that of the machine
	// Networks are private ones that a provider may be in; public addresses always are allowed.
	Networks []netip.Prefix
	// Dev allows providers on this machine, without TLS, and domains to be proven
	// by saying so.
	Dev bool
}

// Resolver looks up DNS records; net.Resolver is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Service carries out single sign-on.
type Service struct {
	Config
	client    *http.Client
	providers providers
}

// New returns a Service.
func New(c Config) *Service {
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Real == nil {
		c.Real = time.Now
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	s := &Service{Config: c, providers: providers{known: map[string]*provider{}}}
	s.client = s.rules().Client()
	return s
}

// rules keep providers out of what only this machine can reach.
func (s *Service) rules() outbound.Rules { return outbound.Rules{Networks: s.Networks, Dev: s.Dev} }

// Place is what an organization's client secret is sealed for.
func Place(organization string) string { return "sso/" + organization }
