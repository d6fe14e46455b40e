package instance_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"souk/api"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/problem"
	"souk/internal/servicepkg"
	"souk/internal/store"
	"souk/services/postgresql"
)

func ordering(o api.InstanceOrder, s *instance.Service) command {
	return func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return s.Order(ctx, tx, p, o)
	}
}

func TestOrderIsOneRecord(t *testing.T) {
	w := instancetest.New(t)
	before := w.Snapshot(t)
	v := w.Order(t, "db1", func(s *api.InstanceSpec) { s.Plan, s.StorageGiB, s.Protected = "", 0, nil })
	changesOnly(t, w, before, "instances", "commands", "segments", "audit_events", "instance_events", "changes", "bindings", "credentials", "reservations", "organization_use", "zone_use")
	if v.Phase != "Pending" || v.Generation != 1 || v.Version != 1 || v.Plan != "small" || v.StorageGib != 10 || !v.Protected || v.Zone != "local" || v.Organization != "acme" {
		t.Errorf("ordered %+v", v)
	}
	for _, row := range []string{
		"commands WHERE kind = 'order' AND generation = 1 AND actor = 'user:jane'",
		"segments WHERE state = 'provisioning' AND NOT compute_billed AND NOT storage_billed AND to_at IS NULL",
		"audit_events WHERE action = 'instance.order' AND object_name = 'db1' AND request_id = 'request-1' AND actor = 'user:jane'",
		"changes WHERE desired AND kind = 'instance'",
		"credentials WHERE login = 'default_1' AND position('souk'::bytea in secret) = 0",
	} {
		if n := w.Count(t, row); n != 1 {
			t.Errorf("%d %s", n, row)
		}
	}
}

