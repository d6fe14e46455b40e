//go:build e2e

package e2e

import (
	"errors"
	"strings"
	"testing"

	"souk/api"
)

// rows is the count and the sum of what is written.
const rows = "1000|500500"

// TestSmokeOrder is the whole life of an instance in a cluster, as its user and
// the operator see it.
func TestSmokeOrder(t *testing.T) {
	z := newZone(t, "e2e-order", "expose: {type: LoadBalancer}")
	orderInCluster(t, z)
	connect(z)
	resize(t, z)
	grow(t, z)
	bindings(z)
	logs(z)
	suspendAndResume(t, z, hasRows)
	deleteAndUndelete(z, hasRows)
	purge(z)
	z.Sh("souk --context operator audit segments").Done("No differences")
}

// TestOrderByNodePort orders where clients come by a port of the nodes.
func TestOrderByNodePort(t *testing.T) {
	host := nodeAddresses(&namespace{t, "default"})[0]
	z := newZone(t, "e2e-nodeport", "expose: {type: NodePort, host: "+host+"}")
	order := "souk order postgresql db1 --zone " + z.name
	z.Sh(order+" --allow "+here()+" --wait").Fails(1, "do not show where they come from", "you have to act")
	z.Sh("souk update db1 --allow 0.0.0.0/0 --wait").Done("is ready at " + host)
	z.Eventually("the nodes have learned of the port", func() error {
		if r := z.Psql("db1", "select 1"); r.Code != 0 {
			return errors.New(r.Problems)
		}
		return nil
	})
	z.Psql("db1", "select ssl from pg_stat_ssl where pid = pg_backend_pid()").Prints("t")
	purge(z)
}

// orderInCluster orders db1, at the zone's own prices.
func orderInCluster(t *testing.T, z *zone) {
	z.Sh("souk order postgresql db1 --zone local --dry-run").Done("CHF 0.02")
	order := "souk order postgresql db1 --zone " + z.name + " --allow " + here()
	z.Sh(order + " --dry-run").Done("CHF 0.05")
	z.Sh(order+" --service-level guaranteed").Fails(1, "guaranteed")
	z.Sh(order + " --wait").Done("is ready at")
	if i := z.Instance("db1"); i.Status.Phase != api.PhaseReady || i.Spec.Zone != z.name || i.Status.AppliedPlan != "small" {
		t.Errorf("db1 is %s on plan %q in zone %q", i.Status.Phase, i.Status.AppliedPlan, i.Spec.Zone)
	}
}

// namespaceOf is where an instance runs.
func (z *zone) namespaceOf(name string) *namespace {
	return &namespace{z.system.t, "souk-" + z.Instance(name).Metadata.ID}
}

func connect(z *zone) {
	z.Psql("db1", "select ssl from pg_stat_ssl where pid = pg_backend_pid()").Prints("t")
	z.Psql("db1", "select 1", "PGSSLMODE=disable").Fails(2, "no encryption")
	z.Psql("db1", "select 1", "PGPASSWORD=guess").Fails(2, "password authentication failed")
	z.Psql("db1", "select rolsuper from pg_roles where rolname = current_user").Prints("f")
	z.Psql("db1", "create table t (n int); insert into t select generate_series(1, 1000)").Done()
	hasRows(z)
}

func hasRows(z *zone) {
	z.Psql("db1", "select count(*), sum(n) from t").Prints(rows)
}

func resize(t *testing.T, z *zone) {
	z.Sh("souk update db1 --plan medium --dry-run").Done("medium", "+CHF 0.46")
	z.Sh("souk update db1 --plan medium --wait").Done()
	if i := z.Instance("db1"); i.Status.AppliedPlan != "medium" || i.Status.Phase != api.PhaseReady {
		t.Errorf("db1 is %s on plan %q", i.Status.Phase, i.Status.AppliedPlan)
	}
	memory := z.namespaceOf("db1").run("get", "pods", "-l", "cnpg.io/podRole=instance", "-o", "jsonpath={.items[*].spec.containers[0].resources.limits.memory}")
	if memory != "1Gi" {
		t.Errorf("its server has %s of memory", memory)
	}
	hasRows(z)
}

