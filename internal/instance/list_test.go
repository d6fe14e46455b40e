package instance_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/problem"
	"souk/internal/store"
)

// Pages of every sort order, forwards and backwards, hold every instance once.
func TestPagesHoldEverythingOnce(t *testing.T) {
	w := instancetest.New(t)
	for i := range 7 {
		w.Order(t, fmt.Sprintf("db%d", i), func(s *api.InstanceSpec) { s.StorageGiB = int64(10 + i/3) })
		if i%2 == 0 {
			w.Machine.Advance(time.Microsecond)
		}
	}
	for _, key := range []string{"name", "createdAt", "updatedAt", "phase", "service", "storageGiB"} {
		for _, sort := range []string{key, "-" + key} {
			var seen []string
			q := instance.Query{Project: w.Acme.Project, Sort: sort, Limit: 2}
			for page := 0; page < 9; page++ {
				err := w.As(t, w.Acme, func(tx store.Tx) error {
					found, next, err := w.List(t.Context(), tx, q)
					for _, v := range found {
						seen = append(seen, v.Name)
					}
					q.Cursor = next
					return err
				})
				if err != nil {
					t.Fatalf("%s: %v", sort, err)
				}
				if q.Cursor == "" {
					break
				}
			}
			if got := len(seen); got != 7 || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != 7 {
				t.Errorf("sorted by %s: %v", sort, seen)
			}
		}
	}
}

func TestBadQueriesAreRefused(t *testing.T) {
	w := instancetest.New(t)
	w.Order(t, "db1")
	cursor := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	const id = `"i":"019a0000-0000-7000-8000-000000000000"`
	for _, c := range []struct {
		what  string
		q     instance.Query
		field string
	}{
		{"a negative limit", instance.Query{Limit: -1}, "query.limit"},
		{"too large a page", instance.Query{Limit: 201}, "query.limit"},
		{"SQL for a sort", instance.Query{Sort: "name; DROP TABLE instances"}, "query.sort"},
		{"two hyphens", instance.Query{Sort: "--name"}, "query.sort"},
		{"a cursor that is none", instance.Query{Cursor: "%%%"}, "query.cursor"},
		{"another listing's cursor", instance.Query{Sort: "name", Cursor: cursor(`{"s":"-name","v":"a",` + id + `}`)}, "query.cursor"},
		{"a cursor with a date that is none", instance.Query{Sort: "createdAt", Cursor: cursor(`{"s":"createdAt","v":"2026-99-99T99:99:99.999999Z",` + id + `}`)}, "query.cursor"},
		{"a cursor with SQL for a date", instance.Query{Sort: "createdAt", Cursor: cursor(`{"s":"createdAt","v":"now()",` + id + `}`)}, "query.cursor"},
		{"a cursor with SQL for a number", instance.Query{Sort: "storageGiB", Cursor: cursor(`{"s":"storageGiB","v":"1 OR 1=1",` + id + `}`)}, "query.cursor"},
	} {
		t.Run(c.what, func(t *testing.T) {
			err := w.As(t, w.Acme, func(tx store.Tx) error {
				_, _, err := w.List(t.Context(), tx, c.q)
				return err
			})
			if p := problem.As(err); p == nil || len(p.Fields) != 1 || p.Fields[0].Location != c.field {
				t.Errorf("got %v, want something about %s", err, c.field)
			}
		})
	}
}

func TestPatternsInASearchStandForThemselves(t *testing.T) {
	w := instancetest.New(t)
	w.Order(t, "db1", func(s *api.InstanceSpec) { s.DisplayName = `100 %_of\it` })
	w.Order(t, "db2")
	for text, want := range map[string]int{"%": 1, "_": 1, `\`: 1, `%_of\`: 1, "db": 2, "b%1": 0, "DB1": 1} {
		err := w.As(t, w.Acme, func(tx store.Tx) error {
			found, _, err := w.List(t.Context(), tx, instance.Query{Text: text})
			if len(found) != want {
				t.Errorf("%q finds %d, want %d", text, len(found), want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Each filter finds what it names, all labels together, and what an instance was
// labelled before it was changed does not count.
func TestFilters(t *testing.T) {
	w := instancetest.New(t)
	order := func(p instance.Place, name string, labels map[string]string) {
		err := w.As(t, p, func(tx store.Tx) error {
			o := instancetest.Order(name)
			o.Metadata.Labels = labels
			_, err := w.Service.Order(t.Context(), tx, p, o)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	order(w.Acme, "db1", map[string]string{"team": "a", "tier": "gold"})
	order(w.Acme, "db2", map[string]string{"team": "a"})
	w.Act(t, "db2", func(ctx context.Context, tx store.Tx, p instance.Place, name string) (instance.View, error) {
		put := instancetest.Put()
		put.Metadata.Labels = map[string]string{"team": "b"}
		return w.Service.Update(ctx, tx, p, name, put, instancetest.AnyVersion)
	})
	w.Ready(t, "db3", func(s *api.InstanceSpec) { s.Plan = "medium" })
	order(w.Globex, "db4", map[string]string{"team": "a"})
	for _, c := range []struct {
		what string
		q    instance.Query
		want string
	}{
		{"everything", instance.Query{}, "db1 db2 db3"},
		{"a label", instance.Query{Labels: map[string]string{"team": "a"}}, "db1"},
		{"a label that was changed", instance.Query{Labels: map[string]string{"team": "b"}}, "db2"},
		{"two labels", instance.Query{Labels: map[string]string{"team": "a", "tier": "gold"}}, "db1"},
		{"two labels that none has together", instance.Query{Labels: map[string]string{"team": "b", "tier": "gold"}}, ""},
		{"a phase", instance.Query{Phase: "Ready"}, "db3"},
		{"a plan", instance.Query{Plan: "medium"}, "db3"},
		{"a plan that is not there", instance.Query{Plan: "none"}, ""},
		{"a zone", instance.Query{Zone: "local"}, "db1 db2 db3"},
		{"a zone that is not there", instance.Query{Zone: "none"}, ""},
		{"a service", instance.Query{Service: "postgresql"}, "db1 db2 db3"},
		{"one's own organization", instance.Query{Organization: "acme"}, "db1 db2 db3"},
		{"another organization", instance.Query{Organization: "globex"}, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			err := w.As(t, w.Acme, func(tx store.Tx) error {
				found, _, err := w.List(t.Context(), tx, c.q)
				var names []string
				for _, v := range found {
					names = append(names, v.Name)
				}
				if got := strings.Join(names, " "); got != c.want {
					t.Errorf("finds %q, want %q", got, c.want)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
