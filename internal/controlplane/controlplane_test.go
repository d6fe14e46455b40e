package controlplane

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/catalog"
	"souk/internal/clock"
	"souk/internal/driver"
	"souk/internal/envelope"
	"souk/internal/instance"
	"souk/internal/mail"
	"souk/internal/servicepkg"
	"souk/internal/store"
	"souk/internal/store/storetest"
	"souk/internal/tenancy"
	"souk/services/postgresql"
)

func packages() map[string]servicepkg.Package {
	return map[string]servicepkg.Package{"postgresql": postgresql.Package()}
}

func config(t *testing.T) Config {
	t.Helper()
	keyring := filepath.Join(t.TempDir(), "keyring")
	if _, err := envelope.Create(keyring); err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{}
	for _, context := range []string{"operator", "acme", "globex"} {
		tokens[context] = tenancy.NewSecret()
	}
	return Config{
		Record: storetest.NewConfig(t), Listen: "127.0.0.1:0", AgentListen: "127.0.0.1:0", AgentNames: []string{"127.0.0.1"}, AgentURL: "https://127.0.0.1:1", Keyring: keyring,
		Demo: &Demo{Password: "correct-horse-battery", Tokens: tokens, CPUMillis: 1e6, MemoryMiB: 1e6, StorageGiB: 1e6, Instances: 1e6},
	}
}

// replica opens a replica; its clock stands still on the test's machine.
func replica(t *testing.T, c Config, machine *clock.Manual, p map[string]servicepkg.Package) *ControlPlane {
	t.Helper()
	cp, err := open(t.Context(), c, p, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cp.store.Close)
	if machine != nil {
		cp.clock.Real = machine.Now
	}
	return cp
}

