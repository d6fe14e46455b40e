//go:build crash

package crash

import (
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestEachProcessKilled has each process die on its own, and then all at once
// while an order is in flight.
func TestEachProcessKilled(t *testing.T) {
	h := build(t)
	h.start()
	h.Cleanup()
	h.Sh("souk order postgresql db1 --wait").Done()
	h.fill("db1")

	for name, victim := range map[string]func(*harness) int{
		"control plane": part("control"), "record": record, "agent": part("agent"), "supervisor": part("supervisor"), "shim": shim, "engine": engine,
	} {
		t.Run(name, func(t *testing.T) {
			h := h.of(t)
			server := h.engine(t, "db1")
			pid := victim(h)
			if err := syscall.Kill(pid, syscall.SIGKILL); pid == 0 || err != nil {
				t.Fatalf("process %d: %v", pid, err)
			}
			h.Eventually("another takes its place", func() error {
				if now := victim(h); now == 0 || now == pid {
					return errors.New("it does not run")
				}
				return nil
			})
			h.holds(t, "db1")
			h.whole(t)
			if name != "engine" && h.engine(t, "db1") != server {
				t.Error("the engine was restarted")
			}
			h.Sh("souk update db1 --display-name '" + name + "' --wait").Done()
		})
	}
	t.Run("launcher", func(t *testing.T) {
		h := h.of(t)
		server := h.engine(t, "db1")
		if err := syscall.Kill(h.Launcher(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		h.start()
		h.holds(t, "db1")
		h.whole(t)
		if h.engine(t, "db1") != server {
			t.Error("the engine was not adopted")
		}
	})
	t.Run("second start", func(t *testing.T) {
		second := exec.Command(h.Bin+"/souk", "dev", "--data-dir", h.DataDir, "--listen", "127.0.0.1:0")
		out, err := second.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "another souk dev") {
			t.Errorf("a second start on one folder: %v, %s", err, out)
		}
		h.of(t).holds(t, "db1")
	})
	t.Run("all, with an order in flight", func(t *testing.T) {
		h := h.of(t)
		for _, pause := range []time.Duration{0, 300 * time.Millisecond, time.Second} {
			name := "in-flight-" + strings.ReplaceAll(pause.String(), ".", "-")
			h.Sh("souk order postgresql " + name).Done()
			time.Sleep(pause) // not for anything: to hit the order in another state
			h.KillAll()
			h.start()
			h.settled(name, "Ready")
			h.fill(name)
			h.holds(t, name)
		}
		h.holds(t, "db1")
		h.whole(t)
	})
	h.Interrupt()
}
