package tenancy

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// secretPrefix lets people and scanners see what the text is.
const secretPrefix = "souk_"

// NewSecret returns a bearer secret: 256 random bits. Only its hash is kept.
func NewSecret() string {
	bits := make([]byte, 32)
	rand.Read(bits) // never fails
	return secretPrefix + base64.RawURLEncoding.EncodeToString(bits)
}

// hashSecret needs no salt and no stretching: the bits are random.
func hashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// touchEvery is how exact the record of a secret's last use is.
const touchEvery = time.Minute

// Authenticate returns who holds the secret of a token or session, with all
// grants, in one round trip. Grants are read each time, so that what is taken
// from a member is gone with the next request.
func Authenticate(ctx context.Context, s *store.Store, secret string, now time.Time) (authz.Principal, error) {
	if !strings.HasPrefix(secret, secretPrefix) || len(secret) > 128 {
		return authz.Principal{}, problem.Unauthenticated("This is not a token of Souk's.")
	}
	q := tenancydb.New(s.SystemPool())
	rows, err := q.Authenticate(ctx, hashSecret(secret))
	if err != nil {
		return authz.Principal{}, err
	}
	if err := usable(rows, now); err != nil {
		return authz.Principal{}, err
	}
	if w := rows[0]; w.LastUsedAt == nil || now.Sub(*w.LastUsedAt) >= touchEvery {
		if err := touch(ctx, q, w, now); err != nil {
			return authz.Principal{}, err
		}
	}
	return principal(rows), nil
}

func usable(rows []tenancydb.AuthenticateRow, now time.Time) error {
	switch {
	case len(rows) == 0:
		return problem.Unauthenticated("The token is not known. Log in again, or ask for a new token.")
	case rows[0].RevokedAt != nil:
		return problem.Unauthenticated("The token has been revoked. Log in again, or ask for a new token.")
	case !now.Before(rows[0].ExpiresAt):
		return problem.Unauthenticated("The token has expired. Log in again, or ask for a new token.")
	case rows[0].SsoEnded:
		return problem.Unauthenticated("The organization's single sign-on, by which you logged in, was changed or has ended. Log in again.")
	case rows[0].DisabledAt != nil:
		return problem.Unauthenticated("The account is disabled. Ask an administrator of your organization.")
	}
	return nil
}

func touch(ctx context.Context, q *tenancydb.Queries, w tenancydb.AuthenticateRow, now time.Time) error {
	if w.Session {
		return q.TouchSession(ctx, tenancydb.TouchSessionParams{ID: w.ID, LastUsedAt: &now})
	}
	return q.TouchToken(ctx, tenancydb.TouchTokenParams{ID: w.ID, LastUsedAt: &now})
}

func principal(rows []tenancydb.AuthenticateRow) authz.Principal {
	w := rows[0]
	p := authz.Principal{
		ID: "token:" + w.Principal.String(), Name: "token " + w.Name,
		Credential: w.ID, Session: w.Session, ExpiresAt: w.ExpiresAt,
	}
	if w.Session {
		p.ID, p.Name, p.Account = "account:"+w.Principal.String(), w.Name, w.Principal
		p.SSO, p.Password = w.Sso, w.Password
	}
	for _, r := range rows {
		if r.OrganizationID == nil || r.Role == nil || r.Organization == nil {
			continue
		}
		g := authz.Grant{Organization: *r.OrganizationID, OrganizationName: *r.Organization, Operator: r.Operator, Role: api.Role(*r.Role)}
		if r.ProjectID != nil && r.Project != nil {
			g.Project, g.ProjectName = *r.ProjectID, *r.Project
		}
		if r.ProjectID != nil && g.Project == uuid.Nil {
			continue
		}
		p.Grants = append(p.Grants, g)
	}
	return p
}
