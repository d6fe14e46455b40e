package sso

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/problem"
	"souk/internal/sso/ssodb"
	"souk/internal/store"
)

// DefaultClaim is what most providers call a person's groups.
const DefaultClaim = "groups"

// URIs are where a provider has to send people to.
type URIs struct{ Redirect, SignedOut string }

// URIsAt returns those of the portal at a public address.
func URIsAt(public string) URIs { return URIs{public + "/sso/callback", public + "/login"} }

// Get returns how the organization's people sign in. The client secret is not in it.
func (s *Service) Get(ctx context.Context, tx store.Tx, organization uuid.UUID, at URIs) (api.SSO, error) {
	q := ssodb.New(tx)
	out := api.SSO{GroupClaim: DefaultClaim, Groups: []api.SSOGroup{}, PasswordsAllowed: true, Domains: []api.SSODomain{}, RedirectURI: at.Redirect, SignedOutURI: at.SignedOut}
	c, err := q.Connection(ctx, organization)
	switch {
	case err == nil:
		updated := c.UpdatedAt.UTC()
		out.Configured, out.Enabled, out.Issuer, out.ClientID, out.ClientSecretKept = true, c.Enabled, c.Issuer, c.ClientID, c.Sealed != nil
		out.GroupClaim, out.PasswordsAllowed, out.UpdatedAt = c.GroupClaim, c.PasswordsAllowed, &updated
		if c.DefaultRole != nil {
			out.DefaultRole = api.Role(*c.DefaultRole)
		}
		if err := json.Unmarshal(c.GroupRoles, &out.Groups); err != nil {
			return out, err
		}
	case !errors.Is(err, pgx.ErrNoRows):
		return out, err
	}
	out.Domains, err = domains(ctx, q, organization)
	return out, err
}

// Put says how the organization's people sign in. Sessions that began by single
// sign-on end when it is turned off, or when another provider takes over.
func (s *Service) Put(ctx context.Context, tx store.Tx, organization uuid.UUID, in api.SSOPut, at time.Time) error {
	if in.GroupClaim == "" {
		in.GroupClaim = DefaultClaim
	}
	if err := s.check(in); err != nil {
		return err
	}
	q := ssodb.New(tx)
	before, err := q.LockConnection(ctx, organization)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	sealed, err := s.seal(ctx, organization, before, in)
	if err != nil {
		return err
	}
	table, err := json.Marshal(append([]api.SSOGroup{}, in.Groups...))
	if err != nil {
		return err
	}
	next := ssodb.PutConnectionParams{
		OrganizationID: organization, Generation: before.Generation, Issuer: in.Issuer, ClientID: in.ClientID, Sealed: sealed, GroupClaim: in.GroupClaim, GroupRoles: table,
		PasswordsAllowed: in.PasswordsAllowed, Enabled: in.Enabled, At: at,
	}
	if role := string(in.DefaultRole); role != "" {
		next.DefaultRole = &role
	}
	if before.Issuer != in.Issuer || before.ClientID != in.ClientID || !in.Enabled {
		next.Generation = store.NewID()
	}
	return q.PutConnection(ctx, next)
}

// seal returns the client secret to keep.
func (s *Service) seal(ctx context.Context, organization uuid.UUID, before ssodb.SsoConnection, in api.SSOPut) ([]byte, error) {
	switch {
	case in.ClientSecret == nil && before.Sealed != nil && (before.Issuer != in.Issuer || before.ClientID != in.ClientID):
		return nil, problem.InvalidField("body.clientSecret", nil, "has to be entered again when the issuer or the client ID changes: the one that is kept is sent to nobody else")
	case in.ClientSecret == nil:
		return before.Sealed, nil
	case *in.ClientSecret == "":
		return nil, nil
	}
	return s.Secrets.Seal(ctx, Place(organization.String()), []byte(*in.ClientSecret))
}

// secret returns the client secret of the connection, or "".
func (s *Service) secret(ctx context.Context, c connection) (string, error) {
	if c.Sealed == nil {
		return "", nil
	}
	secret, err := s.Secrets.Open(ctx, Place(c.OrganizationID.String()), c.Sealed)
	return string(bytes.TrimSpace(secret)), err
}

