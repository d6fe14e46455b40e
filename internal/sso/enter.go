package sso

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/sso/ssodb"
	"souk/internal/store"
	"souk/internal/tenancy"
)

// Finish ends a sign-in with what the provider sent the person back with: it
// begins a session, and says where the person wanted to go.
func (s *Service) Finish(ctx context.Context, in api.SSOFinish, from tenancy.Caller, now time.Time) (tenancy.Session, string, error) {
	flow, c, err := s.take(ctx, in, now)
	if err != nil {
		return tenancy.Session{}, "", err
	}
	who, err := s.ask(ctx, c, flow.RedirectUri, in)
	if err != nil {
		return tenancy.Session{}, "", err
	}
	if !who.verified {
		return tenancy.Session{}, "", refuse("sso-email-unverified", "The identity provider does not say that your e-mail address is verified, so it could be anybody's. Ask whoever looks after it.")
	}
	session, err := s.enter(ctx, c, who, from, now)
	return session, flow.ReturnTo, err
}

// enter begins the session of whom the provider vouches for, with the role that
// the person's groups mean now.
func (s *Service) enter(ctx context.Context, c connection, who person, from tenancy.Caller, now time.Time) (tenancy.Session, error) {
	role, groups, err := roleOf(c, who.groups)
	if err != nil {
		return tenancy.Session{}, err
	}
	var session tenancy.Session
	var refused error // which takes a role away, and so is no error of the transaction
	err = s.Store.System(ctx, func(tx store.Tx) error {
		refused = nil
		account, err := s.account(ctx, tx, c, who, role != "", now)
		if err != nil {
			return err
		}
		member, err := tenancy.RoleBySSO{
			Organization: c.OrganizationID, Account: account.ID, Email: account.Email, Role: role, Groups: groups, RequestID: from.RequestID, At: now,
		}.Apply(ctx, tx)
		if err != nil {
			return err
		}
		if !member {
			refused = noRole(c)
			return nil
		}
		session, err = tenancy.SessionBySSO(ctx, tx, account.ID, account.Email, c.Generation, from, map[string]any{"sso": c.organization, "issuer": c.Issuer}, now)
		return err
	})
	return session, errors.Join(err, refused)
}

func noRole(c connection) error {
	return refuse("sso-no-role", "You are known to the identity provider, but none of your groups there gives you a role in the organization %s. Ask one of its owners.", c.organization)
}

// account finds the account of the person: the one that is tied to them, or that
// has their address, or a new one.
func (s *Service) account(ctx context.Context, tx store.Tx, c connection, who person, welcome bool, now time.Time) (ssodb.IdentityRow, error) {
	q := ssodb.New(tx)
	if err := s.vouches(ctx, q, c, who.email); err != nil {
		return ssodb.IdentityRow{}, err
	}
	if err := tenancy.LockEmail(ctx, tx, who.email); err != nil {
		return ssodb.IdentityRow{}, err
	}
	account, err := q.Identity(ctx, ssodb.IdentityParams{OrganizationID: c.OrganizationID, Issuer: c.Issuer, Subject: who.subject})
	if errors.Is(err, pgx.ErrNoRows) {
		var known ssodb.AccountOfEmailRow
		known, err = q.AccountOfEmail(ctx, who.email)
		account = ssodb.IdentityRow(known)
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows) && !welcome:
		return account, noRole(c)
	case errors.Is(err, pgx.ErrNoRows):
		account.Email = who.email
		account.ID, err = tenancy.NewcomerBySSO(ctx, tx, who.email, who.name, now)
	case err == nil && account.DisabledAt != nil:
		return account, refuse("account-disabled", "Your account is disabled. Ask an administrator of your organization.")
	case err == nil:
		err = s.vouches(ctx, q, c, account.Email) // which may have been of a domain that went to others since
	}
	if err != nil {
		return account, err
	}
	return account, tie(ctx, q, c, who.subject, account.ID, now)
}

// vouches refuses addresses that are none of the organization's: of them its
// provider can say what it likes.
func (s *Service) vouches(ctx context.Context, q *ssodb.Queries, c connection, email string) error {
	domain, ok := domainOf(email)
	bound, err := q.Bound(ctx, ssodb.BoundParams{OrganizationID: c.OrganizationID, Domain: domain})
	if err == nil && (!ok || !bound) {
		return refuse("sso-domain", "Your e-mail address is not of a domain that is bound to the organization %s, so its identity provider cannot vouch for it.", c.organization)
	}
	return err
}

// tie remembers who the person is to the provider. An address that the provider
// has given to somebody else does not lead into the account of whoever had it.
func tie(ctx context.Context, q *ssodb.Queries, c connection, subject string, account uuid.UUID, now time.Time) error {
	n, err := q.Tie(ctx, ssodb.TieParams{OrganizationID: c.OrganizationID, Issuer: c.Issuer, Subject: subject, AccountID: account, At: now})
	if store.ErrorCode(err) == "23505" || (err == nil && n == 0) {
		return refuse("sso-somebody-else", "The account with your e-mail address belongs to somebody else at the identity provider, who had the address before. Ask an owner of your organization.")
	}
	return err
}

// roleOf is the largest role of the groups, or the default one; it says which
// groups give it.
func roleOf(c connection, groups []string) (role api.Role, from []string, err error) {
	var table []api.SSOGroup
	if err := json.Unmarshal(c.GroupRoles, &table); err != nil {
		return "", nil, err
	}
	best := len(authz.Ladder)
	for _, g := range table {
		if at := slices.Index(authz.Ladder, g.Role); at >= 0 && at < best && slices.Contains(groups, g.Group) {
			best = at
		}
	}
	if best == len(authz.Ladder) {
		if c.DefaultRole != nil {
			role = api.Role(*c.DefaultRole)
		}
		return role, []string{}, nil
	}
	role = authz.Ladder[best]
	for _, g := range table {
		if g.Role == role && slices.Contains(groups, g.Group) {
			from = append(from, g.Group)
		}
	}
	slices.SortFunc(from, strings.Compare)
	return role, from, nil
}
