package postgresql

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"souk/internal/driver"
	"souk/internal/shim"
)

func TestEngineOutlivesItsShimAndIsAdopted(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.Bring(&want)
	conn := z.user(want, seen.Endpoint)
	before := z.Status(want.ID)
	z.Kill(before.ShimPID)
	z.Changed(want.ID)
	z.Eventually(want)
	after := z.Status(want.ID)
	if after.PID != before.PID || after.ShimPID == before.ShimPID {
		t.Errorf("engine %d and shim %d became %d and %d", before.PID, before.ShimPID, after.PID, after.ShimPID)
	}
	z.exec(conn, "SELECT 1") // the session was not disturbed

	// An adopted engine is looked after like any other.
	z.Kill(after.PID)
	z.Changed(want.ID)
	z.Eventually(want)
	if last := z.Status(want.ID); last.PID == after.PID || last.Restarts != 1 {
		words, _ := os.ReadFile(filepath.Join(z.Folder(want.ID), shim.LogFile))
		t.Errorf("the adopted engine was killed, and then %+v; log %s", last, words)
	}
}

func TestEngineThatEndsIsStartedAgain(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.Bring(&want)
	z.exec(z.user(want, seen.Endpoint), "CREATE TABLE t AS SELECT generate_series(1, 100) AS i")
	before := z.Status(want.ID)
	z.Kill(before.PID)
	z.Changed(want.ID)
	seen = z.Eventually(want)
	if n := count(t, z.user(want, seen.Endpoint), "t"); n != 100 {
		t.Errorf("%d rows", n)
	}
	if after := z.Status(want.ID); after.Restarts != 1 || after.LastExit == "" {
		t.Errorf("status %+v", after)
	}
}

func TestEverythingKilled(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.Bring(&want)
	z.exec(z.user(want, seen.Endpoint), "CREATE TABLE t AS SELECT generate_series(1, 100) AS i")
	status := z.Status(want.ID)
	z.Kill(status.ShimPID)
	z.Kill(status.PID)
	z.Reopen()
	if observed, err := z.Observe(t.Context(), want.ID); err != nil || observed.State != driver.StateDegraded {
		t.Errorf("observed %+v, %v", observed, err)
	}
	again := z.Eventually(want)
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
	seen := z.Bring(&want)
	conn := z.user(want, seen.Endpoint)
	before := z.Status(want.ID)
	z.Reopen()
	z.Bring(&want)
	if after := z.Status(want.ID); after.PID != before.PID || after.ShimPID != before.ShimPID {
		t.Errorf("status %+v became %+v", before, after)
	}
	z.exec(conn, "SELECT 1")
}

func TestStopAllEndsEverythingInGoodOrder(t *testing.T) {
	z := newZone(t)
	want := order()
	z.Bring(&want)
	status, folder := z.Status(want.ID), z.Folder(want.ID)
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
	z.Open()
	z.Bring(&want)
}

// ended says whether a process is only waiting for its parent to notice.
func ended(pid int) bool {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err != nil || bytes.Contains(text, []byte(") Z "))
}

func TestNothingSecretIsWritten(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.Bring(&want)
	z.user(want, seen.Endpoint)
	if conn, err := dial(t.Context(), seen.Endpoint, "alice", "a-wrong-password"); err == nil {
		conn.Close(t.Context())
		t.Error("a wrong password was taken")
	}
	err := filepath.WalkDir(z.Dir, func(path string, entry os.DirEntry, err error) error {
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