// rows returns the rows of a query, past row-level security, as text.
func rows(t *testing.T, c Config, sql string, args ...any) []string {
	t.Helper()
	super := storetest.Superuser(t, c.Record)
	defer super.Close(context.Background())
	found, err := super.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(found, func(r pgx.CollectableRow) (s string, err error) { return s, r.Scan(&s) })
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const everything = `SELECT c.relname || ' ' || (xpath('/row/d/text()', query_to_xml(format('SELECT count(*) || '' '' || coalesce(md5(string_agg(t::text, ''|'' ORDER BY t::text)), '''') AS d FROM %I t', c.relname), false, true, '')))[1]::text
	FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname`

// Every start lays down the demonstration data; from the second on there is
// nothing left to do.
func TestSeedingAgainChangesNothing(t *testing.T) {
	c := config(t)
	replica(t, c, nil, packages())
	before := rows(t, c, everything)
	var all sync.WaitGroup
	for range 3 { // at once, too
		all.Go(func() {
			cp, err := open(context.Background(), c, packages(), "test", slog.New(slog.DiscardHandler))
			if err != nil {
				t.Error(err)
				return
			}
			cp.store.Close()
		})
	}
	all.Wait()
	if after := rows(t, c, everything); !slices.Equal(after, before) {
		t.Errorf("a second start changed the record from\n%v\nto\n%v", before, after)
	}
}

// What the operator has made otherwise stays so at the next start.
func TestSeedingLeavesAloneWhatTheOperatorMade(t *testing.T) {
	c := config(t)
	cp := replica(t, c, nil, packages())
	err := cp.store.System(t.Context(), func(tx store.Tx) error {
		var operator catalog.Operator
		operator.Packages, operator.At = packages(), cp.clock.Now()
		if err := tx.QueryRow(t.Context(), "SELECT id FROM organizations WHERE name = 'operator'").Scan(&operator.Organization); err != nil {
			return err
		}
		price := api.ListPrice{Service: "postgresql", ServiceLevel: "best-effort", Item: "compute", Unit: "hour", Amount: "0.99"}
		for _, list := range []string{"demo", "mine"} {
			if _, err := operator.PublishPrices(t.Context(), tx, list, api.PriceListPut{Currency: "CHF", Prices: []api.ListPrice{price}}); err != nil {
				return err
			}
		}
		if _, _, err := catalog.MakeZone(t.Context(), tx, api.ZoneCreate{Name: "k8s", Provider: "local-cloud", Driver: "kubernetes", Capacity: api.Capacity{CPUMillis: 1, MemoryMiB: 1, StorageGiB: 1, Instances: 1}}, operator.At); err != nil {
			return err
		}
		for _, put := range []struct {
			zone string
			api.OfferingPut
		}{{"k8s", api.OfferingPut{PriceList: "mine"}}, {"local", api.OfferingPut{PriceList: "mine"}}, {"local", api.OfferingPut{Withdrawn: true}}} {
			put.Service, put.ServiceLevel = "postgresql", "best-effort"
			if _, err := operator.Offer(t.Context(), tx, put.zone, put.OfferingPut); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	before := rows(t, c, everything)
	replica(t, c, nil, packages())
	if after := rows(t, c, everything); !slices.Equal(after, before) {
		t.Errorf("the next start changed the record from\n%v\nto\n%v", before, after)
	}
}

// Two replicas that start on an empty record at once both come up, and seed once.
func TestFirstStartOfTwoReplicasAtOnce(t *testing.T) {
	c := config(t)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			cp, err := open(context.Background(), c, packages(), "test", slog.New(slog.DiscardHandler))
			if err != nil {
				t.Error(err)
				return
			}
			cp.store.Close()
		})
	}
	all.Wait()
	if n := rows(t, c, "SELECT count(*)::text FROM organizations UNION ALL SELECT count(*)::text FROM package_revisions UNION ALL SELECT count(*)::text FROM price_list_revisions UNION ALL SELECT count(*)::text FROM authorities"); !slices.Equal(n, []string{"4", "1", "1", "1"}) {
		t.Errorf("organizations, packages, price lists, authorities: %v", n)
	}
}

// customer acts for acme.
type customer struct {
	t  *testing.T
	c  Config
	cp *ControlPlane
	p  instance.Place
	n  uint64
}

func newCustomer(t *testing.T, c Config, cp *ControlPlane) *customer {
	t.Helper()
	a := &customer{t: t, c: c, cp: cp}
	a.system(func(tx store.Tx) error {
		var org, project, zone uuid.UUID
		err := tx.QueryRow(t.Context(), "SELECT o.id, p.id, z.id FROM organizations o JOIN projects p ON p.organization_id = o.id, zones z WHERE o.name = 'acme' AND p.name = 'default' AND z.name = 'local'").Scan(&org, &project, &zone)
		a.p = instance.Place{Organization: org, Project: project, OrganizationName: "acme", ProjectName: "default", Actor: "user:jane"}
		if err != nil {
			return err
		}
		_, err = tx.Exec(t.Context(), "INSERT INTO zone_agents (zone_id, epoch, key_hash, not_after, enrolled_at, info) VALUES ($1, 1, '', '2030-01-01', '2026-01-01', $2)", zone,
			driver.Info{Driver: "fake", Engines: []driver.EngineVersion{{Service: "postgresql", Version: "15"}}})
		return err
	})
	return a
}

func (a *customer) system(f func(tx store.Tx) error) {
	a.t.Helper()
	if err := a.cp.store.System(a.t.Context(), f); err != nil {
		a.t.Fatal(err)
	}
}

func (a *customer) do(f func(tx store.Tx) error) {
	a.t.Helper()
	if err := a.cp.store.Tenant(a.t.Context(), store.Scope{Organizations: []uuid.UUID{a.p.Organization}}, f); err != nil {
		a.t.Fatal(err)
	}
}

func (a *customer) order(name string) (v instance.View) {
	a.t.Helper()
	off := false
	o := api.InstanceOrder{Spec: api.InstanceSpec{Service: "postgresql", Protected: &off}}
	o.Metadata.Name = name
	a.do(func(tx store.Tx) (err error) {
		v, err = a.cp.instances.Order(a.t.Context(), tx, a.p, o)
		return err
	})
	return v
}

// Replicas that look for what is due at the same instant do each thing once.
func TestDueWorkOfTwoReplicasHappensOnce(t *testing.T) {
	c, machine := config(t), &clock.Manual{}
	machine.Set(time.Now().Add(time.Hour)) // later than anything that the start wrote
	one, two := replica(t, c, machine, packages()), replica(t, c, machine, packages())
	a := newCustomer(t, c, one)
	const n = 4
	for i := range n {
		deleted, rotated := fmt.Sprintf("deleted%d", i), fmt.Sprintf("rotated%d", i)
		a.order(deleted)
		a.order(rotated)
		a.do(func(tx store.Tx) error {
			if _, err := one.instances.RotateBinding(t.Context(), tx, a.p, rotated, "default", nil); err != nil {
				return err
			}
			_, err := one.instances.Delete(t.Context(), tx, a.p, deleted, func(int64) error { return nil })
			return err
		})
	}
	machine.Advance(instance.Retention)
	release := holdInstances(t, c)
	var all sync.WaitGroup
	for _, cp := range []*ControlPlane{one, two} {
		for _, due := range []func(context.Context) error{cp.untilNone(cp.instances.PurgeDue), cp.untilNone(cp.instances.EndCredentialsDue)} {
			all.Go(func() {
				if err := due(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	release(4)
	all.Wait()
	got := rows(t, c, "SELECT kind || ' ' || count(*) || ' of ' || count(DISTINCT instance_id) FROM commands WHERE kind <> 'order' GROUP BY kind ORDER BY kind")
	if want := []string{"delete 4 of 4", "purge 4 of 4", "update 8 of 4"}; !slices.Equal(got, want) {
		t.Errorf("commands: %v, want %v (each rotation is an update, and so is the end of its old log-in)", got, want)
	}
	if left := rows(t, c, "SELECT login FROM credentials WHERE revoked_at IS NULL AND valid_until IS NOT NULL"); len(left) != 0 {
		t.Errorf("log-ins that should have ended: %v", left)
	}
}

// holdInstances locks all instances, so that whoever wants one waits; release
// lets go once so many wait.
func holdInstances(t *testing.T, c Config) (release func(waiting int)) {
	t.Helper()
	tx, err := storetest.Superuser(t, c.Record).Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), "SELECT 1 FROM instances FOR UPDATE")
	}
	if err != nil {
		t.Fatal(err)
	}
	return func(waiting int) {
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			n := rows(t, c, "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
			if n[0] == fmt.Sprint(waiting) {
				break
			}
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// A package that has changed is published as a new revision at the next start;
// what runs stays on the one that it was ordered with.
func TestChangedPackageIsANewRevision(t *testing.T) {
	c := config(t)
	first := replica(t, c, nil, packages())
	old := newCustomer(t, c, first).order("old")
	changed := packages()
	p := changed["postgresql"]
	p.Definition.Summary = "Another summary."
	p.Definition.Plans = slices.Clone(p.Definition.Plans)
	p.Definition.Plans[0].MemoryMiB *= 2
	changed["postgresql"] = p
	second := replica(t, c, nil, changed)
	a := &customer{t: t, c: c, cp: second}
	a.p = instance.Place{Organization: old.OrganizationID, Project: old.ProjectID, OrganizationName: "acme", ProjectName: "default", Actor: "user:jane"}
	fresh := a.order("fresh")
	if fresh.PackageRevision != 2 || fresh.PlanRevision != 2 || fresh.OfferingRevision != 2 || fresh.PriceListRevision != 1 {
		t.Errorf("ordered at package %d, plan %d, offering %d, price list %d", fresh.PackageRevision, fresh.PlanRevision, fresh.OfferingRevision, fresh.PriceListRevision)
	}
	a.do(func(tx store.Tx) error {
		v, err := second.instances.Get(t.Context(), tx, a.p, "old")
		if v.PackageRevision != 1 || v.PlanRevision != 1 || v.OfferingRevision != 1 || v.Version != old.Version {
			t.Errorf("what runs moved to package %d, plan %d, offering %d", v.PackageRevision, v.PlanRevision, v.OfferingRevision)
		}
		return err
	})
	replica(t, c, nil, changed)
	if n := rows(t, c, "SELECT count(*)::text FROM package_revisions UNION ALL SELECT count(*)::text FROM plan_revisions UNION ALL SELECT count(*)::text FROM offering_revisions"); !slices.Equal(n, []string{"2", "4", "2"}) {
		t.Errorf("revisions of package, plans, offering: %v", n)
	}
}

func TestConfigIsChecked(t *testing.T) {
	const good = `
record: { app: "host=x", system: "host=x" }
listen: 127.0.0.1:8080
agentListen: 127.0.0.1:8443
agentNames: [localhost]
agentURL: https://localhost:8443
keyring: /k
`
	for _, c := range []struct{ what, text, says string }{
		{"good", good, ""},
		{"a key that does not exist", good + "lisen: x\n", "lisen"},
		{"no record", strings.ReplaceAll(good, "record:", "# record:"), "record.app"},
		{"no address", strings.ReplaceAll(good, "agentListen:", "# "), "agentListen"},
		{"no name", strings.ReplaceAll(good, "agentNames:", "# "), "agentNames"},
		{"no keys", strings.ReplaceAll(good, "keyring:", "# "), "keyring"},
		{"metrics here", good + "metrics: { folder: /m }\n", ""},
		{"metrics elsewhere", good + "metrics: { remoteWriteURL: \"https://m/write\", queryURL: \"https://m\" }\n", ""},
		{"metrics that nobody can ask for", good + "metrics: { remoteWriteURL: \"https://m/write\" }\n", "both remoteWriteURL and queryURL"},
		{"metrics here and elsewhere", good + "metrics: { folder: /m, remoteWriteURL: \"https://m/write\", queryURL: \"https://m\" }\n", "take one of them away"},
		{"metrics here, by one replica of several", good + "peers: souk:8080\nmetrics: { folder: /m }\n", "one process"},
		{"metrics with a password in the address", good + "metrics: { remoteWriteURL: \"https://u:p@m/write\", queryURL: \"https://m\" }\n", "tokenFile"},
		{"not YAML", "a: [", "yaml"},
	} {
		path := filepath.Join(t.TempDir(), "souk.yaml")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := LoadConfig(path)
		if (err == nil) != (c.says == "") || (err != nil && !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want something about %q", c.what, err, c.says)
		}
	}
}

// A replica serves until it is told to stop, and then ends in good order. Taken
// addresses and keys that are missing are said.
func TestReplicaServesAndStops(t *testing.T) {
	c := config(t)
	front, agents := freePort(t), freePort(t)
	c.Listen, c.AgentListen = front, agents
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, c, packages(), "test", slog.New(slog.DiscardHandler)) }()
	get := func() (*http.Response, error) { return http.Get("http://" + front + "/readyz") }
	var answered bool
	for end := time.Now().Add(20 * time.Second); !answered && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		r, err := get()
		if err == nil {
			r.Body.Close()
			answered = r.StatusCode == http.StatusOK
		}
	}
	if !answered {
		t.Error("it is never ready")
	}
	taken := c
	taken.AgentListen = freePort(t)
	if err := Run(t.Context(), taken, packages(), "test", slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), front) {
		t.Errorf("on a taken address: %v", err)
	}
	missing := c
	missing.Keyring = filepath.Join(t.TempDir(), "nothing")
	if err := Run(t.Context(), missing, packages(), "test", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("it runs without keys")
	}
	stop()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it does not end")
	}
	if _, err := get(); err == nil {
		t.Error("it still serves")
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestMailConfiguration(t *testing.T) {
	server := &mail.Config{Host: "mail.example", From: "noreply@souk.example"}
	for _, c := range []struct {
		name   string
		change func(c *Config)
		want   string
	}{
		{"none, in development", func(*Config) {}, ""},
		{"a server, in development", func(c *Config) { c.Mail = server }, ""},
		{"a server without an address for links", func(c *Config) { c.Mail, c.Demo = server, nil }, "publicURL"},
		{"a server and an address", func(c *Config) { c.Mail, c.Demo, c.PublicURL = server, nil, "https://souk.example" }, ""},
		{"an address that is none", func(c *Config) { c.PublicURL = "souk.example" }, "publicURL"},
		{"no sender", func(c *Config) { c.Mail = &mail.Config{Host: "mail.example"} }, "mail.from"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := Config{Record: store.Config{App: "a", System: "s"}, Listen: "127.0.0.1:8080", AgentListen: "127.0.0.1:1", AgentNames: []string{"x"}, AgentURL: "u", Keyring: "k", Demo: &Demo{}}
			c.change(&config)
			err := config.check()
			if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