// grow asks for more storage than a volume here can get.
func grow(t *testing.T, z *zone) {
	z.Sh("souk update db1 --storage 20 --wait").Fails(1, "storage of this zone cannot grow: it stays at 10 gib", "you have to act")
	if i := z.Instance("db1"); i.Status.AppliedStorageGiB != 10 || i.Status.Phase != api.PhaseUpdating {
		t.Errorf("db1 is %s with %d GiB", i.Status.Phase, i.Status.AppliedStorageGiB)
	}
	hasRows(z)
	z.Sh("souk update db1 --storage 10 --wait").Done()
}

func bindings(z *zone) {
	z.Sh("souk binding create db1 app --wait").Done()
	session := func() string { return z.Sh("souk connect db1 --binding app -- -Atc 'select session_user'").Done().Out }
	before := z.Sh("souk credentials db1 --binding app -o shell").Done().Out
	first := session()
	z.Sh("souk binding rotate db1 app --overlap 0 --wait").Done()
	if second := session(); second == first {
		z.system.t.Errorf("after the rotation the log-in is still %s", second)
	}
	old := file(z.system.t, "old.sh", before)
	z.Sh(". "+old+"; psql -c 'select 1'").Fails(2, "password authentication failed")
	z.Sh("souk credentials db1 --binding app -o shell > " + old).Done()
	z.Sh("souk binding revoke db1 app").Done()
	z.Eventually("the revoked log-in is refused", func() error {
		if r := z.Sh(". " + old + "; psql -c 'select 1'"); r.Code == 0 {
			return errors.New("it is let in")
		}
		return nil
	})
	hasRows(z)
}

func logs(z *zone) {
	z.Psql("db1", "select * from nowhere").Fails(1, "nowhere")
	z.Eventually("the log has what went wrong", func() error {
		if r := z.Sh("souk logs db1").Done(); !strings.Contains(r.Out, `relation "nowhere" does not exist`) {
			return errors.New("not yet")
		}
		return nil
	})
}

func suspendAndResume(t *testing.T, z *zone, hasData func(*zone)) {
	before := z.Sh("souk credentials db1 -o json").Done().Out
	n := z.namespaceOf("db1")
	z.Sh("souk suspend db1 --wait").Done()
	if pods := n.run("get", "pods", "-o", "name"); pods != "" {
		t.Errorf("suspended, and there runs %s", pods)
	}
	z.Sh("souk resume db1 --wait").Done()
	if after := z.Sh("souk credentials db1 -o json").Done().Out; after != before {
		t.Error("host, port or log-in are not what they were before")
	}
	hasData(z)
}

func deleteAndUndelete(z *zone, hasData func(*zone)) {
	z.Sh("souk delete db1").Fails(1, "protect")
	z.Sh("souk unprotect db1").Done()
	z.Sh("souk delete db1 --wait").Done()
	z.Sh("souk undelete db1 --wait").Done()
	hasData(z)
	z.Sh("souk protect db1").Done()
	z.Sh("souk delete db1").Fails(1, "protect")
}

// purge deletes the instance for good: nothing of it stays in the cluster.
func purge(z *zone) {
	n := z.namespaceOf("db1")
	z.Sh("souk unprotect db1").Done()
	z.Sh("souk delete db1 --wait").Done()
	if kept := n.run("get", "pvc", "-o", "name"); kept == "" {
		z.system.t.Error("deleted, and its volume is gone already")
	}
	z.Sh("souk --context operator dev clock advance 169h").Done()
	n.wait("namespace/"+n.name, "delete")
	z.Eventually("the provisioner has taken back its volumes", func() error {
		if left := n.run("get", "pv", "-o", `jsonpath={.items[?(@.spec.claimRef.namespace=="`+n.name+`")].metadata.name}`); left != "" {
			return errors.New(left)
		}
		return nil
	})
	z.Eventually("db1 is purged", func() error {
		if r := z.Sh("souk get instances -o name"); strings.Contains(r.Out, "db1") {
			return errors.New(r.Out)
		}
		return nil
	})
}
