// Package httpapitest serves the API over HTTP on a database of its own, with
// organizations and tokens for tests, and checks each answer against the
// OpenAPI document.
package httpapitest

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/alert"
	"souk/internal/clock"
	"souk/internal/httpapi"
	"souk/internal/instance"
	"souk/internal/mail"
	"souk/internal/metrics"
	"souk/internal/ratelimit"
	"souk/internal/signing"
	"souk/internal/store"
	"souk/internal/store/storetest"
	"souk/internal/tenancy"
)

// The organizations that every Env has. Each has a project of a name of its own,
// and one that all have.
const (
	Own      = "acme"   // project "shop"
	Other    = "globex" // project "lab"
	Operator = "souk"   // project "desk"

	// OwnProject and OtherProject are in Own and in Other.
	OwnProject, OtherProject = "shop", "lab"
	// SecondProject is in each organization.
	SecondProject = "second"
	// EmptyProject is in Own; no test orders there.
	EmptyProject = "empty"
)

// Env is a running API.
type Env struct {
	Store    *store.Store
	Config   store.Config
	Clock    *clock.Manual
	Server   *httpapi.Server
	URL      string
	Document *Document
	Client   *http.Client
	DNS      *DNS
	Alerts   *alert.Service
	Signing  *signing.Service
	Metrics  *metrics.Local // where figures are kept
	// Organizations and Projects by name; projects as "acme/shop".
	Organizations, Projects map[string]uuid.UUID
	tokens                  map[[3]string]string

	instances *instance.Service
	mails     *mail.Worker
	zone      uuid.UUID
	facts     uint64 // reported of the zone
	ready     map[string]*Instance
}

// New starts an API; change, where given, changes its configuration.
func New(t testing.TB, change ...func(*httpapi.Config)) *Env {
	t.Helper()
	e := &Env{Config: storetest.NewConfig(t), Clock: &clock.Manual{}, DNS: &DNS{}, Organizations: map[string]uuid.UUID{}, Projects: map[string]uuid.UUID{}, tokens: map[[3]string]string{}, ready: map[string]*Instance{}}
	var err error
	if e.Store, err = store.Open(t.Context(), e.Config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Store.Close)
	many := ratelimit.Rate{PerSecond: 1e6, Burst: 1e6}
	c := httpapi.Config{
		Store: e.Store, Logger: slog.New(slog.NewTextHandler(testWriter{t}, nil)), Version: "test", Dev: true,
		PerToken: many, PerAddress: many, PerWriter: many, SlowRequest: time.Minute,
	}
	e.equip(t, &c)
	for _, f := range change {
		f(&c)
	}
	e.Server = httpapi.New(c)
	if e.Document, err = ParseDocument(e.Server.Document()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e.Server.Handler())
	t.Cleanup(server.Close)
	e.URL = server.URL
	e.Client = &http.Client{
		Transport: Transport{Base: server.Client().Transport, Document: e.Document, Differs: func(err error) { t.Error(err) }},
		Timeout:   time.Minute,
	}
	e.plant(t)
	return e
}

// testWriter sends the API's log to the test's.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(line []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(line)))
	return len(line), nil
}

func (e *Env) plant(t testing.TB) {
	t.Helper()
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		for name, s := range map[string]tenancy.Seed{
			Own:      {Kinds: []string{"customer"}, Projects: []string{OwnProject, SecondProject, EmptyProject}},
			Other:    {Kinds: []string{"customer"}, Projects: []string{OtherProject, SecondProject}},
			Operator: {Kinds: []string{"operator"}, Projects: []string{"desk", SecondProject}},
		} {
			s.Name, s.TimeZone = name, "Europe/Zurich"
			id, err := s.Plant(ctx, tx, e.Clock.Now())
			if err != nil {
				return err
			}
			e.Organizations[name] = id
			for _, p := range s.Projects {
				if e.Projects[name+"/"+p], err = tenancy.ProjectID(ctx, tx, id, p); err != nil {
					return err
				}
			}
		}
		return e.offer(ctx, tx)
	})
}

