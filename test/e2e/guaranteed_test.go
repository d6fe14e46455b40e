//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/api"
)

// TestBedGuaranteedSurvivesItsPrimarysNode takes the node of a guaranteed
// instance's primary away, under a writer that remembers what was acknowledged.
func TestBedGuaranteedSurvivesItsPrimarysNode(t *testing.T) {
	if nodes := nodeCount(&namespace{t, "default"}); nodes < 3 {
		t.Skipf("guaranteed availability needs three nodes; there are %d", nodes)
	}
	command(t, "npm", "--prefix", "../browser", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
	z := newZone(t, "e2e-guaranteed", "expose: {type: LoadBalancer}")
	offerGuaranteed(z)
	n, primary := orderGuaranteed(t, z)
	victim, agent := movePrimary(t, z, n, primary)
	t.Logf("the primary is on node-%s, the agent on %s", victim, agent)

	w := newWitness(t, z, "ha")
	w.reaches(t, 20)
	killed := time.Now()
	command(t, filepath.Join(os.Getenv("SOUK_TESTBED"), "node-kill"), victim)
	back := sync.OnceFunc(func() { command(t, filepath.Join(os.Getenv("SOUK_TESTBED"), "node-start"), victim) })
	t.Cleanup(back)
	dark := time.Now() // from here on nothing comes from the old primary
	w.after(t, dark)
	t.Logf("the first write on the new primary came %v after the node was lost", w.firstAfter(dark).Sub(killed).Round(100*time.Millisecond))

	degraded := z.becomes("ha", api.PhaseDegraded, "2 of 3 members")
	t.Logf("it is shown as %s after %v: %s", degraded.Status.Phase, time.Since(killed).Round(time.Second), degraded.Status.Message)
	z.Sh("souk describe instance ha").Done("Degraded", "2 of 3 members")
	page(t, z, "ha", "Degraded", degraded.Status.Message)
	back()
	z.becomes("ha", api.PhaseReady, "")
	t.Logf("it is Ready again %v after the loss", time.Since(killed).Round(time.Second))
	page(t, z, "ha", "Ready", "")

	w.stop()
	w.compare(t)
	billedThroughout(t, z, "ha", killed)
}

// offerGuaranteed offers it where three failure domains are, and nowhere else.
func offerGuaranteed(z *zone) {
	offer := " postgresql --service-level guaranteed --price-list cluster"
	z.Sh("souk --context operator zone offer local"+offer).Fails(1, "three failure domains")
	z.Sh("souk --context operator zone offer " + z.name + offer).Done("offered")
	z.Sh("souk --context operator describe zone "+z.name).Done("zone-1", "zone-2", "zone-3", "simulated")
	z.Sh("souk order postgresql ha --zone local --service-level guaranteed").Fails(1, "guaranteed")
}

// orderGuaranteed orders ha and returns where it is, and its primary.
func orderGuaranteed(t *testing.T, z *zone) (n *namespace, primary string) {
	order := "souk order postgresql ha --zone " + z.name + " --service-level guaranteed --allow " + here()
	z.Sh(order + " --dry-run").Done("CHF 0.15")
	z.Sh(order + " --wait").Done("is ready at")
	i := z.Instance("ha")
	var domains []string
	for _, m := range i.Status.Members {
		domains = append(domains, m.FailureDomain)
	}
	slices.Sort(domains)
	if !slices.Equal(domains, []string{"zone-1", "zone-2", "zone-3"}) {
		t.Errorf("its members are in %q", domains)
	}
	readReplicas(z, i)
	n = z.namespaceOf("ha")
	return n, n.run("get", "cluster.postgresql.cnpg.io/db", "-o", "jsonpath={.status.currentPrimary}")
}

// readReplicas reads at the address of the replicas, over verified TLS, and cannot write there.
func readReplicas(z *zone, i api.Instance) {
	if e := i.Status.Endpoint; e == nil || e.ReadHost == "" || e.ReadHost == e.Host {
		z.system.t.Fatalf("it is read from at %+v", e)
	}
	z.Sh("souk describe instance ha").Done("To read")
	reader := `eval "$(souk credentials ha -o shell)"; PGHOST=$PGHOST_RO PGPORT=$PGPORT_RO psql -Atc `
	z.Eventually("replicas answer", func() error {
		if r := z.Sh(reader + "'select pg_is_in_recovery()'"); strings.TrimSpace(r.Out) != "t" {
			return errors.New(r.Out + r.Problems)
		}
		return nil
	})
	z.Sh(reader+"'create table never (n int)'").Fails(1, "read-only")
}

// movePrimary has the primary on a node that the bed and the zone's agent can be
// without, and returns the number of that node.
func movePrimary(t *testing.T, z *zone, n *namespace, primary string) (victim, agent string) {
	agent = z.system.run("get", "pod", "souk-agent-0", "-o", "jsonpath={.spec.nodeName}")
	node := func(pod string) string { return n.run("get", "pod", pod, "-o", "jsonpath={.spec.nodeName}") }
	fits := func(pod string) bool { return node(pod) != "node-1" && node(pod) != agent }
	if !fits(primary) {
		pods := strings.Fields(n.run("get", "pods", "-l", "cnpg.io/podRole=instance", "-o", "jsonpath={.items[*].metadata.name}"))
		i := slices.IndexFunc(pods, fits)
		if i < 0 {
			t.Fatalf("of %q none is on a node that can be lost", pods)
		}
		primary = pods[i]
		n.run("patch", "cluster.postgresql.cnpg.io/db", "--subresource=status", "--type=merge", "-p", `{"status": {"targetPrimary": "`+primary+`", "phase": "Switchover in progress"}}`)
		n.wait("cluster.postgresql.cnpg.io/db", "jsonpath={.status.currentPrimary}="+primary)
		n.wait("cluster.postgresql.cnpg.io/db", "condition=Ready")
		z.becomes("ha", api.PhaseReady, "")
	}
	return strings.TrimPrefix(node(primary), "node-"), agent
}

// becomes waits until an instance is shown in a phase, with these words.
func (z *zone) becomes(name string, phase api.Phase, words string) (i api.Instance) {
	z.within(5*time.Minute, name+" is "+string(phase), func() error {
		if i = z.Instance(name); i.Status.Phase != phase || !strings.Contains(i.Status.Message, words) {
			return fmt.Errorf("%s: %s", i.Status.Phase, i.Status.Message)
		}
		return nil
	})
	return i
}

// billedThroughout: one billed segment spans the loss, and the books are right.
func billedThroughout(t *testing.T, z *zone, name string, at time.Time) {
	got := z.Record(fmt.Sprintf(`SELECT count(*) FROM segments WHERE instance_id = '%s' AND superseded_at IS NULL AND to_at IS NULL
		AND state = 'active' AND compute_billed AND storage_billed AND from_at < '%s'`, z.Instance(name).Metadata.ID, at.UTC().Format(time.RFC3339Nano)))
	if !slices.Equal(got, []string{"1"}) {
		t.Errorf("segments that are billed from before the loss until now: %v", got)
	}
	z.Sh("souk --context operator audit segments").Done("No differences")
}

// page looks at an instance's page in a browser, and wants these words there.
func page(t *testing.T, z *zone, name, phase, words string) {
	t.Helper()
	out := os.Getenv("SOUK_SCREENSHOTS") // where to keep them
	if out == "" {
		out = t.ArtifactDir()
	}
	look := exec.Command("node", "../browser/one.mjs", name, phase, words)
	look.Env = append(os.Environ(), "BASE=http://"+z.Listen, "OUT="+out, "DEMO_PASSWORD="+z.DemoPassword())
	if text, err := look.CombinedOutput(); err != nil {
		t.Errorf("the page of %s: %v\n%s", name, err, text)
	}
}

// witness writes one row after the other and remembers which were acknowledged.
type witness struct {
	cancel context.CancelFunc
	ended  chan struct{}
	uri    string
	z      *zone
	name   string

	mu    sync.Mutex
	acked []ack
	last  error
}

type ack struct {
	n  int
	at time.Time
}

// newWitness begins to write to an instance, by the credentials that users get.
func newWitness(t *testing.T, z *zone, name string) *witness {
	z.Psql(name, "create table written (n int primary key)").Done()
	ctx, cancel := context.WithCancel(context.Background())
	w := &witness{cancel: cancel, ended: make(chan struct{}), uri: z.Sh("souk credentials " + name + " -o uri").Done().Out, z: z, name: name}
	go func() {
		defer close(w.ended)
		for n := 0; ctx.Err() == nil; {
			n = w.write(ctx, n)
		}
	}()
	t.Cleanup(w.stop)
	return w
}

// write writes from n on over one connection, until one row fails; it returns
// the next that was not tried.
func (w *witness) write(ctx context.Context, n int) int {
	patience, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := pgx.Connect(patience, w.uri)
	if err != nil {
		w.failed(ctx, err)
		return n
	}
	defer conn.Close(patience)
	for ; ctx.Err() == nil; n++ {
		patience, cancel := context.WithTimeout(ctx, 3*time.Second)
		_, err := conn.Exec(patience, "insert into written values ($1)", n)
		cancel()
		if err != nil {
			w.failed(ctx, err)
			return n + 1
		}
		w.mu.Lock()
		w.acked = append(w.acked, ack{n, time.Now()})
		w.mu.Unlock()
		pause(ctx, 10*time.Millisecond)
	}
	return n
}

func (w *witness) failed(ctx context.Context, err error) {
	w.mu.Lock()
	w.last = err
	w.mu.Unlock()
	pause(ctx, 50*time.Millisecond)
}

// pause keeps the writer from taking the machine for itself.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// firstAfter is when the first row after a moment was acknowledged; zero if none.
func (w *witness) firstAfter(at time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.acked, func(a ack) bool { return a.at.After(at) })
	if i < 0 {
		return time.Time{}
	}
	return w.acked[i].at
}

