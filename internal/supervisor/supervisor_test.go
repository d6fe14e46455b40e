package supervisor

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"souk/internal/shim"
)

// TestMain lets the test binary stand in for souk.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "shim":
			os.Exit(shim.Main(os.Args[2:]))
		case "supervise":
			os.Exit(Main(os.Args[2:]))
		case "prepare": // as an account that may or may not be the agent's
			_, err := NewClient(os.Args[2]).Prepare(context.Background(), os.Args[3])
			if err != nil {
				println(err.Error())
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

const (
	first  = "11111111-1111-4111-8111-111111111111"
	second = "22222222-2222-4222-8222-222222222222"

	testUIDs  = 2_120_000_000
	someAgent = 2_120_999_999
)

func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "souk-supervisor-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func newSupervisor(t *testing.T, cfg Config) *Supervisor {
	t.Helper()
	if cfg.Root == "" {
		cfg.Root = filepath.Join(tempDir(t), "root")
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, id := range s.records.list() {
			if err := s.Destroy(context.Background(), id); err != nil {
				t.Error(err)
			}
		}
		if err := s.RemoveCgroups(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: only root gives out uids")
	}
}

func TestOnlyLowerCaseUUIDsAreInstances(t *testing.T) {
	s := newSupervisor(t, Config{})
	for _, id := range []string{"", "..", "../../etc", strings.ToUpper("aaaaaaaa-1111-4111-8111-111111111111"), first + "\n", first + "/x", "x"} {
		if _, err := s.Prepare(t.Context(), id); err == nil {
			t.Errorf("prepared %q", id)
		}
		if err := s.Destroy(t.Context(), id); err == nil {
			t.Errorf("destroyed %q", id)
		}
		if _, err := s.Spawn(t.Context(), id, Limits{}); err == nil {
			t.Errorf("spawned %q", id)
		}
	}
}

func TestEachInstanceKeepsItsOwnUID(t *testing.T) {
	needRoot(t)
	cfg := Config{Root: filepath.Join(tempDir(t), "root"), UIDBase: testUIDs, UIDCount: 2, AgentUID: someAgent, AgentGID: someAgent}
	s := newSupervisor(t, cfg)
	one, err := s.Prepare(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	two, err := s.Prepare(t.Context(), second)
	if err != nil || one.UID == two.UID {
		t.Fatalf("uids %d and %d, %v", one.UID, two.UID, err)
	}
	third := "33333333-3333-4333-8333-333333333333"
	if _, err := s.Prepare(t.Context(), third); err == nil {
		t.Error("a third instance got one of two uids")
	}
	again, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if place, err := again.Prepare(t.Context(), first); err != nil || place != one {
		t.Errorf("after a restart %+v, %v; want %+v", place, err, one)
	}
	if err := s.Destroy(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find(t.Context(), first); !errors.Is(err, ErrNotFound) {
		t.Errorf("found after its end: %v", err)
	}
	if place, err := s.Prepare(t.Context(), third); err != nil || place.UID != one.UID {
		t.Errorf("the uid of a destroyed instance is not free: %+v, %v", place, err)
	}
}

func TestFoldersAreClosedToOthers(t *testing.T) {
	needRoot(t)
	s := newSupervisor(t, Config{UIDBase: testUIDs, UIDCount: 5, AgentUID: someAgent, AgentGID: someAgent})
	place, err := s.Prepare(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		mode     os.FileMode
		uid, gid int
	}{
		"":     {0o751, 0, place.UID},
		"data": {0o700, place.UID, place.UID},
		"conf": {0o700, place.UID, place.UID},
		"run":  {0o750 | os.ModeSetgid, place.UID, someAgent},
		"log":  {0o750 | os.ModeSetgid, place.UID, someAgent},
	} {
		info, err := os.Stat(filepath.Join(place.Folder, name))
		if err != nil {
			t.Fatal(err)
		}
		stat := info.Sys().(*syscall.Stat_t)
		if info.Mode()&(os.ModePerm|os.ModeSetgid) != want.mode || int(stat.Uid) != want.uid || int(stat.Gid) != want.gid {
			t.Errorf("%q has mode %v, owner %d:%d", name, info.Mode(), stat.Uid, stat.Gid)
		}
	}
}

func TestFolderInTheWayIsNamed(t *testing.T) {
	needRoot(t)
	closed := filepath.Join(tempDir(t), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	s := newSupervisor(t, Config{Root: filepath.Join(closed, "root"), UIDBase: testUIDs, UIDCount: 5})
	_, err := s.Prepare(t.Context(), first)
	if err == nil || !strings.Contains(err.Error(), "The folder "+closed+" ") && !strings.Contains(err.Error(), "the folder "+closed+" ") {
		t.Errorf("error %v", err)
	}
}

func TestProcessesSeeAnAccountOfTheirOwn(t *testing.T) {
	needRoot(t)
	s := newSupervisor(t, Config{UIDBase: testUIDs, UIDCount: 5, AgentUID: someAgent, AgentGID: someAgent})
	place := spawn(t, s, first)
	out, err := shim.NewClient(place.Folder).Run(t.Context(), shim.Command{Argv: []string{"/usr/bin/id"}})
	if err != nil || !strings.Contains(string(out), "(engine)") || strings.Contains(string(out), "root") {
		t.Errorf("id: %s, %v", out, err)
	}
	out, err = shim.NewClient(place.Folder).Run(t.Context(), shim.Command{Argv: []string{"/usr/bin/grep", "NoNewPrivs", "/proc/self/status"}})
	if err != nil || !strings.Contains(string(out), "1") {
		t.Errorf("new privileges: %s, %v", out, err)
	}
	if text, err := os.ReadFile("/etc/passwd"); err != nil || strings.Contains(string(text), "engine:") {
		t.Errorf("the machine's own accounts were changed, or %v", err)
	}
}

func spawn(t *testing.T, s *Supervisor, id string) Place {
	t.Helper()
	place, err := s.Prepare(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Spawn(t.Context(), id, Limits{MemoryBytes: 256 << 20}); err != nil {
		t.Fatal(err)
	}
	return place
}

func TestDestroyEndsEveryProcess(t *testing.T) {
	for name, cfg := range map[string]Config{
		"own uid": {UIDBase: testUIDs, UIDCount: 5, AgentUID: os.Getuid(), AgentGID: os.Getgid()},
		"shared":  {},
	} {
		t.Run(name, func(t *testing.T) {
			if cfg.UIDCount > 0 {
				needRoot(t)
			}
			s := newSupervisor(t, cfg)
			place := spawn(t, s, first)
			client := shim.NewClient(place.Folder)
			if err := client.Start(t.Context(), shim.Engine{Argv: []string{"/bin/sh", "-c", "sleep 1000 & setsid sleep 1000 & wait"}}); err != nil {
				t.Fatal(err)
			}
			status, err := client.Status(t.Context())
			if err != nil || status.State != shim.Running {
				t.Fatalf("status %+v, %v", status, err)
			}
			record, _ := s.records.get(first)
			for range 2 {
				if err := s.Destroy(t.Context(), first); err != nil {
					t.Fatal(err)
				}
			}
			if left := s.processes(first, record); len(left) > 0 {
				t.Errorf("processes %v are left", left)
			}
			if _, err := os.Stat(place.Folder); !os.IsNotExist(err) {
				t.Errorf("the folder is left: %v", err)
			}
		})
	}
}

// A process that ended after it was found, and whose number another has by now.
func TestKillSparesAProcessThatIsNotTheInstances(t *testing.T) {
	bystander := exec.CommandContext(t.Context(), "sleep", "1000")
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	if err := kill(t.Context(), []int{bystander.Process.Pid}, func(int) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if err := bystander.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("a process of somebody else was killed: %v", err)
	}
	_ = bystander.Process.Kill()
	_ = bystander.Wait()
}

func TestOthersThanTheAgentAreTurnedAway(t *testing.T) {
	needRoot(t)
	dir := tempDir(t)
	socket := filepath.Join(dir, "sock")
	s := newSupervisor(t, Config{Root: filepath.Join(dir, "root"), UIDBase: testUIDs, UIDCount: 5, AgentUID: someAgent, AgentGID: someAgent})
	listener, err := s.listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.serve(ctx, listener) }()
	defer func() {
		cancel()
		listener.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	if err := os.Chmod(socket, 0o666); err != nil { // past the file's mode, on to the check of who calls
		t.Fatal(err)
	}
	for uid, want := range map[int]bool{someAgent: true, someAgent - 1: false, 0: true} {
		if got := prepareAs(t, uid, socket); got != want {
			t.Errorf("uid %d served: %v", uid, got)
		}
	}
}

// prepareAs asks the supervisor from another account, as a process of its own.
func prepareAs(t *testing.T, uid int, socket string) bool {
	t.Helper()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/fd/3", "prepare", socket, first)
	cmd.ExtraFiles = []*os.File{self}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	return cmd.Run() == nil
}
