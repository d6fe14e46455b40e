// Package soukdev runs the built program for tests as a stranger would: it
// starts `souk dev` on a folder of its own, speaks to it from a shell, and kills
// what it is asked to.
package soukdev

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"souk/test/objectstore"
)

// Patience with anything that one waits for; a quiet machine needs seconds.
const Patience = 90 * time.Second

// Each process that tests takes accounts and ports from ranges of its own.
const (
	firstUID   = 1_000_000_000
	accounts   = 2000
	firstPort  = 10_000
	portRanges = 5 // of 1000 each, below souk dev's own and those of the packages' tests
)

// Souk is the built program, one data folder, and what runs on it.
type Souk struct {
	t       testing.TB
	Bin     string // folder of the program
	DataDir string
	Listen  string
	// UIDBase is the number before the first account that is used, on this
	// machine by nobody else: see SOUK_UID_BASE.
	UIDBase int
	// PortBase is the first of the ports of instances: see SOUK_PORT_BASE.
	PortBase int
	run      *run
}

// run is one start of the launcher.
type run struct {
	mu    sync.Mutex
	dev   *exec.Cmd
	ended chan struct{}
	out   *output
}

// Build makes the program as `make build` does, with these build tags.
func Build(t testing.TB, tags ...string) *Souk {
	t.Helper()
	dir, err := os.MkdirTemp("", "souk") // only its owner can enter it, as with a home
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "bin")
	cmd := exec.Command("go", "build", "-tags", strings.Join(tags, ","), "-o", filepath.Join(bin, "souk"), "./cmd/souk")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Symlink(objectstore.Program(t), filepath.Join(bin, "souk-objectstore")); err != nil {
		t.Fatal(err)
	}
	return (&Souk{Bin: bin}).Another(t, filepath.Join(dir, "data"))
}

// Another is the same program, for another data folder and at another address.
func (s *Souk) Another(t testing.TB, dataDir string) *Souk {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return &Souk{
		t: t, Bin: s.Bin, DataDir: dataDir, Listen: ln.Addr().String(),
		UIDBase: firstUID + os.Getpid()%50_000*accounts, PortBase: firstPort + os.Getpid()%portRanges*1000, run: &run{},
	}
}

// For is the same Souk, whose failures are those of another test.
func (s *Souk) For(t testing.TB) *Souk {
	other := *s
	other.t = t
	return &other
}

// Begin runs `souk dev`, with these settings in its environment, and returns at once.
func (s *Souk) Begin(env ...string) {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(s.Bin, "souk"), "dev", "--data-dir", s.DataDir, "--listen", s.Listen)
	out, ended := &output{}, make(chan struct{})
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(append(os.Environ(), "SOUK_UID_BASE="+strconv.Itoa(s.UIDBase), "SOUK_PORT_BASE="+strconv.Itoa(s.PortBase)), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { _ = cmd.Wait(); close(ended) }()
	s.run.mu.Lock()
	defer s.run.mu.Unlock()
	s.run.dev, s.run.out, s.run.ended = cmd, out, ended
}

// Start is Begin, and returns once cli.yaml is there and the portal answers.
func (s *Souk) Start(env ...string) {
	s.t.Helper()
	began := time.Now()
	s.Begin(env...)
	s.AwaitStart()
	s.t.Logf("souk dev answers after %v", time.Since(began).Round(time.Millisecond))
}

// AwaitOpen returns once the zone reports, too, and orders are taken.
func (s *Souk) AwaitOpen() {
	s.t.Helper()
	s.Eventually("orders are taken", func() error {
		if !strings.Contains(s.Said(), "Ctrl-C stops everything") {
			return errors.New("not said yet")
		}
		return nil
	})
}

// AwaitStart returns once cli.yaml is there and the portal answers.
func (s *Souk) AwaitStart() {
	s.t.Helper()
	s.Eventually("souk dev answers", func() error {
		select {
		case <-s.ended():
			s.t.Fatalf("souk dev ended:\n%s", s.Said())
		default:
		}
		if _, err := os.Stat(filepath.Join(s.DataDir, "cli.yaml")); err != nil {
			return err
		}
		if !strings.Contains(s.Said(), "Souk answers at") {
			return errors.New("not said yet")
		}
		return nil
	})
}

// Ready says whether the control plane answers and reaches its record.
func (s *Souk) Ready() bool {
	client := http.Client{Timeout: 2 * time.Second}
	answer, err := client.Get("http://" + s.Listen + "/readyz")
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func (s *Souk) ended() chan struct{} {
	s.run.mu.Lock()
	defer s.run.mu.Unlock()
	return s.run.ended
}

// Said is what the launcher printed since it was last started.
func (s *Souk) Said() string {
	s.run.mu.Lock()
	defer s.run.mu.Unlock()
	if s.run.out == nil {
		return ""
	}
	return s.run.out.String()
}

// DemoPassword is that of every demonstration account, once the launcher has
// said it.
func (s *Souk) DemoPassword() (password string) {
	s.Eventually("the log-ins are said", func() error {
		_, after, said := strings.Cut(s.Said(), "all with the password  ")
		line, _, whole := strings.Cut(after, "\n")
		if password = line; !said || !whole {
			return errors.New("not yet")
		}
		return nil
	})
	return password
}

// Interrupt is Ctrl-C, after which nothing may run any more.
func (s *Souk) Interrupt() {
	s.t.Helper()
	all := s.Processes()
	_ = syscall.Kill(s.Launcher(), syscall.SIGINT)
	<-s.ended()
	if code := s.run.dev.ProcessState.ExitCode(); code != 0 {
		s.t.Errorf("souk dev ended with %d:\n%s", code, s.Said())
	}
	for _, pid := range all {
		if Running(pid) {
			s.t.Errorf("process %d still runs: %s", pid, CommandLine(pid))
		}
	}
}

// Cleanup stops what still runs when the test has ended.
func (s *Souk) Cleanup() {
	s.t.Cleanup(func() {
		_ = s.run.dev.Process.Signal(syscall.SIGTERM) // none, if it has ended
		<-s.ended()
		if s.t.Failed() {
			s.t.Logf("souk dev said:\n%s", s.Said())
		}
	})
}

// KillAll is kill -9 of every process, engines included, all at once.
func (s *Souk) KillAll() {
	s.t.Helper()
	all := s.Processes()
	if len(all) < 5 {
		s.t.Errorf("only %d processes run: which are missing?", len(all))
	}
	for _, pid := range all {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-s.ended()
	s.Eventually("all processes are gone", func() error {
		for _, pid := range all {
			if Running(pid) {
				return fmt.Errorf("process %d still runs: %s", pid, CommandLine(pid))
			}
		}
		return nil
	})
}

// Eventually waits until f returns nil.
func (s *Souk) Eventually(what string, f func() error) {
	s.t.Helper()
	s.EventuallyWithin(Patience, what, f)
}

// EventuallyWithin is Eventually with a patience of its own.
func (s *Souk) EventuallyWithin(patience time.Duration, what string, f func() error) {
	s.t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	s.t.Fatalf("never happened: %s: %v\n%s", what, err, s.Said())
}
