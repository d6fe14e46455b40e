package postgresql

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

	"golang.org/x/sys/unix"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/driver/process/processtest"
	"souk/internal/pki"
	"souk/internal/shim"
)

func TestPlanLimitsAreInForce(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: without it this machine hands out no cgroups, and the zone says so")
	}
	z := newZone(t)
	info, err := z.Info(t.Context())
	if err != nil || !strings.HasPrefix(info.Limits, "cgroup v") {
		t.Fatalf("limits %q, %v", info.Limits, err)
	}
	want := order()
	seen := z.Bring(&want)
	check := func() {
		t.Helper()
		if c := processtest.Condition(seen, "LimitsNotEnforced"); c != nil {
			t.Fatalf("condition %+v", c)
		}
		pid := z.Status(want.ID).PID
		if got := memoryLimit(t, pid); got != want.Plan.MemoryMiB<<20 {
			t.Errorf("memory limit %d MiB, want %d", got>>20, want.Plan.MemoryMiB)
		}
	}
	check()
	for _, mib := range []int64{1024, 256} {
		want.Generation++
		want.Plan.MemoryMiB = mib
		seen = z.Bring(&want)
		check()
		conn := z.user(want, seen.Endpoint)
		var buffers string
		if err := conn.QueryRow(t.Context(), "SHOW shared_buffers").Scan(&buffers); err != nil || buffers != fmt.Sprintf("%dMB", mib/4) {
			t.Errorf("shared_buffers %s, %v", buffers, err)
		}
	}
}

// memoryLimit reads what the kernel holds a process to.
func memoryLimit(t *testing.T, pid int) int64 {
	t.Helper()
	table, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		for _, path := range []string{"/sys/fs/cgroup/memory" + fields[2] + "/memory.limit_in_bytes", "/sys/fs/cgroup" + fields[2] + "/memory.max"} {
			text, err := os.ReadFile(path)
			if err != nil || fields[1] != "memory" && fields[1] != "" {
				continue
			}
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
				return n
			}
		}
	}
	t.Fatal("no memory limit found")
	return 0
}

