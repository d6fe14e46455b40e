//go:build crash

package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"souk/test/soukdev"
)

// TestPartsKilledUnderOrders kills parts again and again, at random moments,
// while users order, change, delete and bring back instances.
func TestPartsKilledUnderOrders(t *testing.T) {
	h := build(t)
	h.start()
	h.Cleanup()
	for _, storm := range []struct {
		name    string
		victims []func(*harness) int
	}{
		{"the control plane", []func(*harness) int{part("control")}},
		{"the record", []func(*harness) int{record}},
		{"every part", []func(*harness) int{part("control"), record, part("agent"), part("supervisor"), shim, engine}},
	} {
		t.Run(storm.name, func(t *testing.T) {
			h := h.of(t)
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			stop := make(chan struct{})
			killed := make(chan int)
			go func() { killed <- h.storm(stop, rand.New(rand.NewPCG(seed, 0)), storm.victims) }()
			names := h.lives(t, strings.ReplaceAll(storm.name, " ", "-"))
			close(stop)
			n := <-killed
			if t.Logf("%d processes were killed", n); n < 5 {
				t.Errorf("only %d processes were killed", n)
			}
			for _, name := range names {
				h.settled(name, "Ready")
				h.holds(t, name)
				h.once(t, name)
			}
			h.whole(t)
		})
	}
	h.Interrupt()
}

// storm kills a victim at random moments, though only when all had got up again,
// and returns how many there were.
func (h *harness) storm(stop <-chan struct{}, random *rand.Rand, victims []func(*harness) int) int {
	for n := 0; ; {
		select {
		case <-stop:
			return n
		case <-time.After(time.Second + time.Duration(random.Int64N(int64(2*time.Second)))):
		}
		if !h.Ready() {
			continue
		}
		if pid := victims[random.IntN(len(victims))](h); pid > 0 && syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
}

// lives is the same life for three instances at a time, told by their users.
func (h *harness) lives(t *testing.T, prefix string) []string {
	var names []string
	var users sync.WaitGroup
	for i := range 3 {
		name := fmt.Sprintf("%s-%d", prefix, i)
		names = append(names, name)
		users.Go(func() {
			for _, line := range []string{
				"souk order postgresql NAME --wait",
				`eval "$(souk credentials NAME -o shell)"; for i in {1..300}; do psql -XAtqc "drop table if exists kept; create table kept (n int); insert into kept select generate_series(1, 1000)" && exit 0; sleep 0.1; done; exit 1`,
				"souk update NAME --plan medium --wait",
				"souk unprotect NAME",
				"souk delete NAME --wait",
				"souk undelete NAME --wait",
				"souk suspend NAME --wait",
				"souk resume NAME --wait",
			} {
				if r := h.Sh("souk() { command souk --timeout 90s \"$@\"; }; " + strings.ReplaceAll(line, "NAME", name)); r.Code != 0 {
					t.Errorf("%s: %s: %s", name, line, r.Problems)
					return
				}
			}
		})
	}
	users.Wait()
	return names
}

// once proves that each command of a life was carried out exactly once.
func (h *harness) once(t *testing.T, name string) {
	t.Helper()
	kinds := h.Record("SELECT string_agg(c.kind, ',' ORDER BY c.generation) FROM commands c JOIN instances i ON i.id = c.instance_id WHERE i.name = '" + name + "'")
	if want := "order,update,delete,undelete,suspend,resume"; len(kinds) != 1 || kinds[0] != want {
		t.Errorf("%s: commands %v, want %s", name, kinds, want)
	}
	for _, doubled := range h.Record("SELECT action FROM audit_events WHERE kind = 'instance' AND action LIKE 'instance.%' AND object_name = '" + name + "' GROUP BY action HAVING count(*) > 1") {
		t.Errorf("%s: %s is in the audit log more than once", name, doubled)
	}
}

func part(name string) func(*harness) int {
	return func(h *harness) int { return h.Part(name) }
}

// record is the PostgreSQL of the control plane.
func record(h *harness) int {
	text, err := os.ReadFile(filepath.Join(h.DataDir, "postgres", "data", "postmaster.pid"))
	var pid int
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(text), &pid); err != nil || !isEngine(soukdev.CommandLine(pid)) || !strings.Contains(soukdev.CommandLine(pid), "cluster_name=souk") {
		return 0
	}
	return pid
}

func shim(h *harness) int   { return h.some(isShim) }
func engine(h *harness) int { return h.some(isEngine) }

// some returns one of the instances' processes, or 0.
func (h *harness) some(is func(commandLine string) bool) int {
	for _, pid := range h.Processes() {
		if soukdev.UID(pid) >= h.FirstInstanceUID() && is(soukdev.CommandLine(pid)) {
			return pid
		}
	}
	return 0
}
