package shim_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"souk/internal/shim"
	"souk/internal/supervisor"
)

// TestMain lets the test binary stand in for souk.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "shim" {
		os.Exit(shim.Main(os.Args[2:]))
	}
	os.Exit(m.Run())
}

const id = "11111111-1111-4111-8111-111111111111"

// instance is a place with a shim, under the test's own account.
type instance struct {
	*shim.Client
	t      *testing.T
	s      *supervisor.Supervisor
	folder string
}

func newInstance(t *testing.T) *instance {
	t.Helper()
	s, err := supervisor.NewLocal(filepath.Join(t.TempDir(), "root"), nil)
	if err != nil {
		t.Fatal(err)
	}
	place, err := s.Prepare(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Destroy(context.Background(), id), s.RemoveCgroups()); err != nil {
			t.Error(err)
		}
	})
	i := &instance{shim.NewClient(place.Folder), t, s, place.Folder}
	i.spawn()
	return i
}

func (i *instance) spawn() {
	i.t.Helper()
	if _, err := i.s.Spawn(i.t.Context(), id, supervisor.Limits{}); err != nil {
		i.t.Fatal(err)
	}
}

func (i *instance) status() shim.Status {
	i.t.Helper()
	status, err := i.Status(i.t.Context())
	if err != nil {
		i.t.Fatal(err)
	}
	return status
}

// until waits for a status, as the shim tells of it.
func (i *instance) until(what string, is func(shim.Status) bool) (found shim.Status) {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), 20*time.Second)
	defer cancel()
	err := i.Watch(ctx, func(status shim.Status) {
		if is(status) {
			found = status
			cancel()
		}
	})
	if found.ShimPID == 0 {
		i.t.Fatalf("never %s: %v", what, err)
	}
	return found
}

