package audit_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/clock"
	"souk/internal/store"
	"souk/internal/store/storetest"
	"souk/internal/tenancy"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func plant(t *testing.T, s *store.Store, name string) (id uuid.UUID) {
	t.Helper()
	err := s.System(t.Context(), func(tx store.Tx) (err error) {
		id, err = tenancy.Seed{Name: name, Kinds: []string{"customer"}, TimeZone: "UTC"}.Plant(t.Context(), tx, (&clock.Manual{}).Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestLog(t *testing.T) {
	s := storetest.New(t)
	ctx, at := t.Context(), (&clock.Manual{}).Now()
	acme, globex := plant(t, s, "acme"), plant(t, s, "globex")
	scope := store.Scope{Organizations: []uuid.UUID{acme}}
	write := func(e audit.Event) error {
		return s.Tenant(ctx, scope, func(tx store.Tx) error { return audit.Write(ctx, tx, e) })
	}
	for i := range 5 {
		e := audit.Event{
			Organization: acme, At: at.Add(time.Duration(i) * time.Second), Actor: "ann@example.org", Action: "instance.update", Kind: "instance",
			ObjectName: fmt.Sprint("db", i), Details: map[string]any{"storageGiB": float64(i)},
		}
		if i == 3 {
			e.Action, e.Kind, e.ObjectName = "token.create", "token", "100%"
		}
		if err := write(e); err != nil {
			t.Fatal(err)
		}
	}
	list := func(t *testing.T, f audit.Filter) (objects []string, records []api.AuditRecord) {
		t.Helper()
		err := s.Tenant(ctx, scope, func(tx store.Tx) (err error) {
			records, err = audit.List(ctx, tx, acme, f)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			objects = append(objects, r.Object)
		}
		return objects, records
	}
	_, all := list(t, audit.Filter{Limit: 10})
	for _, c := range []struct {
		name string
		f    audit.Filter
		want []string
	}{
		{"newest first", audit.Filter{Limit: 10}, []string{"db4", "100%", "db2", "db1", "db0", "acme"}},
		{"a page", audit.Filter{Limit: 2}, []string{"db4", "100%"}},
		{"the next page", audit.Filter{Limit: 2, Before: uuid.MustParse(all[1].ID)}, []string{"db2", "db1"}},
		{"by action", audit.Filter{Limit: 10, Action: "token.create"}, []string{"100%"}},
		{"by kind", audit.Filter{Limit: 10, Kind: "organization"}, []string{"acme"}},
		{"by text", audit.Filter{Limit: 10, Text: "DB1"}, []string{"db1"}},
		{"text is literal", audit.Filter{Limit: 10, Text: "%"}, []string{"100%"}},
		{"by actor", audit.Filter{Limit: 2, Actor: "ann@example.org"}, []string{"db4", "100%"}},
		{"an actor's name is whole", audit.Filter{Limit: 10, Actor: "ann"}, nil},
		{"by object", audit.Filter{Limit: 10, Object: "db1"}, []string{"db1"}},
		{"by object's ID", audit.Filter{Limit: 10, Object: acme.String()}, []string{"acme"}},
		{"by period", audit.Filter{Limit: 10, From: at.Add(time.Second), To: at.Add(3 * time.Second)}, []string{"db2", "db1"}},
		{"nothing", audit.Filter{Limit: 10, Text: "'"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, _ := list(t, c.f); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	if all[0].Details["storageGiB"] != 4.0 {
		t.Errorf("details %v", all[0].Details)
	}
	t.Run("only grows", func(t *testing.T) {
		for _, sql := range []string{"UPDATE audit_events SET actor = 'x'", "DELETE FROM audit_events"} {
			for name, run := range map[string]func(func(store.Tx) error) error{
				"tenant": func(f func(store.Tx) error) error { return s.Tenant(ctx, scope, f) },
				"system": func(f func(store.Tx) error) error { return s.System(ctx, f) },
			} {
				err := run(func(tx store.Tx) error {
					_, err := tx.Exec(ctx, sql)
					return err
				})
				if err == nil {
					t.Errorf("%s: %s is allowed", name, sql)
				}
			}
		}
	})
	t.Run("nobody writes into another's", func(t *testing.T) {
		if err := write(audit.Event{Organization: globex, At: at, Action: "x", Kind: "x"}); store.ErrorCode(err) != "42501" {
			t.Errorf("got %v", err)
		}
	})
}
