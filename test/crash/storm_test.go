//go:build crash

package crash

import (
	"context"
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
			enough := make(chan struct{})
			go func() {
				defer close(enough)
				h.storm(t.Context(), rand.New(rand.NewPCG(seed, 0)), storm.victims)
			}()
			for name, pauses := range h.lives(t, strings.ReplaceAll(storm.name, " ", "-"), enough) {
				h.settled(name, "Ready")
				h.holds(t, name)
				h.once(t, name, pauses)
			}
			h.whole(t)
		})
	}
	h.Interrupt()
}

// kills is how many processes a storm kills.
const kills = 6

// storm kills victims at random moments, though only when all had got up again.
func (h *harness) storm(ctx context.Context, random *rand.Rand, victims []func(*harness) int) {
	for n := 0; n < kills; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(random.Int64N(int64(time.Second)))):
		}
		if !h.Ready() {
			continue
		}
		if pid := victims[random.IntN(len(victims))](h); pid > 0 && syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
}

// lives is the same life for three instances at a time, told by their users, who
// pause and go on until there has been enough. It returns how often each paused.
func (h *harness) lives(t *testing.T, prefix string, enough <-chan struct{}) map[string]int {
	pauses := map[string]int{}
	var mu sync.Mutex
	var users sync.WaitGroup
	for i := range 3 {
		users.Go(func() {
			name := fmt.Sprintf("%s-%d", prefix, i)
			n := h.life(t, name, enough)
			mu.Lock()
			defer mu.Unlock()
			pauses[name] = n
		})
	}
	users.Wait()
	return pauses
}

func (h *harness) life(t *testing.T, name string, enough <-chan struct{}) (pauses int) {
	do := func(lines ...string) bool {
		for _, line := range lines {
			if r := h.Sh("souk() { command souk --timeout 90s \"$@\"; }; " + strings.ReplaceAll(line, "NAME", name)); r.Code != 0 {
				t.Errorf("%s: %s: %s", name, line, r.Problems)
				return false
			}
		}
		return true
	}
	ok := do("souk order postgresql NAME --wait",
		`eval "$(souk credentials NAME -o shell)"; for i in {1..300}; do psql -XAtqc "drop table if exists kept; create table kept (n int); insert into kept select generate_series(1, 1000)" && exit 0; sleep 0.1; done; exit 1`,
		"souk update NAME --plan medium --wait",
		"souk unprotect NAME",
		"souk delete NAME --wait",
		"souk undelete NAME --wait")
	for over := false; ok && !over; pauses++ {
		select {
		case <-enough:
			over = true
		default:
		}
		ok = do("souk suspend NAME --wait", "souk resume NAME --wait")
	}
	return pauses
}

// once proves that each command of a life was carried out exactly once.
func (h *harness) once(t *testing.T, name string, pauses int) {
	t.Helper()
	kinds := h.Record("SELECT string_agg(c.kind, ',' ORDER BY c.generation) FROM commands c JOIN instances i ON i.id = c.instance_id WHERE i.name = '" + name + "'")
	if want := "order,update,delete,undelete" + strings.Repeat(",suspend,resume", pauses); len(kinds) != 1 || kinds[0] != want {
		t.Errorf("%s: commands %v, want %s", name, kinds, want)
	}
	for _, doubled := range h.Record(fmt.Sprintf(`SELECT action, count(*) FROM audit_events WHERE kind = 'instance' AND action LIKE 'instance.%%' AND object_name = '%s'
		GROUP BY action HAVING count(*) > CASE WHEN action IN ('instance.suspend', 'instance.resume') THEN %d ELSE 1 END`, name, pauses)) {
		t.Errorf("%s: too often in the audit log: %s", name, doubled)
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