// System runs f in a transaction that sees all tenants.
func (e *Env) System(t testing.TB, f func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	if err := e.Store.System(t.Context(), func(tx store.Tx) error { return f(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

// Token returns the secret of a token with the role in the organization, or in
// the project only.
func (e *Env) Token(t testing.TB, organization, project string, role api.Role) string {
	t.Helper()
	key := [3]string{organization, project, string(role)}
	if e.tokens[key] == "" {
		e.tokens[key] = e.NewToken(t, organization, project, role, e.Clock.Now().AddDate(1, 0, 0), nil)
	}
	return e.tokens[key]
}

// NewToken makes a token that no other test uses.
func (e *Env) NewToken(t testing.TB, organization, project string, role api.Role, expires time.Time, revoked *time.Time) string {
	t.Helper()
	secret := tenancy.NewSecret()
	hash := sha256.Sum256([]byte(secret))
	var projectID *uuid.UUID
	if project != "" {
		id := e.Projects[organization+"/"+project]
		projectID = &id
	}
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO tokens (id, organization_id, project_id, name, role, secret_hash, created_by, created_at, expires_at, revoked_at)
			VALUES ($1, $2, $3, $4, $5, $6, 'test', $7, $8, $9)`,
			store.NewID(), e.Organizations[organization], projectID, string(role), string(role), hash[:], e.Clock.Now(), expires, revoked)
		return err
	})
	return secret
}

// Password is that of every account that an Env makes.
const Password = "correct horse battery staple"

// hashed once: hashing takes its time by design.
var passwordHash = sync.OnceValue(func() string { return tenancy.HashPassword(Password) })

// Account makes a person's account.
func (e *Env) Account(t testing.TB, email string) uuid.UUID {
	t.Helper()
	id := store.NewID()
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO accounts (id, email, password_hash, created_at) VALUES ($1, $2, $3, $4)",
			id, email, passwordHash(), e.Clock.Now())
		return err
	})
	return id
}

// Member makes a person's account and gives it the role.
func (e *Env) Member(t testing.TB, organization, email string, role api.Role) (id uuid.UUID) {
	t.Helper()
	account := e.Account(t, email)
	id = store.NewID()
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO members (id, organization_id, account_id, role, created_at) VALUES ($1, $2, $3, $4, $5)",
			id, e.Organizations[organization], account, role, e.Clock.Now())
		return err
	})
	return id
}

// Login returns a session token of a person that Member or Account made.
func (e *Env) Login(t testing.TB, email string) string {
	t.Helper()
	var out api.LoginResponse
	e.Do(t, Request{Method: "POST", Path: "/api/v1/login", Body: api.LoginRequest{Email: email, Password: Password}}).Want(t, 200).Decode(t, &out)
	return out.Token
}

// Session returns a session token of a person, as Login does, without the cost
// of a log-in.
func (e *Env) Session(t testing.TB, email string) string {
	t.Helper()
	secret := tenancy.NewSecret()
	hash := sha256.Sum256([]byte(secret))
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO sessions (id, account_id, secret_hash, created_at, expires_at) SELECT $1, id, $2, $3, $4 FROM accounts WHERE email = $5",
			store.NewID(), hash[:], e.Clock.Now(), e.Clock.Now().Add(tenancy.SessionLasts), email)
		return err
	})
	return secret
}

// View begins to look as the organization's people do, and returns the view's ID.
func (e *Env) View(t testing.TB, token, organization string) string {
	t.Helper()
	var v api.View
	e.Do(t, Request{Method: "POST", Path: "/api/v1/operator/organizations/" + organization + "/view", Token: token, Body: api.ViewStart{Reason: "a ticket of theirs"}}).Want(t, 201).Decode(t, &v)
	return v.ID
}
