//go:build journey

// Package journey drives the built program as a stranger would: it starts
// `souk dev`, and from a second shell orders, uses, changes, deletes and brings
// back a PostgreSQL. It is the README's story, as a test.
package journey

import (
	"errors"
	"testing"

	"souk/api"
	"souk/test/soukdev"
)

const rows = "1000|500500" // count and sum of what the journey writes

func TestFirstLine(t *testing.T) {
	s := soukdev.Build(t)
	s.Start()
	s.Cleanup()
	s.Sh("souk context use acme").Done()

	order(t, s)
	connect(s)
	resize(t, s)
	deleteAndUndelete(t, s)
	audit(s)
	killEverything(s)
	audit(s)
	conformance(s)
	s.Interrupt()
}

func order(t *testing.T, s *soukdev.Souk) {
	s.Sh("souk plans postgresql").Done("small", "medium", "large")
	s.Sh("souk order postgresql db1 --wait").Done()
	if i := s.Instance("db1"); i.Status.Phase != api.PhaseReady || i.Spec.Plan != "small" {
		t.Errorf("db1 is %s on plan %q, want Ready on the cheapest, small", i.Status.Phase, i.Spec.Plan)
	}
	s.Sh("souk order postgresql db1").Fails(1, "db1", "taken")
	s.Sh("souk order postgresql 'db 2'").Fails(1, "metadata.name")
	s.Sh("souk order postgresql db2 --plan enormous").Fails(1, "enormous")
}

func connect(s *soukdev.Souk) {
	s.Psql("db1", "select 1").Prints("1")
	s.Psql("db1", "select ssl from pg_stat_ssl where pid = pg_backend_pid()").Prints("t")
	s.Sh(`eval "$(souk credentials db1 -o shell)"; echo $PGSSLMODE`).Prints("verify-full")
	s.Sh(`eval "$(souk credentials db1 -o shell)"; psql -XAtc 'select 2' "$POSTGRESQL_URL"`).Prints("2")
	s.Psql("db1", "select 1", "PGSSLMODE=disable").Fails(2, "no encryption")
	s.Psql("db1", "select 1", "PGHOSTADDR=127.0.0.1", "PGHOST=stranger.example").Fails(2, "does not match host name")
	s.Psql("db1", "select 1", "PGPASSWORD=guess").Fails(2, "password authentication failed")
	s.Psql("db1", "select rolsuper from pg_roles where rolname = current_user").Prints("f")
	s.Psql("db1", "create table t (n int); insert into t select generate_series(1, 1000)").Done()
	hasRows(s)
}

func hasRows(s *soukdev.Souk) {
	s.Psql("db1", "select count(*), sum(n) from t").Prints(rows)
}

func resize(t *testing.T, s *soukdev.Souk) {
	s.Sh("souk update db1 --plan medium --dry-run").Done("medium", "0.04", "+")
	if plan := s.Instance("db1").Spec.Plan; plan != "small" {
		t.Errorf("after a dry run the plan is %q", plan)
	}
	s.Sh("souk update db1 --plan medium --wait").Done()
	if i := s.Instance("db1"); i.Status.AppliedPlan != "medium" || i.Status.Phase != api.PhaseReady {
		t.Errorf("db1 is %s on plan %q", i.Status.Phase, i.Status.AppliedPlan)
	}
	hasRows(s)
}

func deleteAndUndelete(t *testing.T, s *soukdev.Souk) {
	before := s.Sh("souk credentials db1 -o json").Done().Out
	s.Sh("souk delete db1 --wait").Fails(1, "protect")
	hasRows(s)
	s.Sh("souk unprotect db1").Done()
	s.Sh("souk delete db1 --wait").Done()
	if i := s.Instance("db1"); i.Status.Phase != api.PhaseDeleted || i.Status.PurgeAt == nil {
		t.Errorf("db1 is %s, to be purged at %v", i.Status.Phase, i.Status.PurgeAt)
	}
	s.Sh("souk order postgresql db1").Fails(1, "undelete") // its name is kept
	s.Sh("souk undelete db1 --wait").Done()
	if after := s.Sh("souk credentials db1 -o json").Done().Out; after != before {
		t.Error("host, port or log-in are not what they were before the deletion")
	}
	hasRows(s)
}

func audit(s *soukdev.Souk) {
	s.Sh("souk audit segments --context operator").Done("1 instances", "No differences")
	s.Sh("souk audit segments --context acme").Fails(1)
}

func killEverything(s *soukdev.Souk) {
	s.KillAll()
	s.Start()
	s.Eventually("db1 answers again", func() error {
		if r := s.Psql("db1", "select 1"); r.Code != 0 {
			return errors.New(r.Problems)
		}
		return nil
	})
	hasRows(s)
}

// conformance is the quick half of the suite: what needs no waiting for figures, with
// each service.
func conformance(s *soukdev.Souk) {
	for service, capabilities := range map[string]string{"postgresql": "bindings,parameters,networks,logs", "redis": "bindings,parameters,logs", "nats": "bindings,parameters,logs"} {
		s.Sh("souk conformance run --context operator --service "+service+" --zone local --capability "+capabilities).Done("bindings: passed", "Published")
		s.Sh("souk services "+service).Done("provisioning  local  process  passed", "logs          local  process  passed")
	}
	s.Sh("souk conformance run --context acme --service redis --zone local --capability logs --project default").Fails(1, "only the provider")
	s.Sh("souk conformance run --context acme --service redis --zone local --capability logs --project default --unpublished").Done("logs: passed")
}