func TestBadOrdersAreRefusedAndChangeNothing(t *testing.T) {
	w := instancetest.New(t)
	w.Order(t, "taken")
	w.Superuser(t, false, "UPDATE zones SET capacity_storage_gib = 40, capacity_cpu_millis = 900 WHERE name = 'local'")
	name := func(n string) api.InstanceOrder { return instancetest.Order(n) }
	spec := func(f func(*api.InstanceSpec)) api.InstanceOrder { return instancetest.Order("db1", f) }
	labels := func(k, v string) api.InstanceOrder {
		o := instancetest.Order("db1")
		o.Metadata.Labels = map[string]string{k: v}
		return o
	}
	prices := func(n int) api.InstanceOrder {
		o := instancetest.Order("db1")
		o.AcceptedPriceList = n
		return o
	}
	for _, c := range []struct {
		what        string
		order       api.InstanceOrder
		code, field string
	}{
		{"no name", name(""), "invalid", "body.metadata.name"},
		{"a name with spaces", name("my db"), "invalid", "body.metadata.name"},
		{"a name in capitals", name("DB1"), "invalid", "body.metadata.name"},
		{"a name of 64 characters", name(strings.Repeat("a", 64)), "invalid", "body.metadata.name"},
		{"a name with a newline after it", name("db1\n"), "invalid", "body.metadata.name"},
		{"SQL for a name", name("x'; DROP TABLE instances; --"), "invalid", "body.metadata.name"},
		{"a name taken", name("taken"), "name-taken", ""},
		{"no service", spec(func(s *api.InstanceSpec) { s.Service = "" }), "invalid", "body.spec.service"},
		{"an unknown service", spec(func(s *api.InstanceSpec) { s.Service = "oracle" }), "invalid", "body.spec.service"},
		{"SQL for a service", spec(func(s *api.InstanceSpec) { s.Service = "' OR '1'='1" }), "invalid", "body.spec.service"},
		{"an unknown zone", spec(func(s *api.InstanceSpec) { s.Zone = "moon" }), "invalid", "body.spec.zone"},
		{"a zone where it is not offered", spec(func(s *api.InstanceSpec) { s.Zone = "abroad" }), "invalid", "body.spec.zone"},
		{"an unknown plan", spec(func(s *api.InstanceSpec) { s.Plan = "gigantic" }), "invalid", "body.spec.plan"},
		{"a service level that is not offered", spec(func(s *api.InstanceSpec) { s.ServiceLevel = "guaranteed" }), "invalid", "body.spec.serviceLevel"},
		{"negative storage", spec(func(s *api.InstanceSpec) { s.StorageGiB = -1 }), "invalid", "body.spec.storageGiB"},
		{"less storage than the plan's least", spec(func(s *api.InstanceSpec) { s.StorageGiB = 9 }), "invalid", "body.spec.storageGiB"},
		{"more storage than the plan's most", spec(func(s *api.InstanceSpec) { s.StorageGiB = 501 }), "invalid", "body.spec.storageGiB"},
		{"the most storage that there is", spec(func(s *api.InstanceSpec) { s.StorageGiB = 1<<63 - 1 }), "invalid", "body.spec.storageGiB"},
		{"a parameter off the list", spec(func(s *api.InstanceSpec) { s.Parameters = map[string]any{"archive_command": "rm -rf /"} }), "invalid", "body.spec.parameters.archive_command"},
		{"a parameter out of range", spec(func(s *api.InstanceSpec) { s.Parameters = map[string]any{"max_connections": 5} }), "invalid", "body.spec.parameters.max_connections"},
		{"a parameter of another type", spec(func(s *api.InstanceSpec) { s.Parameters = map[string]any{"work_mem": "4MB"} }), "invalid", "body.spec.parameters.work_mem"},
		{"SQL in a parameter", spec(func(s *api.InstanceSpec) { s.Parameters = map[string]any{"timezone": "UTC'; DROP TABLE x; --"} }), "invalid", "body.spec.parameters.timezone"},
		{"a network that is none", spec(func(s *api.InstanceSpec) { s.AllowedNetworks = []string{"10.0.0.0/8", "all"} }), "invalid", "body.spec.allowedNetworks[1]"},
		{"too many networks, though all equal", spec(func(s *api.InstanceSpec) { s.AllowedNetworks = slices.Repeat([]string{"10.0.0.0/8"}, 101) }), "invalid", "body.spec.allowedNetworks"},
		{"an address with a zone", spec(func(s *api.InstanceSpec) { s.AllowedNetworks = []string{"fe80::1%eth0"} }), "invalid", "body.spec.allowedNetworks[0]"},
		{"SQL for a network", spec(func(s *api.InstanceSpec) { s.AllowedNetworks = []string{"0.0.0.0/0 trust\nhost all"} }), "invalid", "body.spec.allowedNetworks[0]"},
		{"a display name of two lines", spec(func(s *api.InstanceSpec) { s.DisplayName = "a\nb" }), "invalid", "body.spec.displayName"},
		{"a display name of 121 characters", spec(func(s *api.InstanceSpec) { s.DisplayName = strings.Repeat("ä", 121) }), "invalid", "body.spec.displayName"},
		{"a label of spaces", labels("a b", "c"), "invalid", "body.metadata.labels.a b"},
		{"SQL in a label", labels("team", `'; DROP TABLE x`), "invalid", "body.metadata.labels.team"},
		{"prices that are not those shown", prices(7), "prices-changed", ""},
		{"more storage than the zone has", spec(func(s *api.InstanceSpec) { s.StorageGiB = 31 }), "zone-full", ""},
		{"more processor than the zone has", spec(func(s *api.InstanceSpec) { s.Plan = "large" }), "zone-full", ""},
	} {
		t.Run(c.what, func(t *testing.T) { mustRefuse(t, w, c.code, c.field, ordering(c.order, w.Service)) })
	}
}

func TestOrderNamesEverythingWrongAtOnce(t *testing.T) {
	w := instancetest.New(t)
	_, err := w.Do(t, ordering(instancetest.Order("db1", func(s *api.InstanceSpec) {
		s.StorageGiB, s.DisplayName, s.AllowedNetworks, s.Parameters = -1, "\t", []string{"x"}, map[string]any{"nope": 1, "work_mem": 1}
	}), w.Service))
	if p := problem.As(err); p == nil || len(p.Fields) != 4 {
		t.Errorf("got %v, want four fields (a display name of blanks is none)", err)
	}
}