// longestPause is the longest time between two rows that were acknowledged.
func (w *witness) longestPause() (longest time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := 1; i < len(w.acked); i++ {
		longest = max(longest, w.acked[i].at.Sub(w.acked[i-1].at))
	}
	return longest
}

// reaches waits until so many rows were acknowledged.
func (w *witness) reaches(t *testing.T, count int) {
	t.Helper()
	w.z.Eventually("rows are written", func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.acked) < count {
			return fmt.Errorf("%d, and then %v", len(w.acked), w.last)
		}
		return nil
	})
}

// after waits until a row was acknowledged after a moment.
func (w *witness) after(t *testing.T, at time.Time) {
	t.Helper()
	w.z.within(5*time.Minute, "a row is written again", func() error {
		if w.firstAfter(at).IsZero() {
			w.mu.Lock()
			defer w.mu.Unlock()
			return fmt.Errorf("after %v: %w", time.Since(at), errors.Join(errors.New("none"), w.last))
		}
		return nil
	})
}

func (w *witness) stop() {
	w.cancel()
	<-w.ended
}

// compare wants every acknowledged row to be there.
func (w *witness) compare(t *testing.T) {
	t.Helper()
	there := map[string]bool{}
	for n := range strings.Lines(w.z.Psql(w.name, "select n from written").Done().Out + "\n") {
		there[strings.TrimSpace(n)] = true
	}
	lost := 0
	for _, a := range w.acked {
		if !there[fmt.Sprint(a.n)] {
			lost++
		}
	}
	t.Logf("%d rows were acknowledged, %d of them are lost", len(w.acked), lost)
	if lost > 0 {
		t.Errorf("%d of %d acknowledged rows are lost", lost, len(w.acked))
	}
}
