//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/test/soukdev"
)

// away is for how long the control plane is cut off, and hurried what would last
// longer than a third of that: every lease, back-off and rotation of the zone's
// ends three times meanwhile.
const away = 10 * time.Minute

var hurried = settings{
	environment: []string{"SOUK_AGENT_CERTIFICATE_SECONDS=180"},
	timeouts:    "{reconnectMax: 10s, retryMax: 30s, resync: 20s, driverCall: 2m, check: 5s, silence: 12s, ping: 5s}",
}

// TestBedControlPlaneAway cuts the control plane off from a zone while its
// instances are written to, a primary is lost, the agent is killed and users
// order. Then the line is mended.
func TestBedControlPlaneAway(t *testing.T) {
	if nodes := nodeCount(&namespace{t, "default"}); nodes < 3 {
		t.Skipf("guaranteed availability needs three nodes; there are %d", nodes)
	}
	z := newZoneWith(t, "e2e-away", "expose: {type: LoadBalancer}\ncertificateValidity: 3m", hurried)
	offerGuaranteed(z)
	ha, primary := orderGuaranteed(t, z)
	for _, name := range []string{"one", "gone"} {
		z.Sh("souk order postgresql " + name + " --zone " + z.name + " --allow " + here() + " --wait").Done("is ready at")
	}
	z.Sh("souk unprotect gone").Done()
	writers := []*witness{newWitness(t, z, "ha"), newWitness(t, z, "one")}
	for _, w := range writers {
		w.reaches(t, 20)
	}

	cut := time.Now()
	c := cutOff(t, z)
	z.isReachable(false)
	ordered := whatUsersDo(z)
	ha.run("delete", "pod", primary, "--grace-period=0", "--force")
	lost := time.Now()
	z.within(3*time.Minute, "another member is the primary", func() error {
		if now := ha.run("get", "cluster.postgresql.cnpg.io/db", "-o", "jsonpath={.status.currentPrimary}"); now == primary {
			return fmt.Errorf("%s is", now)
		}
		return nil
	})
	taken := time.Now()
	for _, w := range writers {
		w.after(t, taken)
	}
	t.Logf("cut off, and the primary lost: no row was taken for %v", writers[0].longestPause().Round(100*time.Millisecond))
	z.system.run("delete", "pod", "souk-agent-0", "--grace-period=0", "--force")
	one := z.namespaceOf("one")
	one.run("delete", "service", "-l", "souk/instance")
	certificates := writers[0].servedUntil(t, cut.Add(away))
	if len(certificates) < 3 {
		t.Errorf("within %v clients were shown %d certificates", away, len(certificates))
	}
	z.phaseWas("ha", api.PhaseReady)
	if n := z.Record("SELECT count(*) FROM facts WHERE received_at > '" + moment(cut.Add(30*time.Second)) + "' AND zone_id = " + z.id()); n[0] != "0" {
		t.Errorf("%s facts came over a line that was cut", n[0])
	}
	stillAway := time.Now()
	c()
	z.isReachable(true)
	t.Logf("reached again %v after the line was mended", time.Since(stillAway).Round(time.Second))
	z.converges(t)
	for _, w := range writers {
		w.stop()
		w.compare(t)
	}
	z.tellsOf(t, "ha", lost, stillAway)
	billedThroughout(t, z, "ha", cut)
	z.billed(t, cut, ordered, stillAway)
	z.nothingTwice(t)
}