func TestZoneHasToBeAbleToRunIt(t *testing.T) {
	w := instancetest.New(t)
	for _, c := range []struct{ what, info, code, says string }{
		{"no agent has said hello", `{}`, "zone-not-ready", "no agent has reported"},
		{"its agent lacks the engine", `{"driver":"fake","engines":[{"service":"redis","version":"7"}]}`, "zone-cannot", "does not have this service"},
		{"its engine has a problem", `{"driver":"fake","engines":[{"service":"postgresql","version":"15","problem":"initdb is missing"}]}`, "zone-cannot", "initdb is missing"},
	} {
		t.Run(c.what, func(t *testing.T) {
			w.Superuser(t, false, "UPDATE zone_agents SET info = $1", c.info)
			mustRefuse(t, w, c.code, "", ordering(instancetest.Order("db1"), w.Service))
			if _, err := w.Do(t, ordering(instancetest.Order("db1"), w.Service)); !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
		})
	}
}

// Text that a user chooses comes back as it was given, whatever it looks like.
func TestSQLInTextIsKeptLiterally(t *testing.T) {
	w := instancetest.New(t)
	for i, text := range []string{`'; DROP TABLE instances; --`, `" OR ""="`, `$1`, `%s%n`, `\'; SELECT pg_sleep(10)`, `Ä "quoted" ☃`} {
		v := w.Order(t, "db"+string(rune('a'+i)), func(s *api.InstanceSpec) { s.DisplayName = text })
		if v.DisplayName != text {
			t.Errorf("%q came back as %q", text, v.DisplayName)
		}
		w.System(t, func(tx store.Tx) error {
			found, _, err := w.List(t.Context(), tx, instance.Query{Text: text})
			if err == nil && (len(found) != 1 || found[0].ID != v.ID) {
				t.Errorf("%q finds %d instances", text, len(found))
			}
			return err
		})
	}
}

func TestNetworksAreCanonical(t *testing.T) {
	w := instancetest.New(t)
	for i, c := range []struct{ given, want []string }{
		{nil, []string{"0.0.0.0/0", "::/0"}},
		{[]string{}, []string{}},
		{[]string{"10.1.2.3/8", " 10.0.0.0/8", "192.0.2.7", "2001:db8::1/32"}, []string{"10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"}},
	} {
		v := w.Order(t, "db"+string(rune('a'+i)), func(s *api.InstanceSpec) { s.AllowedNetworks = c.given })
		if strings.Join(v.AllowedNetworks, " ") != strings.Join(c.want, " ") || v.AllowedNetworks == nil {
			t.Errorf("%q became %q, want %q", c.given, v.AllowedNetworks, c.want)
		}
	}
}

func TestOverQuota(t *testing.T) {
	for _, c := range []struct{ what, column, says string }{
		{"instances", "quota_instances = 1", "2 of instances"},
		{"processor", "quota_cpu_millis = 499", "500 thousandths of a core"},
		{"memory", "quota_memory_mib = 1023", "1024 MiB"},
		{"storage", "quota_storage_gib = 19", "20 GiB"},
	} {
		t.Run(c.what, func(t *testing.T) {
			w := instancetest.New(t)
			w.Order(t, "db1")
			w.Superuser(t, false, "UPDATE organizations SET "+c.column)
			mustRefuse(t, w, "over-quota", "", ordering(instancetest.Order("db2"), w.Service))
			if _, err := w.Do(t, ordering(instancetest.Order("db2"), w.Service)); !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
		})
	}
}

