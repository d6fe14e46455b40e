package sso

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/outbound"
	"souk/internal/problem"
	"souk/internal/sso/ssodb"
	"souk/internal/store"
)

const (
	recordPrefix = "_souk-verification."
	valuePrefix  = "souk-verification="
	mostDomains  = 50
)

var domainNames = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`)

// checkDomain refuses what is no domain. Others than plain ones are written as DNS
// has them (xn--…).
func checkDomain(location, domain string) error {
	if len(domain) <= 253 && domainNames.MatchString(domain) {
		return nil
	}
	return problem.InvalidField(location, domain, "must be a domain such as example.com, as DNS has it")
}

func domains(ctx context.Context, q *ssodb.Queries, organization uuid.UUID) ([]api.SSODomain, error) {
	rows, err := q.Domains(ctx, organization)
	list := make([]api.SSODomain, len(rows))
	for i, r := range rows {
		list[i] = domainView(r)
	}
	return list, err
}

func domainView(r ssodb.SsoDomain) api.SSODomain {
	d := api.SSODomain{Domain: r.Domain, RecordName: recordPrefix + r.Domain, RecordValue: valuePrefix + r.Token}
	if r.ProvenAt != nil && r.Proof != nil {
		at := r.ProvenAt.UTC()
		d.ProvenAt, d.Proof = &at, *r.Proof
	}
	return d
}

// Domain returns one of the organization's domains.
func (s *Service) Domain(ctx context.Context, tx store.Tx, organization uuid.UUID, domain string) (api.SSODomain, error) {
	r, err := ssodb.New(tx).Domain(ctx, ssodb.DomainParams{OrganizationID: organization, Domain: domain})
	if errors.Is(err, pgx.ErrNoRows) {
		return api.SSODomain{}, problem.NotFound("domain", domain)
	}
	return domainView(r), err
}

// Claim begins to bind a domain: it says what to publish in its DNS. Others may
// claim the same one, as a claim is worth nothing before its proof.
func (s *Service) Claim(ctx context.Context, tx store.Tx, organization uuid.UUID, name string, at time.Time) (api.SSODomain, error) {
	name = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(name)), ".")
	if err := checkDomain("body.domain", name); err != nil {
		return api.SSODomain{}, err
	}
	q := ssodb.New(tx)
	all, err := q.Domains(ctx, organization)
	if err != nil {
		return api.SSODomain{}, err
	}
	if len(all) >= mostDomains {
		return api.SSODomain{}, problem.Conflict("too-many-domains", "The organization has %d domains, and cannot have more. Remove one first.", mostDomains)
	}
	n, err := q.ClaimDomain(ctx, ssodb.ClaimDomainParams{OrganizationID: organization, Domain: name, Token: newToken(), CreatedAt: at})
	if err == nil && n == 0 {
		return api.SSODomain{}, problem.Conflict("domain-there", "The domain %s is in the list already.", name)
	}
	if err != nil {
		return api.SSODomain{}, err
	}
	return s.Domain(ctx, tx, organization, name)
}

func newToken() string {
	bits := make([]byte, 16)
	rand.Read(bits) // never fails
	return hex.EncodeToString(bits)
}

// Look finds out whether the domain's DNS proves that the organization holds it,
// and returns how it is proven. It needs no transaction.
func (s *Service) Look(ctx context.Context, d api.SSODomain, simulate bool) (proof string, err error) {
	if simulate {
		if !s.Dev {
			return "", problem.InvalidField("body.simulate", true, "is for souk dev only: here DNS decides")
		}
		return "simulated", nil
	}
	ctx, cancel := context.WithTimeout(ctx, outbound.Patience)
	defer cancel()
	found, err := s.Resolver.LookupTXT(ctx, d.RecordName+".")
	if slices.Contains(found, d.RecordValue) {
		return "dns", nil
	}
	p := problem.Conflict("domain-not-proven", "There is no TXT record %s with the value %s yet. Publish it; it can take an hour until it is seen.", d.RecordName, d.RecordValue)
	if err == nil && len(found) > 0 {
		p = problem.Conflict("domain-not-proven", "The TXT record %s has another value. It has to be %s; it can take an hour until a change is seen.", d.RecordName, d.RecordValue)
	}
	return "", p
}

// Bind binds a domain that is proven. There is one organization for each.
func (s *Service) Bind(ctx context.Context, tx store.Tx, organization uuid.UUID, domain, proof string, at time.Time) (api.SSODomain, error) {
	err := ssodb.New(tx).BindDomain(ctx, ssodb.BindDomainParams{OrganizationID: organization, Domain: domain, Proof: proof, At: at})
	if store.Constraint(err) == "sso_domains_bound" {
		return api.SSODomain{}, problem.Conflict("domain-taken", "The domain %s is bound to another organization. It has to be removed there first; if you do not know it, ask Souk's operator.", domain)
	}
	if err != nil {
		return api.SSODomain{}, err
	}
	return s.Domain(ctx, tx, organization, domain)
}

// Remove gives a domain up. If it was bound, sessions that began by single sign-on
// end: whose they are cannot be told from outside any more.
func (s *Service) Remove(ctx context.Context, tx store.Tx, organization uuid.UUID, domain string, at time.Time) error {
	q := ssodb.New(tx)
	bound, err := q.RemoveDomain(ctx, ssodb.RemoveDomainParams{OrganizationID: organization, Domain: domain})
	if errors.Is(err, pgx.ErrNoRows) {
		return &problem.Error{Status: http.StatusNotFound, Code: "not-found", Detail: "The organization has no such domain."}
	}
	if err != nil || !bound {
		return err
	}
	return q.Renew(ctx, ssodb.RenewParams{OrganizationID: organization, Generation: store.NewID(), UpdatedAt: at})
}