// check refuses what cannot be a connection.
func (s *Service) check(in api.SSOPut) error {
	var fields []problem.Field
	wrong := func(location, message string) {
		fields = append(fields, problem.Field{Location: "body." + location, Message: message})
	}
	if u, err := url.Parse(in.Issuer); err != nil || s.rules().CheckURL(u) != nil || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(in.Issuer, "#") || strings.HasSuffix(in.Issuer, "?") {
		wrong("issuer", "must be the provider's address and begin with https://, such as https://login.example.com")
	}
	if !plain(in.ClientID) || strings.TrimSpace(in.ClientID) == "" {
		wrong("clientID", "must be plain text in one line")
	}
	if !plain(in.GroupClaim) {
		wrong("groupClaim", "must be plain text in one line")
	}
	if in.ClientSecret != nil && !plain(*in.ClientSecret) {
		wrong("clientSecret", "must be plain text in one line")
	}
	for i, g := range in.Groups {
		if !plain(g.Group) || strings.TrimSpace(g.Group) == "" {
			wrong(fmt.Sprintf("groups[%d].group", i), "must be plain text in one line")
		} else if slices.ContainsFunc(in.Groups[:i], func(other api.SSOGroup) bool { return other.Group == g.Group }) {
			wrong(fmt.Sprintf("groups[%d].group", i), "is there twice")
		}
	}
	if len(fields) > 0 {
		return problem.Invalid(fields...)
	}
	return nil
}

func plain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// Delete ends single sign-on, and the sessions that began by it. Who is a member
// stays one.
func (s *Service) Delete(ctx context.Context, tx store.Tx, organization uuid.UUID) error {
	q := ssodb.New(tx)
	n, err := q.DeleteConnection(ctx, organization)
	if err != nil {
		return err
	}
	if n == 0 {
		return notConfigured()
	}
	return q.ForgetIdentities(ctx, organization)
}

func notConfigured() error {
	return &problem.Error{Status: http.StatusNotFound, Code: "not-found", Detail: "The organization has no single sign-on."}
}

// Issuer returns the organization's, to be tested.
func (s *Service) Issuer(ctx context.Context, tx store.Tx, organization uuid.UUID) (string, error) {
	c, err := ssodb.New(tx).Connection(ctx, organization)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", notConfigured()
	}
	return c.Issuer, err
}

// Test asks the provider what it is, and for its keys.
func (s *Service) Test(ctx context.Context, issuer string) api.SSOTest {
	out := api.SSOTest{Warnings: []string{}}
	p, err := s.discover(ctx, issuer)
	if err != nil {
		out.Problem = explain(err)
		return out
	}
	var keys struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := s.fetch(ctx, p.JWKSURL, &keys); err != nil {
		out.Problem = "Its signing keys cannot be fetched. " + explain(err)
		return out
	}
	if len(keys.Keys) == 0 {
		out.Problem = "It publishes no signing keys."
		return out
	}
	if len(p.ResponseTypes) > 0 && !slices.Contains(p.ResponseTypes, "code") {
		out.Problem = "It does not offer the authorization code flow (response type code)."
		return out
	}
	if !slices.Contains(p.Challenges, "S256") {
		out.Warnings = append(out.Warnings, "It does not say that it knows PKCE (S256). Souk uses it all the same.")
	}
	if p.EndSession == "" {
		out.Warnings = append(out.Warnings, "It has no sign-out of its own: signing out of Souk leaves people signed in at the provider.")
	}
	out.OK, out.SignOut = true, p.EndSession != ""
	return out
}

// SignOut returns the address at which a person whose session began by the
// organization's single sign-on ends the one at the provider too, or "".
func (s *Service) SignOut(ctx context.Context, organization string, at URIs) string {
	c, err := s.find(ctx, api.SSOStart{Organization: organization})
	if err != nil {
		return ""
	}
	p, err := s.provider(ctx, c.Issuer)
	if err != nil || p.EndSession == "" {
		return ""
	}
	u, err := url.Parse(p.EndSession)
	if err != nil {
		return ""
	}
	query := u.Query()
	query.Set("client_id", c.ClientID)
	query.Set("post_logout_redirect_uri", at.SignedOut)
	u.RawQuery = query.Encode()
	return u.String()
}
