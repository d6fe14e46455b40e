//go:build e2e && figures

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// envFigures names the file that the table is written to.
const envFigures = "SOUK_FIGURES"

// pairs is how often Souk and its baseline take turns.
const pairs = 5

// figure is one line of the table.
type figure struct{ what, measured, baseline, ratio, goal, outcome string }

// TestFigures measures orders and failovers beside the same without Souk.
func TestFigures(t *testing.T) {
	z := newZone(t, "e2e-figures", "expose: {type: LoadBalancer}")
	offerGuaranteed(z)
	tell(t, []figure{orders(t, z), failovers(t, z)})
}

func tell(t *testing.T, figures []figure) {
	var table strings.Builder
	table.WriteString("| what | measured | baseline | ratio | goal | |\n|---|---|---|---|---|---|\n")
	for _, f := range figures {
		fmt.Fprintf(&table, "| %s | %s | %s | %s | %s | %s |\n", f.what, f.measured, f.baseline, f.ratio, f.goal, f.outcome)
	}
	t.Log("\n" + table.String())
	if path := os.Getenv(envFigures); path != "" {
		if err := os.WriteFile(path, []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// compared is a figure of durations that were measured in turns.
func compared(what string, ours, theirs []time.Duration, goal float64) figure {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = float64(ours[i]) / float64(theirs[i])
	}
	f := figure{
		what: what, measured: middle(ours).Round(10 * time.Millisecond).String(), baseline: middle(theirs).Round(10 * time.Millisecond).String(),
		ratio: fmt.Sprintf("%.2f ×", middle(ratios)),
	}
	if goal > 0 {
		f.goal, f.outcome = fmt.Sprintf("≤ %.2f ×", goal), "met"
		if middle(ratios) > goal {
			f.outcome = "MISSED"
		}
	}
	return f
}

func middle[T time.Duration | float64](values []T) T {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// orders takes the time from an order until it is ready, and from `kubectl
// apply` of the Cluster that Souk made of it until that is.
func orders(t *testing.T, z *zone) figure {
	var ours, theirs []time.Duration
	for n := range pairs {
		name := fmt.Sprintf("f%d", n)
		began := time.Now()
		z.Sh("souk order postgresql " + name + " --zone " + z.name + " --allow " + here() + " --wait").Done("ready")
		ours = append(ours, time.Since(began))
		manifest := plainCluster(z.namespaceOf(name), 1)
		z.Sh("souk unprotect " + name + " && souk delete instance " + name + " --wait").Done()
		theirs = append(theirs, applied(t, fmt.Sprintf("e2e-by-hand-%d", n), manifest, nil))
	}
	return compared(fmt.Sprintf("order → ready, against kubectl apply of the same Cluster → Ready; best effort, median of %d pairs", pairs), ours, theirs, 1.10)
}

// plainCluster is the Cluster of a namespace, as somebody without Souk would
// write it.
func plainCluster(n *namespace, members int) string {
	var o unstructured.Unstructured
	if err := json.Unmarshal([]byte(n.run("get", "cluster.postgresql.cnpg.io/db", "-o", "json")), &o.Object); err != nil {
		n.t.Fatal(err)
	}
	annotations := o.GetAnnotations()
	delete(annotations, "cnpg.io/hibernation")
	o.Object["metadata"] = map[string]any{"name": "db"}
	o.SetAnnotations(annotations)
	delete(o.Object, "status")
	for _, path := range [][]string{{"spec", "certificates"}, {"spec", "inheritedMetadata"}, {"spec", "bootstrap", "initdb", "postInitSQLRefs"}} {
		unstructured.RemoveNestedField(o.Object, path...)
	}
	// Who may connect is what Souk settles; here it is the application's user.
	_ = unstructured.SetNestedStringSlice(o.Object, []string{"hostssl all all all scram-sha-256"}, "spec", "postgresql", "pg_hba")
	_ = unstructured.SetNestedField(o.Object, int64(members), "spec", "instances")
	text, err := json.Marshal(o.Object)
	if err != nil {
		n.t.Fatal(err)
	}
	return string(text)
}

// applied takes the time until a Cluster in a namespace of its own is ready, and
// takes it away again unless it is wanted.
func applied(t *testing.T, name, manifest string, wanted func(*namespace)) time.Duration {
	t.Helper()
	began := time.Now()
	n := &namespace{t, name}
	n.apply(`{apiVersion: v1, kind: Namespace, metadata: {name: ` + name + `, labels: {pod-security.kubernetes.io/enforce: restricted}}}`)
	n.kubectl(manifest, "apply", "-f", "-")
	n.run("wait", "cluster.postgresql.cnpg.io/db", "--for=condition=Ready", "--timeout=300s")
	took := time.Since(began)
	if wanted != nil {
		wanted(n)
	}
	n.run("delete", "namespace", name, "--timeout=120s")
	return took
}

// failovers takes the time from the loss of a primary until the first write on
// the one that takes over, with Souk and without.
func failovers(t *testing.T, z *zone) figure {
	z.Sh("souk order postgresql ha --zone " + z.name + " --service-level guaranteed --allow " + here() + " --wait --timeout 10m").Done("ready")
	ha := z.namespaceOf("ha")
	var ours, theirs []time.Duration
	applied(t, "e2e-by-hand-ha", plainCluster(ha, 3), func(n *namespace) {
		n.wait("cluster.postgresql.cnpg.io/db", "jsonpath={.status.readyInstances}=3")
		for range 3 {
			ours = append(ours, failover(ha))
			theirs = append(theirs, failover(n))
		}
	})
	return compared("primary's pod lost → first write on the next, against the same Cluster without Souk; three members, median of 3 pairs", ours, theirs, 0)
}

// failover deletes the primary as a crash would, and tries to write through the
// cluster's own Service until it can. It leaves the cluster whole.
func failover(n *namespace) time.Duration {
	primary := n.run("get", "cluster.postgresql.cnpg.io/db", "-o", "jsonpath={.status.currentPrimary}")
	began := time.Now()
	n.run("delete", "pod", primary, "--grace-period=0", "--force")
	for {
		now := regexp.MustCompile(`\S+`).FindString(n.try("get", "cluster.postgresql.cnpg.io/db", "-o", "jsonpath={.status.currentPrimary}"))
		out, err := exec.Command("kubectl", "-n", n.name, "exec", now, "-c", "postgres", "--", "psql", "-XAtc", "create table if not exists public.f (n int); insert into public.f values (1)").CombinedOutput()
		if now != primary && err == nil {
			break
		}
		if time.Since(began) > 3*time.Minute {
			n.t.Fatalf("nobody took over from %s: %s", primary, out)
		}
	}
	took := time.Since(began)
	n.wait("cluster.postgresql.cnpg.io/db", "jsonpath={.status.phase}=Cluster in healthy state")
	n.wait("cluster.postgresql.cnpg.io/db", "jsonpath={.status.readyInstances}=3")
	return took
}