// Many orders at once for the last of a quota, of a zone, or for one name: as
// many as there is room for are accepted, and the others leave nothing.
func TestRaceForTheLastSlot(t *testing.T) {
	for _, c := range []struct {
		what, limit, code string
		names             func(i int) string
		accepted          int
	}{
		{"quota", "UPDATE organizations SET quota_instances = 2", "over-quota", func(i int) string { return "db" + string(rune('a'+i)) }, 2},
		{"zone", "UPDATE zones SET capacity_instances = 3", "zone-full", func(i int) string { return "db" + string(rune('a'+i)) }, 3},
		{"name", "UPDATE organizations SET quota_instances = 100", "name-taken", func(int) string { return "db" }, 1},
	} {
		t.Run(c.what, func(t *testing.T) {
			w := instancetest.New(t)
			w.Superuser(t, false, c.limit)
			errs := make([]error, 8)
			var all sync.WaitGroup
			for i := range errs {
				all.Go(func() { _, errs[i] = w.Do(t, ordering(instancetest.Order(c.names(i)), w.Service)) })
			}
			all.Wait()
			accepted := 0
			for _, err := range errs {
				if err == nil {
					accepted++
				} else if p := problem.As(err); p == nil || p.Code != c.code {
					t.Errorf("got %v, want %s", err, c.code)
				}
			}
			if accepted != c.accepted {
				t.Errorf("%d orders were accepted, want %d", accepted, c.accepted)
			}
			for _, table := range []string{"instances", "commands", "segments", "changes", "reservations", "bindings"} {
				if n := w.Count(t, table); n != accepted {
					t.Errorf("%d rows in %s after %d accepted orders", n, table, accepted)
				}
			}
		})
	}
}

// A price list that has changed since it was shown refuses the order; running
// instances stay at theirs until a size changes.
func TestPricesChangedSinceShown(t *testing.T) {
	w := instancetest.New(t)
	old := w.Ready(t, "old")
	dearer := instancetest.Prices()
	dearer[0].Amount = "0.03"
	w.Publish(t, dearer, postgresql.Package().Definition)
	shown := instancetest.Order("new")
	shown.AcceptedPriceList = 1
	mustRefuse(t, w, "prices-changed", "", ordering(shown, w.Service))
	shown.AcceptedPriceList = 2
	if v := w.Must(t, ordering(shown, w.Service)); v.PriceListRevision != 2 || v.OfferingRevision != 2 {
		t.Errorf("ordered at price list %d, offering %d", v.PriceListRevision, v.OfferingRevision)
	}
	put := func(accepted int, change func(*api.InstanceSpec)) command {
		return func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
			u := instancetest.Put(change)
			u.AcceptedPriceList = accepted
			return w.Service.Update(ctx, tx, p, "old", u, instancetest.AnyVersion)
		}
	}
	if v := w.Must(t, put(1, func(s *api.InstanceSpec) { s.DisplayName = "mine" })); v.PriceListRevisionID != old.PriceListRevisionID {
		t.Error("another display name moved the instance to other prices")
	}
	mustRefuse(t, w, "prices-changed", "", put(1, func(s *api.InstanceSpec) { s.DisplayName, s.StorageGiB = "mine", 20 }))
	if v := w.Must(t, put(2, func(s *api.InstanceSpec) { s.DisplayName, s.StorageGiB = "mine", 20 })); v.PriceListRevision != 2 {
		t.Error("a new size is not at the new prices")
	}
}

func TestServiceThatCannotTellNetworksApart(t *testing.T) {
	w := instancetest.New(t)
	d := postgresql.Package().Definition
	d.Capabilities = append(slices.Clone(d.Capabilities), servicepkg.Capability{Capability: api.Capability{Name: servicepkg.CapabilityNetworks, Note: "All or none."}})
	w.Publish(t, instancetest.Prices(), d)
	some := func(s *api.InstanceSpec) { s.AllowedNetworks = []string{"192.0.2.0/24"} }
	mustRefuse(t, w, "invalid", "body.spec.allowedNetworks", ordering(instancetest.Order("db1", some), w.Service))
	w.Order(t, "db2")
	w.Order(t, "db3", func(s *api.InstanceSpec) { s.AllowedNetworks = []string{} })
}
