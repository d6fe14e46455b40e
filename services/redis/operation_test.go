package redis

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"golang.org/x/sys/unix"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/driver/process/processtest"
	"souk/internal/pki"
	"souk/internal/shim"
)

// figure reads one of INFO's, as users may.
func figure(t *testing.T, conn redis.Conn, name string) string {
	t.Helper()
	text, err := redis.String(conn.Do("INFO", "everything"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no %s", name)
	return ""
}

func TestSettingsComeIntoForceWithoutRestart(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	conn := user(t, want, z.Bring(&want).Endpoint)
	before := z.Status(want.ID).PID
	if got := figure(t, conn, "maxmemory_policy"); got != "noeviction" {
		t.Errorf("policy %s", got)
	}
	want.Generation++
	want.Parameters = map[string]any{"maxmemory-policy": "allkeys-lru", "maxclients": float64(50), "notify-keyspace-events": "KEA", "lazyfree-lazy-user-del": true}
	z.Bring(&want)
	if got := figure(t, conn, "maxmemory_policy"); got != "allkeys-lru" {
		t.Errorf("policy %s", got)
	}
	if got := figure(t, conn, "maxclients"); got != "50" {
		t.Errorf("maxclients %s", got)
	}
	want.Generation++
	want.Parameters, want.Plan.MemoryMiB = nil, 1024
	z.Bring(&want)
	if got := figure(t, conn, "maxmemory_policy"); got != "noeviction" {
		t.Errorf("policy %s is not the default again", got)
	}
	if got := figure(t, conn, "maxmemory"); got != strconv.FormatInt(memoryFor(1024), 10) {
		t.Errorf("maxmemory %s", got)
	}
	if z.Status(want.ID).PID != before {
		t.Error("the server was restarted")
	}
	for name, value := range map[string]any{"appendonly": "no", "maxmemory-policy": "x\ndir /tmp", "timeout": []any{1}} {
		want.Generation++
		want.Parameters = map[string]any{name: value}
		_, err := z.Ensure(t.Context(), want)
		if blocked := processtest.BlockedBy(t, err, "you"); !blocked.Permanent {
			t.Errorf("%s: %+v", name, blocked)
		}
	}
}

func TestPlanThatTheDataDoesNotFit(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	conn := user(t, want, z.Bring(&want).Endpoint)
	for n := range 150 {
		do(t, conn, "SET", fmt.Sprint("k", n), strings.Repeat("x", 1<<20))
	}
	want.Generation++
	want.Plan.MemoryMiB = 128
	_, err := z.Ensure(t.Context(), want)
	if blocked := processtest.BlockedBy(t, err, "you"); blocked.Permanent || !strings.Contains(blocked.Message, "room for 76 MiB") {
		t.Errorf("blocked: %+v", blocked)
	}
	do(t, conn, "FLUSHALL")
	z.Bring(&want)
	conn = user(t, want, z.Eventually(want).Endpoint)
	if got := figure(t, conn, "maxmemory"); got != strconv.FormatInt(memoryFor(128), 10) {
		t.Errorf("maxmemory %s", got)
	}
	var refusal error
	for n := range 150 {
		if _, refusal = conn.Do("SET", fmt.Sprint("k", n), strings.Repeat("x", 1<<20)); refusal != nil {
			break
		}
	}
	if refusal == nil || !strings.HasPrefix(refusal.Error(), "OOM") {
		t.Errorf("more than the plan has room for: %v", refusal)
	}
}

func TestWhatWasWrittenOutlivesAKilledServer(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	want.Parameters = map[string]any{"appendfsync": "always"}
	conn := user(t, want, z.Bring(&want).Endpoint)
	for n := range 100 {
		do(t, conn, "RPUSH", "list", n)
	}
	do(t, conn, "BGREWRITEAOF")
	do(t, conn, "RPUSH", "list", "last")
	before := z.Status(want.ID)
	z.Kill(before.PID)
	z.Changed(want.ID)
	conn = user(t, want, z.Eventually(want).Endpoint)
	if n, err := redis.Int(conn.Do("LLEN", "list")); err != nil || n != 101 {
		t.Errorf("%d entries, %v", n, err)
	}
	z.Kill(z.Status(want.ID).ShimPID)
	z.Changed(want.ID)
	z.Eventually(want)
	do(t, conn, "PING") // the session was not disturbed
}

// Data of which a part is missing is reported as lost, not begun anew.
func TestPartOfTheDataLost(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	do(t, user(t, want, z.Bring(&want).Endpoint), "SET", "k", "v")
	if _, err := z.Stop(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(z.Folder(want.ID), dataFolder, appendOnly, firstFile)
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if seen, err := z.Ensure(t.Context(), want); err == nil || !strings.Contains(err.Error(), driver.ErrDataLost.Error()) {
		t.Errorf("%+v, %v", seen, err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if v, err := redis.String(user(t, want, z.Bring(&want).Endpoint).Do("GET", "k")); err != nil || v != "v" {
		t.Errorf("%q, %v", v, err)
	}
}

func TestFullStorage(t *testing.T) {
	z := processtest.New(t, ProcessEngine(), func(c *process.Config) { c.MeasureEvery = 50 * time.Millisecond })
	want := order()
	want.StorageGiB = 1
	conn := user(t, want, z.Bring(&want).Endpoint)
	do(t, conn, "SET", "k", "v")
	ballast := filepath.Join(z.Folder(want.ID), dataFolder, "ballast")
	allocate(t, ballast, 1<<30)
	z.Changed(want.ID)
	full, err := z.Ensure(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if c := processtest.Condition(full, "StorageFull"); full.State != driver.StateDegraded || full.BlockedBy != "you" || c == nil || !strings.Contains(c.Message, "BGREWRITEAOF") {
		t.Fatalf("full, and then %+v", full)
	}
	if _, err := conn.Do("SET", "more", "v"); err == nil {
		t.Error("a full instance takes more")
	}
	do(t, conn, "DEL", "k")
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	z.Changed(want.ID)
	z.Eventually(want)
	do(t, conn, "SET", "k", "v")
}

func allocate(t *testing.T, path string, size int64) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := unix.Fallocate(int(file.Fd()), 0, 0, size); err != nil {
		t.Fatal(err)
	}
}

func TestMissingServerProgram(t *testing.T) {
	z := processtest.New(t, newEngine("/nonexistent/redis-server"))
	info, err := z.Info(t.Context())
	if err != nil || len(info.Engines) != 1 || !strings.Contains(info.Engines[0].Problem, "not installed") {
		t.Errorf("info %+v, %v", info, err)
	}
	_, err = z.Ensure(t.Context(), order())
	processtest.BlockedBy(t, err, "operator")
}

func TestVersions(t *testing.T) {
	for printed, want := range map[string][2]string{
		"Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1\n": {"7.0.15", ""},
		"Redis server v=6.0.16 sha=00000000:0\n":                                       {"6.0.16", "the zone's machine has Redis \"6.0.16\", and 7 or newer is needed"},
	} {
		if version, problem := usable(printed); version != want[0] || problem != want[1] {
			t.Errorf("%q: %q, %q", printed, version, problem)
		}
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
	serial := func() string {
		t.Helper()
		text, err := shim.NewClient(z.Folder(want.ID)).Read(t.Context(), serverFile)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := pki.ParseCertificate(text)
		if err != nil {
			t.Fatal(err)
		}
		return cert.SerialNumber.String()
	}
	before, pid := serial(), z.Status(want.ID).PID
	conn := user(t, want, seen.Endpoint)
	ahead.Store(int64(pki.ServerValidity * 5 / 4)) // the first has ended by then
	z.Changed(want.ID)
	z.Eventually(want)
	if serial() == before {
		t.Error("the certificate is the old one")
	}
	if z.Status(want.ID).PID != pid {
		t.Error("the server was restarted")
	}
	do(t, conn, "PING")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	fresh, err := dialAt(ctx, seen.Endpoint, "alice", want.Credentials[0].Password, z.Config.Now)
	if err != nil {
		t.Fatal(err)
	}
	fresh.Close()
}
