package nats

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sys/unix"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/driver/process/processtest"
	"souk/internal/pki"
)

func TestWhoGetsIn(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	seen := z.Bring(&want)
	if nc, err := nats.Connect("nats://127.0.0.1:"+strconv.Itoa(seen.Endpoint.Port), nats.UserInfo("alice", want.Credentials[0].Password), nats.NoReconnect()); err == nil {
		nc.Close()
		t.Error("without TLS that verifies the server")
	}
	for login, password := range map[string]string{"": "", administrator: "", "alice": "a-wrong-password"} {
		if nc, err := dial(seen.Endpoint, login, password, time.Now); err == nil {
			nc.Close()
			t.Errorf("%q came in with %q", login, password)
		}
	}
	alice := user(t, want, seen.Endpoint)
	if reply, err := alice.Request("$SYS.REQ.SERVER.PING.VARZ", nil, time.Second); err == nil {
		t.Errorf("a user sees the server's own account: %s", reply.Data)
	}
	want.Generation++
	want.Credentials = []driver.Credential{{ID: "b", Login: "bob", Password: "another-password"}}
	seen = z.Bring(&want)
	if err := alice.FlushTimeout(5 * time.Second); err == nil {
		t.Error("the session of a revoked log-in goes on")
	}
	bob := user(t, want, seen.Endpoint)
	want.Generation++
	want.AllowedNetworks = nil
	z.Bring(&want)
	if err := bob.FlushTimeout(5 * time.Second); err == nil {
		t.Error("nobody may connect, and a session goes on")
	}
}

func TestSettingsComeIntoForceWithoutRestart(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	nc := user(t, want, z.Bring(&want).Endpoint)
	before := z.Status(want.ID).PID
	want.Generation++
	want.Parameters, want.StorageGiB = map[string]any{"max_payload": float64(2048)}, 20
	seen := z.Bring(&want)
	if got := user(t, want, seen.Endpoint).MaxPayload(); got != 2048 {
		t.Errorf("max_payload %d", got)
	}
	js, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := js.AccountInfo(); err != nil || info.Limits.MaxStore != 20<<30/10*9 {
		t.Errorf("storage %+v, %v", info, err)
	}
	if z.Status(want.ID).PID != before {
		t.Error("the server was restarted")
	}
	for name, value := range map[string]any{"jetstream": 1.0, "max_payload": "1 } include x"} {
		want.Generation++
		want.Parameters = map[string]any{name: value}
		_, err := z.Ensure(t.Context(), want)
		if blocked := processtest.BlockedBy(t, err, "you"); !blocked.Permanent {
			t.Errorf("%s: %+v", name, blocked)
		}
	}
}

func TestFullStorage(t *testing.T) {
	z := processtest.New(t, ProcessEngine(), func(c *process.Config) { c.MeasureEvery = 50 * time.Millisecond })
	want := order()
	want.StorageGiB = 1
	seen := z.Bring(&want)
	kept := marks{user(t, want, seen.Endpoint)}
	if err := kept.Put(t.Context(), "before"); err != nil {
		t.Fatal(err)
	}
	ballast, err := os.Create(filepath.Join(z.Folder(want.ID), dataFolder, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	if err := unix.Fallocate(int(ballast.Fd()), 0, 0, 1<<30); err != nil {
		t.Fatal(err)
	}
	z.Changed(want.ID)
	full, err := z.Ensure(t.Context(), want)
	if c := processtest.Condition(full, "StorageFull"); err != nil || full.BlockedBy != "you" || c == nil {
		t.Fatalf("full, and then %+v, %v", full, err)
	}
	if err := kept.Put(t.Context(), "more"); err == nil {
		t.Error("a full instance takes more")
	}
	if err := os.Remove(ballast.Name()); err != nil {
		t.Fatal(err)
	}
	z.Changed(want.ID)
	z.Eventually(want)
	if err := kept.Put(t.Context(), "more"); err != nil {
		t.Error(err)
	}
	if has, err := kept.Has(t.Context(), "before"); err != nil || !has {
		t.Errorf("what was there: %v, %v", has, err)
	}
}

func TestWhatWasKeptOutlivesAKilledServer(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	seen := z.Bring(&want)
	if err := (marks{user(t, want, seen.Endpoint)}).Put(t.Context(), "before"); err != nil {
		t.Fatal(err)
	}
	z.Kill(z.Status(want.ID).PID)
	z.Changed(want.ID)
	seen = z.Eventually(want)
	if has, err := (marks{user(t, want, seen.Endpoint)}).Has(t.Context(), "before"); err != nil || !has {
		t.Errorf("%v, %v", has, err)
	}
}

func TestCertificateIsRenewedWithoutRestart(t *testing.T) {
	var ahead atomic.Int64
	z := processtest.New(t, ProcessEngine(), func(c *process.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		c.MeasureEvery = 50 * time.Millisecond
	})
	want := order()
	seen := z.Bring(&want)
	nc, pid := user(t, want, seen.Endpoint), z.Status(want.ID).PID
	ahead.Store(int64(pki.ServerValidity * 3 / 4))
	z.Changed(want.ID)
	z.Eventually(want)
	if z.Status(want.ID).PID != pid {
		t.Error("the server was restarted")
	}
	if err := nc.FlushTimeout(5 * time.Second); err != nil {
		t.Error(err)
	}
	fresh, err := dial(seen.Endpoint, "alice", want.Credentials[0].Password, func() time.Time { return time.Now().Add(pki.ServerValidity * 5 / 4) })
	if err != nil {
		t.Fatal(err) // the first certificate has ended by then
	}
	fresh.Close()
}

func TestNothingSecretIsWritten(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	user(t, want, z.Bring(&want).Endpoint)
	command, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(z.Status(want.ID).PID), "cmdline"))
	if err != nil || bytes.Contains(command, []byte(want.Credentials[0].Password)) {
		t.Errorf("%s, %v", command, err)
	}
	err = filepath.WalkDir(z.Dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(want.Credentials[0].Password)) {
			t.Errorf("a password is in %s", path)
		}
		if strings.Contains(path, "/log/") && bytes.Contains(text, []byte("$2a$")) {
			t.Errorf("a hash is in %s", path)
		}
		if info, err := entry.Info(); err == nil && strings.Contains(path, "/conf/") && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestVersions(t *testing.T) {
	for printed, usableIs := range map[string]bool{"nats-server: v2.9.10\n": true, "nats-server: v2.15.2\n": true, "nats-server: v2.8.4\n": false, "nonsense": false} {
		if version, problem := usable(printed); (problem == "") != usableIs {
			t.Errorf("%q: %q, %q", printed, version, problem)
		}
	}
}

// A server that was set up under another authority of the zone is started again.
func TestAgentWithAnotherSecretIsLetIn(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	seen := z.Bring(&want)
	if err := (marks{user(t, want, seen.Endpoint)}).Put(t.Context(), "before"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(z.Config.Dir, "ca.pem")); err != nil {
		t.Fatal(err)
	}
	z.Reopen()
	seen = z.Bring(&want)
	if has, err := (marks{user(t, want, seen.Endpoint)}).Has(t.Context(), "before"); err != nil || !has {
		t.Errorf("%v, %v", has, err)
	}
}