func (i *instance) start(script string) {
	i.t.Helper()
	if err := i.Start(i.t.Context(), shim.Engine{Argv: []string{"/bin/sh", "-c", script}}); err != nil {
		i.t.Fatal(err)
	}
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestFiles(t *testing.T) {
	i, ctx := newInstance(t), t.Context()
	if err := i.Write(ctx, shim.File{Path: "conf/sub/a", Mode: 0o600, Data: []byte("one")}, shim.File{Path: "conf/b", Mode: 0o640, Data: []byte("two")}); err != nil {
		t.Fatal(err)
	}
	if text, err := i.Read(ctx, "conf/sub/a"); err != nil || string(text) != "one" {
		t.Errorf("read %q, %v", text, err)
	}
	if info, err := os.Stat(filepath.Join(i.folder, "conf/sub/a")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := i.Read(ctx, "conf/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if err := i.Rename(ctx, "conf/sub", "conf/other"); err != nil {
		t.Error(err)
	}
	if has, err := i.Exists(ctx, "conf/other/a"); err != nil || !has {
		t.Errorf("exists %v, %v", has, err)
	}
	for range 2 {
		if err := i.Remove(ctx, "conf/other"); err != nil {
			t.Error(err)
		}
	}
	if used, err := i.Usage(ctx, "conf"); err != nil || used == 0 {
		t.Errorf("usage %d, %v", used, err)
	}
}

func TestNoPathLeavesTheInstance(t *testing.T) {
	i, ctx := newInstance(t), t.Context()
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(i.folder, "data", "link")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{outside, "../../../secret", "data/../../x", "data/link"} {
		if text, err := i.Read(ctx, path); err == nil {
			t.Errorf("read %s: %q", path, text)
		}
	}
	if err := i.Write(ctx, shim.File{Path: "../x", Mode: 0o600}); err == nil {
		t.Error("wrote outside")
	}
	if err := i.Remove(ctx, "../.."); err == nil {
		t.Error("removed outside")
	}
}

func TestCommands(t *testing.T) {
	i, ctx := newInstance(t), t.Context()
	out, err := i.Run(ctx, shim.Command{Argv: []string{"/bin/sh", "-c", "cat; echo $GREETING"}, Env: []string{"GREETING=hello"}, Stdin: []byte("input ")})
	if err != nil || string(out) != "input hello\n" {
		t.Errorf("output %q, %v", out, err)
	}
	if _, err := i.Run(ctx, shim.Command{Argv: []string{"/bin/sh", "-c", "echo broken; exit 3"}}); err == nil || !strings.Contains(err.Error(), "code 3: broken") {
		t.Errorf("error %v", err)
	}
	if _, err := i.Run(ctx, shim.Command{Argv: []string{"/nonexistent"}}); err == nil {
		t.Error("a program that is not there ran")
	}
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	marker := filepath.Join(i.folder, "data", "pid")
	if _, err := i.Run(short, shim.Command{Argv: []string{"/bin/sh", "-c", "echo $$ > " + marker + "; sleep 1000"}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("called off: %v", err)
	}
	// The next command waits its turn, so the one before has ended by then.
	if _, err := i.Run(ctx, shim.Command{Argv: []string{"/bin/true"}}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(marker)
	if err != nil {
		t.Fatal(err)
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	if syscall.Kill(pid, 0) == nil {
		t.Error("a command that was called off still runs")
	}
}

func TestEngineIsKeptRunning(t *testing.T) {
	i := newInstance(t)
	i.start("echo started; exec sleep 1000")
	first := i.status()
	if first.State != shim.Running || first.Restarts != 0 {
		t.Fatalf("status %+v", first)
	}
	i.logged("started\n")
	kill(t, first.PID)
	second := i.until("started again", func(s shim.Status) bool { return s.State == shim.Running && s.PID != first.PID })
	if second.Restarts != 1 || second.Failures != 1 || !strings.Contains(second.LastExit, "killed") {
		t.Errorf("status %+v", second)
	}
	i.start("exec sleep 1000") // another command line is for the next start
	if again := i.status(); again.PID != second.PID {
		t.Errorf("started twice: %+v", again)
	}
	i.logged("started\nstarted\n")
}

// An engine that inherits that a signal is ignored loses one that is sent before
// it has handlers of its own, and would not stop.
func TestEngineIgnoresNoSignal(t *testing.T) {
	i := newInstance(t)
	i.start("exec grep SigIgn /proc/self/status")
	i.logged("\n")
	text, err := os.ReadFile(filepath.Join(i.folder, shim.LogFile))
	if err != nil {
		t.Fatal(err)
	}
	var ignored uint64
	if _, err := fmt.Sscanf(string(text), "SigIgn: %x", &ignored); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGTERM} {
		if ignored&(1<<(s-1)) != 0 {
			t.Errorf("%v is ignored", s)
		}
	}
}

func TestEngineThatKeepsEndingIsGivenTime(t *testing.T) {
	i := newInstance(t)
	i.start("exit 7")
	status := i.until("failed three times", func(s shim.Status) bool { return s.State == shim.Waiting && s.Failures >= 3 })
	pause := status.NextStart.Sub(status.Since)
	if pause < 300*time.Millisecond || pause > 500*time.Millisecond {
		t.Errorf("the third pause is %v, want about 400ms", pause)
	}
	if status.LastExit != "exit status 7" {
		t.Errorf("last exit %q", status.LastExit)
	}
	if err := i.Stop(t.Context(), syscall.SIGTERM, time.Second); err != nil {
		t.Fatal(err)
	}
	if status := i.status(); status.State != shim.Stopped || status.Failures != 0 {
		t.Errorf("status %+v", status)
	}
}

func TestStop(t *testing.T) {
	i := newInstance(t)
	i.start("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done")
	i.logged("ready")
	for range 2 {
		if err := i.Stop(t.Context(), syscall.SIGTERM, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	i.logged("bye")
	i.start("trap '' TERM; echo stubborn; while :; do sleep 0.01; done")
	i.logged("stubborn")
	if err := i.Stop(t.Context(), syscall.SIGTERM, 0); err != nil { // a second is the least
		t.Fatal(err)
	}
	if status := i.status(); status.State != shim.Stopped || status.Restarts != 0 {
		t.Errorf("status %+v", status)
	}
}

// TestStartAfterStopStartsAnother: a start that follows at once finds nothing
// left of the run before it.
func TestStartAfterStopStartsAnother(t *testing.T) {
	i := newInstance(t)
	for range 200 {
		i.start("exec sleep 1000")
		if status := i.status(); status.State != shim.Running || status.Restarts != 0 {
			t.Fatalf("status %+v", status)
		}
		if err := i.Stop(t.Context(), syscall.SIGTERM, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
}

// logged waits until the engine has written a word.
func (i *instance) logged(word string) {
	i.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if text, _ := os.ReadFile(filepath.Join(i.folder, shim.LogFile)); strings.Contains(string(text), word) {
			return
		}
	}
	i.t.Fatalf("%q was never logged", word)
}

func TestNextShimAdopts(t *testing.T) {
	i := newInstance(t)
	i.start("sleep 1000 & echo child; wait") // a child holds the lock too, and is not the engine
	i.logged("child")
	before := i.status()
	kill(t, before.ShimPID)
	if runs, err := shim.EngineRuns(i.folder); err != nil || !runs {
		t.Fatalf("the engine runs: %v, %v", runs, err)
	}
	i.spawn()
	after := i.status()
	if after.PID != before.PID || after.State != shim.Running {
		t.Fatalf("status %+v, want process %d", after, before.PID)
	}
	if err := i.Stop(t.Context(), syscall.SIGTERM, time.Second); err != nil {
		t.Fatal(err)
	}
	if status := i.status(); status.State != shim.Stopped {
		t.Errorf("status %+v", status)
	}
}

func TestNoSecondEngineBesideOrphansOfTheFirst(t *testing.T) {
	i := newInstance(t)
	i.start("sleep 1000 & sleep 1001 & echo two; wait")
	i.logged("two")
	before := i.status()
	kill(t, before.PID)
	status := i.until("refused", func(s shim.Status) bool { return s.Failures >= 2 })
	if !strings.Contains(status.LastExit, "still ending") {
		t.Errorf("status %+v", status)
	}
}

func TestOneShimAnInstance(t *testing.T) {
	i := newInstance(t)
	before := i.status().ShimPID
	i.spawn()
	if after := i.status().ShimPID; after != before {
		t.Errorf("shim %d took the place of %d", after, before)
	}
	if err := i.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Status(t.Context()); !shim.Unreachable(err) {
		t.Errorf("after the shutdown: %v", err)
	}
	if err := i.Shutdown(t.Context()); err != nil {
		t.Errorf("a second shutdown: %v", err)
	}
	i.spawn()
	if after := i.status().ShimPID; after == before {
		t.Error("the old shim is back")
	}
}

// A shim that was told to end answers, or is found to be gone; never anything between.
func TestShutdownThatNobodyWaitsFor(t *testing.T) {
	i := newInstance(t)
	for n := range 50 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*20*time.Microsecond)
		_ = i.Shutdown(ctx)
		cancel()
		if _, err := i.Status(t.Context()); err != nil && !shim.Unreachable(err) {
			t.Fatalf("asked after %d × 20 µs: %v", n, err)
		}
		i.spawn()
		if _, err := i.Status(t.Context()); err != nil && !shim.Unreachable(err) {
			t.Fatalf("spawned after %d × 20 µs: %v", n, err)
		}
	}
}

func TestShutdownLeavesTheEngine(t *testing.T) {
	i := newInstance(t)
	i.start("exec sleep 1000")
	before := i.status()
	if err := i.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	i.spawn()
	if after := i.status(); after.PID != before.PID {
		t.Errorf("engine %d became %d", before.PID, after.PID)
	}
}
