package tenancy_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/clock"
	"souk/internal/store"
	"souk/internal/store/storetest"
	"souk/internal/tenancy"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// A seed makes what is missing, and nothing twice; what people changed since
// stays changed.
func TestSeed(t *testing.T) {
	s := storetest.New(t)
	ctx, at := t.Context(), (&clock.Manual{}).Now()
	secret := tenancy.NewSecret()
	seed := tenancy.Seed{
		Name: "acme", DisplayName: "Acme", Kinds: []string{"customer"}, TimeZone: "Europe/Zurich", Projects: []string{tenancy.DefaultProject},
		Members: []tenancy.SeedMember{{Email: "ann@example.org", Name: "Ann", Password: "first", Role: api.RoleOwner}},
		Tokens:  []tenancy.SeedToken{{Name: "cli", Role: api.RoleOwner, Secret: secret, Days: 30}},
	}
	var ids []uuid.UUID
	for range 2 {
		err := s.System(ctx, func(tx store.Tx) error {
			id, err := seed.Plant(ctx, tx, at)
			ids = append(ids, id)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		seed.Members[0].Password, seed.Members[0].Role = "second", api.RoleViewer
	}
	if ids[0] != ids[1] {
		t.Errorf("two organizations: %v", ids)
	}
	p, err := tenancy.Authenticate(ctx, s, secret, at)
	if err != nil || p.Role(ids[0]) != api.RoleOwner {
		t.Errorf("the token's holder is %+v, %v", p, err)
	}
	logins := tenancy.NewLogins(s, &tenancy.TOTP{})
	session, err := logins.Login(ctx, tenancy.Try{Email: "ann@example.org", Password: "first", Caller: tenancy.Caller{Address: "192.0.2.1"}}, at)
	if err != nil {
		t.Fatal(err)
	}
	if p, err = tenancy.Authenticate(ctx, s, session.Secret, at); err != nil || p.Role(ids[0]) != api.RoleOwner || !p.Session {
		t.Errorf("the person is %+v, %v", p, err)
	}
	err = s.System(ctx, func(tx store.Tx) error {
		var n int
		err := tx.QueryRow(ctx, "SELECT (SELECT count(*) FROM tokens) + (SELECT count(*) FROM members) + (SELECT count(*) FROM projects) + (SELECT count(*) FROM audit_events)").Scan(&n)
		if n != 5 {
			t.Errorf("%d rows, want one token, member, project and two audit entries", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSweepLoginFailures(t *testing.T) {
	s := storetest.New(t)
	ctx, at := t.Context(), (&clock.Manual{}).Now()
	logins := tenancy.NewLogins(s, &tenancy.TOTP{})
	for i := range 3 {
		if _, err := logins.Login(ctx, tenancy.Try{Email: "nobody@example.org", Caller: tenancy.Caller{Address: "192.0.2.1"}}, at.Add(time.Duration(i)*30*time.Minute)); err == nil {
			t.Fatal("nobody logged in")
		}
	}
	err := s.System(ctx, func(tx store.Tx) error {
		n, err := tenancy.SweepLoginFailures(ctx, tx, at.Add(75*time.Minute), 100)
		if n != 1 {
			t.Errorf("%d failures forgotten, want the one older than an hour", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
