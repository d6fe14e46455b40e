// Package processtest has zones of the process driver for the tests of service
// packages, with what goes on around them: new agents, killed processes, crashes.
package processtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/shim"
	"souk/internal/supervisor"
)

// Zone is a zone on this machine: a supervisor, a driver, and folders.
type Zone struct {
	*process.Driver
	T          *testing.T
	Dir        string
	Supervisor supervisor.API
	Config     process.Config
}

// New makes a zone that is gone after the test. Each instance has a uid of its own
// when the test runs as root, and none otherwise.
func New(t *testing.T, engine process.Engine, change ...func(*process.Config)) *Zone {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "souk-zone-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	config := supervisor.Config{Root: filepath.Join(dir, "s"), AgentUID: os.Getuid(), AgentGID: os.Getgid(), Logger: testLog(t)}
	from, to := SomeRange(t)
	if os.Getuid() == 0 {
		config.UIDBase, config.UIDCount = 2_100_000_000+from, 50
	}
	s, err := supervisor.New(config)
	if err != nil {
		t.Fatal(err)
	}
	z := &Zone{T: t, Dir: dir, Supervisor: s, Config: process.Config{
		Dir: filepath.Join(dir, "d"), Address: "127.0.0.1", Names: []string{"127.0.0.1", "localhost"},
		PortFrom: from, PortTo: to, Supervisor: s, Engines: []process.Engine{engine}, Logger: testLog(t),
	}}
	for _, f := range change {
		f(&z.Config)
	}
	z.Open()
	t.Cleanup(z.destroy)
	return z
}

// SomeRange returns a range of ports that no other run of such tests has at the
// same time: a lock, held until this process ends, says whose it is.
func SomeRange(t *testing.T) (from, to int) {
	t.Helper()
	const first, size, ranges = 20_000, 50, 240 // below the ports that the kernel gives to clients
	locks := filepath.Join(os.TempDir(), "souk-test-ports")
	if err := os.MkdirAll(locks, 0o700); err != nil {
		t.Fatal(err)
	}
	for n := range ranges {
		fd, err := unix.Open(filepath.Join(locks, strconv.Itoa(n)), unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		from := first + n*size
		if unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil && allFree(from, size) {
			t.Cleanup(func() { unix.Close(fd) })
			return from, from + size - 1
		}
		unix.Close(fd)
	}
	t.Fatal("other tests use all ranges of ports")
	return 0, 0
}

// allFree says whether nobody listens in a range, such as what a run that was
// killed has left.
func allFree(from, size int) bool {
	for port := from; port < from+size; port++ {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

func testLog(t *testing.T) *slog.Logger {
	level := slog.LevelError
	if testing.Verbose() {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})).With("test", t.Name())
}

// Open opens the zone's driver.
func (z *Zone) Open() {
	z.T.Helper()
	d, err := process.New(z.Config)
	if err != nil {
		z.T.Fatal(err)
	}
	z.Driver = d
}

// Reopen is what a new agent does: engines and shims go on meanwhile.
func (z *Zone) Reopen() {
	z.T.Helper()
	if err := z.Close(); err != nil {
		z.T.Fatal(err)
	}
	z.Open()
}

// destroy removes everything, whatever state the test left it in.
func (z *Zone) destroy() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_ = z.Close()
	ids, err := z.Supervisor.List(ctx)
	if err != nil {
		z.T.Error(err)
	}
	for _, id := range ids {
		if err := z.Supervisor.Destroy(ctx, id); err != nil {
			z.T.Error(err)
		}
	}
	if s, ok := z.Supervisor.(interface{ RemoveCgroups() error }); ok {
		if err := s.RemoveCgroups(); err != nil {
			z.T.Error(err)
		}
	}
	if err := os.RemoveAll(z.Dir); err != nil {
		z.T.Error(err)
	}
}

// Bring has an instance run and marks it as one that held data.
func (z *Zone) Bring(want *driver.Instance) driver.Observation {
	z.T.Helper()
	ctx, cancel := context.WithTimeout(z.T.Context(), time.Minute)
	defer cancel()
	seen, err := z.Ensure(ctx, *want)
	if err != nil {
		z.T.Fatalf("ensure: %v", err)
	}
	if seen.State != driver.StateRunning {
		z.T.Fatalf("ensured, and then it is %s: %s", seen.State, seen.Message)
	}
	want.HeldData = true
	return seen
}

// Eventually ensures until the instance runs.
func (z *Zone) Eventually(want driver.Instance) driver.Observation {
	z.T.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		seen, err := z.Ensure(z.T.Context(), want)
		if err == nil && seen.State == driver.StateRunning {
			return seen
		}
		if time.Now().After(deadline) {
			z.T.Fatalf("still %+v, %v", seen, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Changed waits for the driver to say that the instance changed.
func (z *Zone) Changed(id string) {
	z.T.Helper()
	select {
	case got := <-z.Events():
		if got != id {
			z.T.Fatalf("an event about %s", got)
		}
	case <-time.After(20 * time.Second):
		z.T.Fatal("no event")
	}
}

// Status asks the instance's shim.
func (z *Zone) Status(id string) shim.Status {
	z.T.Helper()
	status, err := shim.NewClient(z.Folder(id)).Status(z.T.Context())
	if err != nil {
		z.T.Fatal(err)
	}
	return status
}

// Folder is the instance's.
func (z *Zone) Folder(id string) string {
	z.T.Helper()
	place, err := z.Supervisor.Find(z.T.Context(), id)
	if err != nil {
		z.T.Fatal(err)
	}
	return place.Folder
}

// Kill ends a process at once.
func (z *Zone) Kill(pid int) {
	z.T.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		z.T.Fatal(err)
	}
}

// Counted is what others than Souk itself have used of an instance, whose only counter is
// that of the meter.
func (z *Zone) Counted(id, meter string) int64 {
	z.T.Helper()
	told, err := z.Counters(z.T.Context(), id)
	if err != nil || len(told) != 1 || told[0].Meter != meter {
		z.T.Fatal(told, err)
	}
	return told[0].Value - told[0].Own
}

// Watch carries out the named checks of a probe so many times, each time with a sample of
// the instance's figures, as an agent does.
func (z *Zone) Watch(p *driver.Probe, id string, times int, checks ...string) {
	z.T.Helper()
	for range times {
		for _, name := range checks {
			if err := Try(z.T, p, name, 10*time.Second); err != nil {
				z.T.Fatal(err)
			}
		}
		if _, err := z.Sample(z.T.Context(), id); err != nil {
			z.T.Fatal(err)
		}
	}
}

// BlockedBy returns the error as one that somebody has to act on.
func BlockedBy(t *testing.T, err error, who string) *driver.BlockedError {
	t.Helper()
	var blocked *driver.BlockedError
	if !errors.As(err, &blocked) || blocked.BlockedBy != who {
		t.Fatalf("%v; want it blocked by %s", err, who)
	}
	return blocked
}

// Condition returns one of those observed, or nil.
func Condition(seen driver.Observation, kind string) *driver.Condition {
	for i := range seen.Conditions {
		if seen.Conditions[i].Type == kind {
			return &seen.Conditions[i]
		}
	}
	return nil
}

// Occupy listens on a port until the test ends.
func Occupy(t *testing.T, port int) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}