func moment(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

func (z *zone) id() string { return "(SELECT id FROM zones WHERE name = '" + z.name + "')" }

// cutOff cuts the listener for agents off, and returns what mends it.
func cutOff(t *testing.T, z *zone) (mend func()) {
	_, port, err := net.SplitHostPort(z.agents)
	if err != nil {
		t.Fatal(err)
	}
	command(t, filepath.Join(os.Getenv("SOUK_TESTBED"), "network-cut"), port)
	mend = func() { command(t, filepath.Join(os.Getenv("SOUK_TESTBED"), "network-mend"), port) }
	t.Cleanup(mend)
	return mend
}

func (z *zone) isReachable(want bool) {
	z.within(5*time.Minute, fmt.Sprintf("the zone's being reachable is shown as %v", want), func() error {
		for _, zone := range z.zones() {
			if zone.Metadata.Name == z.name && slices.ContainsFunc(zone.Conditions, reachable) == want {
				return nil
			}
		}
		return fmt.Errorf("it is not; the agent says:\n%s", z.system.try("logs", "statefulset/souk-agent", "--tail", "5"))
	})
}

// whatUsersDo is done while the zone cannot be reached: all of it is taken, and
// carried out later. It returns when it had been done.
func whatUsersDo(z *zone) time.Time {
	z.Sh("souk update one --plan medium").Done()
	z.Sh("souk order postgresql later --zone " + z.name + " --allow " + here()).Done()
	z.Sh("souk delete gone").Done()
	z.Sh("souk describe instance later").Done("does not report")
	return time.Now()
}

// servedUntil connects as the writer does, until a moment, and returns the serial
// numbers of the certificates that it was shown.
func (w *witness) servedUntil(t *testing.T, until time.Time) []string {
	var serials []string
	for ; time.Now().Before(until); time.Sleep(2 * time.Second) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		conn, err := pgx.Connect(ctx, w.uri)
		cancel()
		if err != nil {
			var invalid *tls.CertificateVerificationError
			if errors.As(err, &invalid) {
				t.Errorf("a client verifies in vain: %v", err)
			}
			continue
		}
		shown := conn.PgConn().Conn().(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String()
		conn.Close(t.Context())
		if !slices.Contains(serials, shown) {
			serials = append(serials, shown)
		}
	}
	return serials
}

// phaseWas: what a zone that cannot be reached is like is not known to be otherwise.
func (z *zone) phaseWas(name string, phase api.Phase) {
	if i := z.Instance(name); i.Status.Phase != phase {
		z.system.t.Errorf("%s is shown as %s: %s", name, i.Status.Phase, i.Status.Message)
	}
}

// converges waits until all that was wanted meanwhile is so.
func (z *zone) converges(t *testing.T) {
	z.becomes("later", api.PhaseReady, "")
	z.becomes("one", api.PhaseReady, "")
	z.becomes("gone", api.PhaseDeleted, "")
	z.becomes("ha", api.PhaseReady, "")
	if i := z.Instance("one"); i.Status.AppliedPlan != "medium" {
		t.Errorf("one is on plan %q", i.Status.AppliedPlan)
	}
	z.Psql("later", "select 1").Prints("1")
}

// tellsOf: what happened while the zone was away is in the record, at its time.
func (z *zone) tellsOf(t *testing.T, name string, from, until time.Time) {
	got := z.Record(fmt.Sprintf(`SELECT state || '/' || count(*) FROM facts WHERE instance_id = '%s' AND effective_at BETWEEN '%s' AND '%s' AND received_at > '%s' GROUP BY state ORDER BY 1`,
		z.Instance(name).Metadata.ID, moment(from), moment(until), moment(until)))
	t.Logf("facts of %s from the time away: %v", name, got)
	if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "degraded/") }) {
		t.Errorf("of the loss of its primary nothing was told: %v", got)
	}
}

// billed: the segments end and begin when what they are about did.
func (z *zone) billed(t *testing.T, cut, ordered, mended time.Time) {
	chain := func(name string) []string {
		return z.Record(fmt.Sprintf(`SELECT concat_ws('/', s.state, p.name, s.compute_billed, s.from_at > '%s', coalesce(s.to_at < '%s', false))
			FROM segments s JOIN plan_revisions p ON p.id = s.plan_revision_id
			WHERE s.instance_id = '%s' AND s.superseded_at IS NULL ORDER BY s.from_at`, moment(mended), moment(ordered), z.Instance(name).Metadata.ID))
	}
	for name, want := range map[string][]string{ // state/plan/compute is billed/began after the line was mended/ended while users did things
		"one":   {"provisioning/small/f/f/t", "active/small/t/f/f", "active/medium/t/t/f"},
		"later": {"provisioning/small/f/f/f", "active/small/t/t/f"},
		"gone":  {"provisioning/small/f/f/t", "active/small/t/f/t", "deleted/small/f/f/f"},
	} {
		if got := chain(name); !slices.Equal(got, want) {
			t.Errorf("since %s, the chain of %s is %q, want %q", moment(cut), name, got, want)
		}
	}
	z.Sh("souk --context operator audit segments").Done("No differences")
}

// nothingTwice: each fact came once, none is missing, and each instance is there once.
func (z *zone) nothingTwice(t *testing.T) {
	got := z.Record("SELECT count(*), min(sequence), max(sequence), count(DISTINCT epoch), count(DISTINCT boot_id) FROM " + soukdev.Reports + " WHERE zone_id = " + z.id())
	var numbers []int
	for _, text := range strings.Split(got[0], "|") {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	t.Logf("%d facts, numbered %d to %d, by %d processes of the agent", numbers[0], numbers[1], numbers[2], numbers[4])
	if numbers[1] != 1 || numbers[0] != numbers[2] || numbers[3] != 1 || numbers[4] != 2 {
		t.Errorf("facts, first, last, epochs, processes: %v", numbers)
	}
	namespaces := strings.Fields(z.system.run("get", "namespaces", "-l", "souk/zone="+z.name, "-o", "jsonpath={.items[*].metadata.name}"))
	if len(namespaces) != 4 {
		t.Errorf("four instances are in %q", namespaces)
	}
	for _, name := range namespaces {
		n := &namespace{t, name}
		if clusters := strings.Fields(n.run("get", "clusters.postgresql.cnpg.io", "-o", "name")); len(clusters) != 1 {
			t.Errorf("in %s there are %q", name, clusters)
		}
	}
}
