package store_test

import (
	"testing"

	"github.com/google/uuid"

	"souk/internal/store"
	"souk/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// Every table that names an organization is under forced row-level security
// with the policies of rule 5, and no role of Souk's may pass it by.
func TestTenantTablesAreGuarded(t *testing.T) {
	s := storetest.New(t)
	unguarded := map[string]bool{
		"providers": true, "zones": true, // the public catalog
		"changes": true, // souk_app can only append to it
	}
	err := s.System(t.Context(), func(tx store.Tx) error {
		rows, err := tx.Query(t.Context(), `
			SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
				(SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname IN ('owner_all', 'system_all', 'tenant', 'operator_reads')) = 4
			FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id'
			WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace`)
		if err != nil {
			return err
		}
		defer rows.Close()
		n := 0
		for rows.Next() {
			var name string
			var forced, policies bool
			if err := rows.Scan(&name, &forced, &policies); err != nil {
				return err
			}
			n++
			if !unguarded[name] && (!forced || !policies) {
				t.Errorf("table %s: row-level security forced %v, its four policies there %v", name, forced, policies)
			}
		}
		if n < 10 {
			t.Errorf("only %d tables name an organization", n)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTenantSeesItsOwnRowsOnly(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	a, b := uuid.New(), uuid.New()
	err := s.System(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO organizations (id, name, created_at, updated_at) VALUES ($1, 'a', '2026-01-01', '2026-01-01'), ($2, 'b', '2026-01-01', '2026-01-01')`, a, b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		scope store.Scope
		want  int
	}{
		{"nobody", store.Scope{}, 0},
		{"a", store.Scope{Organizations: []uuid.UUID{a}}, 1},
		{"both", store.Scope{Organizations: []uuid.UUID{a, b}}, 2},
		{"operator", store.Scope{Reader: "operator"}, 2},
		{"unknown reader", store.Scope{Reader: "guess"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := s.Tenant(ctx, c.scope, func(tx store.Tx) error {
				var n int
				if err := tx.QueryRow(ctx, "SELECT count(*) FROM organizations").Scan(&n); err != nil {
					return err
				}
				if n != c.want {
					t.Errorf("sees %d organizations, want %d", n, c.want)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
	err = s.Tenant(ctx, store.Scope{Organizations: []uuid.UUID{a}}, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO projects (id, organization_id, name, created_at, updated_at) VALUES ($1, $2, 'x', '2026-01-01', '2026-01-01')`, uuid.New(), b)
		return err
	})
	if store.ErrorCode(err) != "42501" {
		t.Errorf("a writes into b: got %v, want insufficient privilege", err)
	}
}
