//go:build crash

// Package crash kills the parts of the whole running program wherever that could
// hurt, and proves each time that what was asked for is finished by those who
// come after: nothing lost, nothing doubled, nothing left running.
package crash

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"souk/internal/step"
	"souk/test/soukdev"
)

// harness is a running Souk, the parts of which can be told where to die.
type harness struct {
	*soukdev.Souk
	dir string // see step.EnvCrashDir
}

// build makes a Souk that can be told where to die. It is not started.
func build(t *testing.T) *harness {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it kills parts that run under the accounts they really have")
	}
	dir, err := os.MkdirTemp("", "soukcrash")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, folder := range []string{dir, filepath.Join(dir, "armed"), filepath.Join(dir, "killed")} {
		if err := errors.Join(os.MkdirAll(folder, 0o777), os.Chmod(folder, 0o777)); err != nil { // for every account
			t.Fatal(err)
		}
	}
	return &harness{soukdev.Build(t, "crashtest"), dir}
}

func (h *harness) start() {
	h.Start(step.EnvCrashDir + "=" + h.dir)
	h.AwaitOpen()
	h.Sh("souk context use acme").Done()
}

// of is the same harness, whose failures are those of another test.
func (h *harness) of(t *testing.T) *harness { return &harness{h.For(t), h.dir} }

func (h *harness) file(folder, name string) string {
	return filepath.Join(h.dir, folder, step.FileName(name))
}

// arm has the next process that passes each of the steps kill itself there.
func (h *harness) arm(t *testing.T, steps ...string) {
	t.Helper()
	for _, name := range steps {
		_ = os.Remove(h.file("killed", name))
		if err := errors.Join(os.WriteFile(h.file("armed", name), nil, 0o666), os.Chmod(h.file("armed", name), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitKilled returns when a process has killed itself after each of the steps,
// and is gone.
func (h *harness) awaitKilled(t *testing.T, steps ...string) {
	t.Helper()
	deadline := time.Now().Add(soukdev.Patience)
	for _, name := range steps {
		for !h.killed(name) {
			if time.Now().After(deadline) {
				_ = os.Remove(h.file("armed", name))
				t.Fatalf("no process passed %s", name)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// killed says whether the process that passed the step is gone.
func (h *harness) killed(name string) bool {
	text, err := os.ReadFile(h.file("killed", name))
	if err != nil {
		return false
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		return false
	}
	return !soukdev.Running(pid)
}

// during carries out the line while the parts die after each of the steps. The
// line has to succeed all the same.
func (h *harness) during(t *testing.T, line string, steps ...string) {
	t.Helper()
	h.arm(t, steps...)
	h.Sh(line).Done()
	h.awaitKilled(t, steps...)
}

// settled waits until what is wanted of the instance is in force.
func (h *harness) settled(name, phase string) {
	h.Eventually(name+" is "+phase, func() error {
		i := h.Record("SELECT phase, generation = observed_generation FROM instances WHERE name = '" + name + "' ORDER BY created_at DESC LIMIT 1")
		if len(i) != 1 || i[0] != phase+"|t" {
			return fmt.Errorf("it is %v", i)
		}
		return nil
	})
}
