package postgresql

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"souk/internal/driver"
	"souk/internal/shim"
)

// status asks the instance's shim.
func (z *zone) status(id string) shim.Status {
	z.t.Helper()
	status, err := shim.NewClient(z.folder(id)).Status(z.t.Context())
	if err != nil {
		z.t.Fatal(err)
	}
	return status
}

func (z *zone) folder(id string) string {
	z.t.Helper()
	place, err := z.supervisor.Find(z.t.Context(), id)
	if err != nil {
		z.t.Fatal(err)
	}
	return place.Folder
}

func (z *zone) kill(pid int) {
	z.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		z.t.Fatal(err)
	}
}

// changed waits for the driver to say that the instance changed.
func (z *zone) changed(id string) {
	z.t.Helper()
	select {
	case got := <-z.Events():
		if got != id {
			z.t.Fatalf("an event about %s", got)
		}
	case <-time.After(20 * time.Second):
		z.t.Fatal("no event")
	}
}

// eventually ensures until the instance runs.
func (z *zone) eventually(want driver.Instance) driver.Observation {
	z.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		seen, err := z.Ensure(z.t.Context(), want)
		if err == nil && seen.State == driver.StateRunning {
			return seen
		}
		if time.Now().After(deadline) {
			z.t.Fatalf("still %+v, %v", seen, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestEngineOutlivesItsShimAndIsAdopted(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.ensure(&want)
	conn := z.user(want, seen.Endpoint)
	before := z.status(want.ID)
	z.kill(before.ShimPID)
	z.changed(want.ID)
	z.eventually(want)
	after := z.status(want.ID)
	if after.PID != before.PID || after.ShimPID == before.ShimPID {
		t.Errorf("engine %d and shim %d became %d and %d", before.PID, before.ShimPID, after.PID, after.ShimPID)
	}
	z.exec(conn, "SELECT 1") // the session was not disturbed

	// An adopted engine is looked after like any other.
	z.kill(after.PID)
	z.changed(want.ID)
	z.eventually(want)
	if last := z.status(want.ID); last.PID == after.PID || last.Restarts != 1 {
		words, _ := os.ReadFile(filepath.Join(z.folder(want.ID), shim.LogFile))
		t.Errorf("the adopted engine was killed, and then %+v; log %s", last, words)
	}
}

func TestEngineThatEndsIsStartedAgain(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.ensure(&want)
	z.exec(z.user(want, seen.Endpoint), "CREATE TABLE t AS SELECT generate_series(1, 100) AS i")
	before := z.status(want.ID)
	z.kill(before.PID)
	z.changed(want.ID)
	seen = z.eventually(want)
	if n := count(t, z.user(want, seen.Endpoint), "t"); n != 100 {
		t.Errorf("%d rows", n)
	}
	if after := z.status(want.ID); after.Restarts != 1 || after.LastExit == "" {
		t.Errorf("status %+v", after)
	}
}

func TestEverythingKilled(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.ensure(&want)
	z.exec(z.user(want, seen.Endpoint), "CREATE TABLE t AS SELECT generate_series(1, 100) AS i")
	status := z.status(want.ID)
	z.kill(status.ShimPID)
	z.kill(status.PID)
	z.reopen()
	if observed, err := z.Observe(t.Context(), want.ID); err != nil || observed.State != driver.StateDegraded {
		t.Errorf("observed %+v, %v", observed, err)
	}
	again := z.eventually(want)
	if *again.Endpoint != *seen.Endpoint {
		t.Errorf("the endpoint changed to %+v", again.Endpoint)
	}
	if n := count(t, z.user(want, again.Endpoint), "t"); n != 100 {
		t.Errorf("%d rows", n)
	}
}

func TestNewAgentDisturbsNothing(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.ensure(&want)
	conn := z.user(want, seen.Endpoint)
	before := z.status(want.ID)
	z.reopen()
	z.ensure(&want)
	if after := z.status(want.ID); after.PID != before.PID || after.ShimPID != before.ShimPID {
		t.Errorf("status %+v became %+v", before, after)
	}
	z.exec(conn, "SELECT 1")
}

func TestStopAllEndsEverythingInGoodOrder(t *testing.T) {
	z := newZone(t)
	want := order()
	z.ensure(&want)
	status, folder := z.status(want.ID), z.folder(want.ID)
	if err := z.StopAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{status.PID, status.ShimPID} {
		if err := syscall.Kill(pid, 0); err == nil && !ended(pid) {
			t.Errorf("process %d still runs", pid)
		}
	}
	log, err := os.ReadFile(filepath.Join(folder, shim.LogFile))
	if err != nil || !strings.Contains(string(log), "database system is shut down") {
		t.Errorf("log %s, %v", log, err)
	}
	z.open()
	z.ensure(&want)
}

// ended says whether a process is only waiting for its parent to notice.
func ended(pid int) bool {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err != nil || bytes.Contains(text, []byte(") Z "))
}

func TestNothingSecretIsWritten(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.ensure(&want)
	z.user(want, seen.Endpoint)
	if conn, err := dial(t.Context(), seen.Endpoint, "alice", "a-wrong-password"); err == nil {
		conn.Close(t.Context())
		t.Error("a wrong password was taken")
	}
	err := filepath.WalkDir(z.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, secret := range []string{want.Credentials[0].Password, "a-wrong-password"} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("a password is in %s", path)
			}
		}
		if strings.Contains(path, "/log/") && bytes.Contains(text, []byte("SCRAM-SHA-256$")) {
			t.Errorf("a verifier is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