func TestTakenPort(t *testing.T) {
	z := newZone(t)
	processtest.Occupy(t, z.Config.PortFrom)
	want := order()
	seen := z.Bring(&want)
	if seen.Endpoint.Port != z.Config.PortFrom+1 {
		t.Errorf("port %d, want the next after the taken one", seen.Endpoint.Port)
	}
	if _, err := z.Stop(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	listener := processtest.Occupy(t, seen.Endpoint.Port)
	_, err := z.Ensure(t.Context(), want)
	if blocked := processtest.BlockedBy(t, err, "operator"); blocked.Permanent || !strings.Contains(blocked.Message, strconv.Itoa(seen.Endpoint.Port)) {
		t.Errorf("blocked: %+v", blocked)
	}
	listener.Close()
	if again := z.Bring(&want); again.Endpoint.Port != seen.Endpoint.Port {
		t.Errorf("port %d, want %d", again.Endpoint.Port, seen.Endpoint.Port)
	}
}

func TestNoPortLeft(t *testing.T) {
	z := newZone(t, func(c *process.Config) { c.PortTo = c.PortFrom })
	processtest.Occupy(t, z.Config.PortFrom)
	_, err := z.Ensure(t.Context(), order())
	processtest.BlockedBy(t, err, "operator")
}

func TestMissingServerProgram(t *testing.T) {
	z := newZone(t, func(c *process.Config) { c.Engines = []process.Engine{newEngine("/nonexistent/*/bin")} })
	info, err := z.Info(t.Context())
	if err != nil || len(info.Engines) != 1 || !strings.Contains(info.Engines[0].Problem, "not installed") {
		t.Errorf("info %+v, %v", info, err)
	}
	_, err = z.Ensure(t.Context(), order())
	if blocked := processtest.BlockedBy(t, err, "operator"); !strings.Contains(blocked.Message, "not installed") {
		t.Errorf("blocked: %s", blocked.Message)
	}
}

func TestFullStorage(t *testing.T) {
	z := newZone(t, func(c *process.Config) { c.MeasureEvery = 50 * time.Millisecond })
	want := order()
	want.StorageGiB = 1
	seen := z.Bring(&want)
	conn := z.user(want, seen.Endpoint)
	z.exec(conn, "CREATE TABLE t (i int)")
	ballast := filepath.Join(z.Folder(want.ID), clusterFolder, "ballast")
	allocate(t, ballast, 1<<30)

	z.Changed(want.ID)
	full, err := z.Ensure(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if c := processtest.Condition(full, "StorageFull"); full.State != driver.StateDegraded || full.BlockedBy != "you" || c == nil || full.Generation != want.Generation {
		t.Fatalf("full, and then %+v", full)
	}
	late := z.user(want, seen.Endpoint)
	if _, err := late.Exec(t.Context(), "INSERT INTO t VALUES (1)"); err == nil {
		t.Error("a full instance takes more")
	}
	z.exec(late, "SET default_transaction_read_only = off")
	z.exec(late, "TRUNCATE t")
	z.exec(late, "VACUUM FULL t")

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	z.Changed(want.ID)
	z.Eventually(want)
	z.exec(z.user(want, seen.Endpoint), "INSERT INTO t VALUES (1)")

	// More storage helps at once.
	allocate(t, ballast, 1<<30)
	z.Changed(want.ID)
	if full, err := z.Ensure(t.Context(), want); err != nil || processtest.Condition(full, "StorageFull") == nil {
		t.Fatalf("full again, and then %+v, %v", full, err)
	}
	want.Generation++
	want.StorageGiB = 3
	if grown := z.Bring(&want); processtest.Condition(grown, "StorageFull") != nil {
		t.Errorf("grown, and then %+v", grown)
	}
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

func TestSettingsComeIntoForce(t *testing.T) {
	z := newZone(t)
	want := order()
	z.Bring(&want)
	show := func(name string) (value string) {
		t.Helper()
		want.Generation++
		seen := z.Bring(&want)
		conn := z.user(want, seen.Endpoint)
		if err := conn.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&value); err != nil {
			t.Fatal(err)
		}
		return value
	}
	before := z.Status(want.ID).PID
	want.Parameters = map[string]any{"work_mem": float64(8192), "timezone": "Europe/Zurich", "log_lock_waits": true}
	if got := show("work_mem"); got != "8MB" {
		t.Errorf("work_mem %s", got)
	}
	if got := show("TimeZone"); got != "Europe/Zurich" {
		t.Errorf("timezone %s", got)
	}
	if z.Status(want.ID).PID != before {
		t.Error("a setting that takes a reload restarted the server")
	}
	want.Parameters = map[string]any{"max_connections": float64(50)}
	if got := show("max_connections"); got != "50" {
		t.Errorf("max_connections %s", got)
	}
	if got := show("work_mem"); got != "4MB" {
		t.Errorf("work_mem %s is not the default again", got)
	}
	after := z.Status(want.ID)
	if after.PID == before || after.Restarts != 0 {
		t.Errorf("a setting that takes a restart: %+v", after)
	}
	for name, value := range map[string]any{"timezone": "Mars/Olympus", "shared_preload_libraries": "evil", "work_mem": []any{1}} {
		want.Generation++
		want.Parameters = map[string]any{name: value}
		_, err := z.Ensure(t.Context(), want)
		if blocked := processtest.BlockedBy(t, err, "you"); !blocked.Permanent {
			t.Errorf("%s: %+v", name, blocked)
		}
	}
	want.Parameters, want.AllowedNetworks = nil, []string{"not a network"}
	_, err := z.Ensure(t.Context(), want)
	processtest.BlockedBy(t, err, "you")
}

func TestCertificateIsRenewedWithoutRestart(t *testing.T) {
	var ahead atomic.Int64
	z := newZone(t, func(c *process.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		c.MeasureEvery = 50 * time.Millisecond
	})
	want := order()
	seen := z.Bring(&want)
	before, pid := z.certificate(want.ID), z.Status(want.ID).PID
	left := func(low, high time.Duration) {
		t.Helper()
		if seconds := z.figures(want)[driver.MetricCertificate]; seconds < low.Seconds() || seconds > high.Seconds() {
			t.Errorf("the certificate is said to be good for %v seconds, want %s to %s", seconds, low, high)
		}
	}
	left(pki.ServerValidity-time.Hour, pki.ServerValidity)
	conn := z.user(want, seen.Endpoint)
	ahead.Store(int64(pki.ServerValidity * 3 / 4))
	left(pki.ServerValidity/4-time.Hour, pki.ServerValidity/4)
	z.Changed(want.ID)
	z.Eventually(want)
	left(pki.ServerValidity-time.Hour, pki.ServerValidity)
	if z.certificate(want.ID) == before {
		t.Error("the certificate is the old one")
	}
	if z.Status(want.ID).PID != pid {
		t.Error("the server was restarted")
	}
	z.exec(conn, "SELECT 1")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	fresh, err := dialAt(ctx, seen.Endpoint, "alice", want.Credentials[0].Password, z.Config.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close(ctx)
}

func (z *zone) certificate(id string) string {
	z.T.Helper()
	text, err := shim.NewClient(z.Folder(id)).Read(z.T.Context(), serverFile)
	if err != nil {
		z.T.Fatal(err)
	}
	cert, err := pki.ParseCertificate(text)
	if err != nil {
		z.T.Fatal(err)
	}
	return cert.SerialNumber.String()
}
