package processtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/shim"
	"souk/internal/supervisor"
)

// agentUID is an account of its own for the agent, as in production.
const agentUID = 2_110_000_001

// Main lets the test binary stand in for souk: supervisors start it again as a
// shim, real zones as a supervisor and as an agent with the engine.
func Main(m *testing.M, engine process.Engine) int {
	if len(os.Args) > 1 && os.Args[1] == "shim" {
		return shim.Main(os.Args[2:])
	}
	if len(os.Args) > 1 && os.Args[1] == "supervise" {
		return supervisor.Main(os.Args[2:])
	}
	if len(os.Args) > 2 && os.Args[1] == "agent" {
		return agentMain(os.Args[2], engine)
	}
	return m.Run()
}

// RealZone is the parts as they run for real: a supervisor that is root, agents
// that are not and come and go, and instances that are neither.
type RealZone struct {
	t    *testing.T
	root string
	call agentCall

	// Backups and Order are for an engine that keeps backups: where, and which
	// is taken or expired.
	Backups *driver.BackupPlace
	Order   driver.BackupOrder
}

// NewReal makes one, or skips the test where it cannot be.
func NewReal(t *testing.T) *RealZone {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: it runs the parts under the accounts they really have")
	}
	dir, err := os.MkdirTemp("/tmp", "souk-agent-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	z := &RealZone{t: t, root: filepath.Join(dir, "s")}
	z.call.Dir, z.call.Socket = filepath.Join(dir, "agent"), filepath.Join(dir, "sock")
	z.call.From, z.call.To = SomeRange(t)
	for _, err := range []error{os.Chmod(dir, 0o711), os.Mkdir(z.call.Dir, 0o700), os.Chown(z.call.Dir, agentUID, agentUID)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	z.supervise()
	return z
}

// supervise starts the supervisor, and ends it after the test with all that it
// has left.
func (z *RealZone) supervise() {
	z.t.Helper()
	const count = 10
	base := 2_111_000_000 + z.call.From
	cmd := exec.Command("/proc/self/exe", "supervise", "--root", z.root, "--socket", z.call.Socket,
		"--agent-uid", strconv.Itoa(agentUID), "--agent-gid", strconv.Itoa(agentUID), "--uid-base", strconv.Itoa(base), "--uid-count", strconv.Itoa(count))
	out, err := cmd.StdoutPipe()
	if err != nil {
		z.t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		z.t.Fatal(err)
	}
	z.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		s, err := supervisor.New(supervisor.Config{Root: z.root, UIDBase: base, UIDCount: count})
		if err != nil {
			z.t.Fatal(err)
		}
		ids, _ := s.List(context.Background())
		for _, id := range ids {
			z.t.Errorf("instance %s is left", id)
			_ = s.Destroy(context.Background(), id)
		}
		if err := s.RemoveCgroups(); err != nil {
			z.t.Error(err)
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		z.t.Fatalf("the supervisor said %q, %v", line, err)
	}
}

// Agent has another process of the agent's account carry out one call: "ensure",
// "stop", "remove", "backup" or "expire".
func (z *RealZone) Agent(t *testing.T, what string, want driver.Instance) driver.Observation {
	t.Helper()
	seen, err := z.try(t, what, want)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return seen
}

func (z *RealZone) try(t *testing.T, what string, want driver.Instance, environment ...string) (seen driver.Observation, err error) {
	t.Helper()
	z.call.What, z.call.Want, z.call.Backups, z.call.Order = what, want, z.Backups, z.Order
	text, err := json.Marshal(z.call)
	if err != nil {
		return seen, err
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return seen, err
	}
	defer self.Close()
	cmd := exec.CommandContext(t.Context(), "/proc/self/fd/3", "agent", string(text))
	cmd.ExtraFiles, cmd.Stderr, cmd.Dir, cmd.Env = []*os.File{self}, os.Stderr, "/", environment
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: agentUID, Gid: agentUID}}
	out, err := cmd.Output()
	if err != nil {
		return seen, err
	}
	return seen, json.Unmarshal(out, &seen)
}

type agentCall struct {
	What, Socket, Dir string
	From, To          int
	Want              driver.Instance
	Backups           *driver.BackupPlace
	Order             driver.BackupOrder
}

// agentMain is the other process.
func agentMain(text string, engine process.Engine) int {
	seen, err := agentDo(text, engine)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(seen)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func agentDo(text string, engine process.Engine) (seen driver.Observation, err error) {
	var call agentCall
	if err := json.Unmarshal([]byte(text), &call); err != nil {
		return seen, err
	}
	d, err := process.New(process.Config{
		Dir: call.Dir, Address: "127.0.0.1", Names: []string{"127.0.0.1"}, PortFrom: call.From, PortTo: call.To,
		Supervisor: supervisor.NewClient(call.Socket), Engines: []process.Engine{engine}, Backups: call.Backups,
	})
	if err != nil {
		return seen, err
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	switch call.What {
	case "stop":
		return d.Stop(ctx, call.Want)
	case "remove":
		return seen, d.Remove(ctx, call.Want.ID)
	case "backup":
		return seen, d.TakeBackup(ctx, call.Want, call.Order)
	case "expire":
		return seen, d.ExpireBackup(ctx, call.Want.BackupSource(), call.Order.ID, true)
	}
	if seen, err = d.Ensure(ctx, call.Want); err != nil {
		return seen, err
	}
	logs, err := d.Logs(ctx, call.Want.ID, driver.LogOptions{Tail: 1})
	if err != nil {
		return seen, err
	}
	return seen, logs.Close()
}
