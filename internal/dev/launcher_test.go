package dev

import (
	"bytes"
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
)

// launcher is one `souk dev` of the small souk.
type launcher struct {
	t        *testing.T
	dir, url string
	cmd      *exec.Cmd
	ended    chan struct{}
	mu       sync.Mutex
	out      bytes.Buffer
}

func (l *launcher) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

func (l *launcher) said() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.String()
}

// privateDir is a data folder below one that nobody else can enter.
func privateDir(t *testing.T) string {
	t.Helper()
	above, err := os.MkdirTemp("", "dev")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(above) })
	return filepath.Join(above, "data")
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func prepare(t *testing.T, dir, address string, change ...func(*exec.Cmd)) *launcher {
	t.Helper()
	l := &launcher{t: t, dir: dir, url: "http://" + address, ended: make(chan struct{})}
	l.cmd = exec.Command("/proc/self/exe", "dev", dir, address)
	l.cmd.Stdout, l.cmd.Stderr = l, l
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	for _, f := range change {
		f(l.cmd)
	}
	return l
}

func (l *launcher) start() *launcher {
	l.t.Helper()
	if err := l.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	go func() { _ = l.cmd.Wait(); close(l.ended) }()
	l.t.Cleanup(func() {
		_ = l.cmd.Process.Signal(syscall.SIGTERM)
		<-l.ended
		if l.t.Failed() {
			l.t.Logf("the launcher said:\n%s", l.said())
		}
	})
	return l
}

// eventually polls for what other processes do.
func (l *launcher) eventually(what string, f func() bool) {
	l.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if f() {
			return
		}
	}
	l.t.Fatalf("never happened: %s", what)
}

func (l *launcher) answers() bool {
	answer, err := http.Get(l.url + "/readyz")
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func (l *launcher) up() *launcher {
	l.t.Helper()
	l.eventually("all parts are up", func() bool {
		select {
		case <-l.ended:
			l.t.Fatalf("the launcher ended")
		default:
		}
		_, errCLI := os.Stat(filepath.Join(l.dir, "cli.yaml"))
		_, errAgent := os.Stat(filepath.Join(l.dir, "agent", "identity"))
		for _, part := range l.parts() {
			if pid := l.pid(part); pid == 0 || !alive(pid) {
				return false
			}
		}
		return strings.Contains(l.said(), "Souk answers") && errCLI == nil && errAgent == nil
	})
	return l
}

// parts that the launcher runs.
func (l *launcher) parts() []string {
	if c := l.cmd.SysProcAttr.Credential; os.Geteuid() != 0 || c != nil {
		return []string{"postgresql", "control", "agent"}
	}
	return []string{"postgresql", "control", "agent", "supervisor"}
}

// refused runs the launcher to its end and wants it to say something.
func (l *launcher) refused(want ...string) {
	l.t.Helper()
	l.start()
	select {
	case <-l.ended:
	case <-time.After(30 * time.Second):
		l.t.Fatal("it was not refused")
	}
	for _, w := range want {
		if !strings.Contains(l.said(), w) {
			l.t.Errorf("said %q, want %q", l.said(), w)
		}
	}
	if code := l.cmd.ProcessState.ExitCode(); code != 1 {
		l.t.Errorf("exit status %d, want 1", code)
	}
}

// pid of a part, or 0.
func (l *launcher) pid(part string) int {
	path := filepath.Join(l.dir, "run", part+".pid")
	if part == "postgresql" {
		path = filepath.Join(l.dir, "postgres", "data", "postmaster.pid")
	}
	text, _ := os.ReadFile(path)
	var pid int
	_, _ = fmt.Sscan(string(text), &pid)
	return pid
}

func (l *launcher) engine() int {
	text, _ := os.ReadFile(filepath.Join(l.dir, "instances", "engine"))
	pid, _ := strconv.Atoi(string(text))
	return pid
}

func (l *launcher) stop() {
	l.t.Helper()
	_ = l.cmd.Process.Signal(syscall.SIGINT)
	<-l.ended
	if code := l.cmd.ProcessState.ExitCode(); code != 0 {
		l.t.Errorf("exit status %d, want 0", code)
	}
}

// slay kills a process without a word.
func (l *launcher) slay(pid int) {
	l.t.Helper()
	if pid <= 0 {
		l.t.Fatal("a part that should run does not")
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

func (l *launcher) kill() {
	_ = l.cmd.Process.Kill()
	<-l.ended
}

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, as CI is")
	}
}

// nobody makes the launcher an ordinary user's.
func nobody(cmd *exec.Cmd) {
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
}

func TestLifeAsRoot(t *testing.T) {
	asRoot(t)
	dir, address := privateDir(t), freeAddress(t)
	life := t // some launchers outlive the subtest that starts them
	leaked, err := os.CreateTemp(t.TempDir(), "leaked")
	if err != nil {
		t.Fatal(err)
	}
	defer leaked.Close()
	l := prepare(t, dir, address, func(cmd *exec.Cmd) { cmd.ExtraFiles = []*os.File{leaked} }).start().up()

	t.Run("files that the launcher was started with stay with it", func(t *testing.T) {
		for _, pid := range []int{l.engine(), l.pid("control"), l.pid("agent"), l.pid("supervisor"), l.pid("postgresql")} {
			links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
			for _, link := range links {
				if to, _ := os.Readlink(link); to == leaked.Name() {
					t.Errorf("process %d has %s open", pid, to)
				}
			}
		}
	})
	t.Run("only the control plane reaches the record", func(t *testing.T) {
		info, err := os.Stat(filepath.Join(dir, "socket"))
		if err != nil {
			t.Fatal(err)
		}
		if stat := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != 0o710 || stat.Uid != 60101 || stat.Gid != 60102 {
			t.Errorf("mode %04o, owner %d:%d", info.Mode().Perm(), stat.Uid, stat.Gid)
		}
	})
	t.Run("each part has an account of its own", func(t *testing.T) {
		for part, want := range map[string]string{"postgresql": "60101", "control": "60102", "agent": "60103", "supervisor": "0"} {
			if got := uidOf(t, l.pid(part)); got != want {
				t.Errorf("%s runs as %s, want %s", part, got, want)
			}
		}
	})
	t.Run("secrets are their readers' alone", func(t *testing.T) {
		for name, uid := range map[string]uint32{"control/keyring.json": 60102, "control/config.yaml": 60102, "agent/config.yaml": 60103, "agent/token": 60103,
			"secrets/superuser": 0, "secrets/owner": 0, "secrets/app": 0, "secrets/system": 0, "cli.yaml": 0} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Error(err)
				continue
			}
			if owner := info.Sys().(*syscall.Stat_t).Uid; owner != uid || info.Mode().Perm() != 0o600 {
				t.Errorf("%s belongs to %d, mode %04o; want %d, 0600", name, owner, info.Mode().Perm(), uid)
			}
		}
	})
	t.Run("no accounts and no mounts are made on the machine", func(t *testing.T) {
		if text, err := os.ReadFile("/etc/passwd"); err != nil || bytes.Contains(text, []byte("souk-")) {
			t.Errorf("/etc/passwd was changed: %v", err)
		}
		if text, err := os.ReadFile("/proc/self/mounts"); err != nil || bytes.Contains(text, []byte(mountPoints)) {
			t.Errorf("the data folder is mounted for all to see: %v", err)
		}
	})
	t.Run("a second start is refused", func(t *testing.T) {
		prepare(t, dir, freeAddress(t)).refused(fmt.Sprintf("another souk dev (process %d) runs on the data folder %s", l.cmd.Process.Pid, dir), "SOUK_DATA_DIR")
	})
	t.Run("a taken port is named", func(t *testing.T) {
		other := privateDir(t)
		prepare(t, other, address).refused("cannot listen on "+address, "another program listens there", "SOUK_LISTEN=")
		if _, err := os.Stat(folders{other}.mountPoint()); err == nil {
			t.Error("the mount point was left behind")
		}
	})
	t.Run("PostgreSQL killed: it alone is started again", func(t *testing.T) {
		before := map[string]int{}
		for _, part := range l.parts() {
			before[part] = l.pid(part)
		}
		l.slay(before["postgresql"])
		l.eventually("another PostgreSQL answers", func() bool { return l.pid("postgresql") != before["postgresql"] && l.answers() })
		for _, part := range l.parts()[1:] {
			if l.pid(part) != before[part] {
				t.Errorf("%s was started again too", part)
			}
		}
	})
	t.Run("the control plane killed: it comes back", func(t *testing.T) {
		before := l.pid("control")
		l.slay(before)
		l.eventually("another control plane answers", func() bool { return l.pid("control") != before && l.answers() })
		l.eventually("it is said", func() bool { return strings.Contains(l.said(), "control plane ended (signal: killed)") })
	})
	t.Run("the launcher killed: its parts end, engines live, the next start takes over", func(t *testing.T) {
		engine, pids := l.engine(), map[string]int{}
		for _, part := range l.parts() {
			pids[part] = l.pid(part)
		}
		l.kill()
		began := time.Now()
		for part, pid := range pids {
			l.eventually(part+" ends", func() bool { return !alive(pid) })
		}
		t.Logf("all parts ended %v after the launcher", time.Since(began).Round(time.Millisecond))
		if !alive(engine) {
			t.Error("the engine ended too")
		}
		l = prepare(life, dir, address).start().up()
		if l.engine() != engine || !alive(engine) {
			t.Error("the engine was not adopted")
		}
	})
	t.Run("all killed: the next start works at once", func(t *testing.T) {
		pids := []int{l.pid("control"), l.pid("agent"), l.pid("supervisor"), l.pid("postgresql")}
		l.kill()
		for _, pid := range pids {
			l.slay(pid)
		}
		began := time.Now()
		l = prepare(life, dir, address).start().up()
		t.Logf("answers %v after everything was killed", time.Since(began).Round(time.Millisecond))
	})
	t.Run("Ctrl-C stops everything", func(t *testing.T) {
		pids := []int{l.engine(), l.pid("control"), l.pid("agent"), l.pid("supervisor"), l.pid("postgresql")}
		began := time.Now()
		l.stop()
		t.Logf("stopped in %v", time.Since(began).Round(time.Millisecond))
		for _, pid := range pids {
			if pid == 0 || alive(pid) {
				t.Errorf("process %d still runs", pid)
			}
		}
		if _, err := os.Stat(folders{dir}.mountPoint()); err == nil {
			t.Error("the mount point was left behind")
		}
	})
	t.Run("another start on the folder is quick", func(t *testing.T) {
		began := time.Now()
		l = prepare(life, dir, address).start().up()
		t.Logf("answers after %v", time.Since(began).Round(time.Millisecond))
		l.stop()
	})
	t.Run("a lost keyring is not replaced", func(t *testing.T) {
		path := filepath.Join(dir, "control", "keyring.json")
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		prepare(t, dir, address).refused("keyring.json is missing")
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("a lost record is not replaced", func(t *testing.T) {
		path := filepath.Join(dir, "postgres", "data")
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		prepare(t, dir, address).refused("the record is gone", "restore the data folder")
	})
}

func TestLifeAsAnOrdinaryUser(t *testing.T) {
	asRoot(t) // to become one; run as an ordinary user the rest of these tests are this one
	// A path so long that no socket fits under it.
	dir, address := filepath.Join(filepath.Dir(privateDir(t)), strings.Repeat("long", 25)), freeAddress(t)
	if err := os.Chown(filepath.Dir(dir), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll("/tmp/souk-65534") })
	l := prepare(t, dir, address, nobody).start().up()
	for _, part := range []string{"postgresql", "control", "agent"} {
		if got := uidOf(t, l.pid(part)); got != "65534" {
			t.Errorf("%s runs as %s, want 65534", part, got)
		}
	}
	if l.pid("supervisor") != 0 {
		t.Error("there is a supervisor without root")
	}
	l.stop()

	t.Run("then as root, who cannot know what is in it", func(t *testing.T) {
		prepare(t, dir, address).refused("belongs to another account (65534)")
	})
	t.Run("then as root by the user's sudo", func(t *testing.T) {
		l := prepare(t, dir, address, sudo).start().up()
		if got := uidOf(t, l.pid("postgresql")); got != "60101" {
			t.Errorf("PostgreSQL runs as %s, want 60101", got)
		}
		l.stop()
	})
	t.Run("and the user's again, which root's files forbid", func(t *testing.T) {
		prepare(t, dir, address, nobody).refused("belongs to another account (0)")
	})
}

// sudo is how nobody becomes root.
func sudo(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), "SUDO_UID=65534", "SUDO_GID=65534") }

func TestRootThatMayNotMount(t *testing.T) {
	asRoot(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	withoutMounts := func(cmd *exec.Cmd) {
		args := append([]string{"setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", self}, cmd.Args[1:]...)
		setpriv := exec.Command(args[0], args[1:]...)
		cmd.Path, cmd.Args = setpriv.Path, setpriv.Args
	}
	t.Run("is refused a folder that its parts cannot enter", func(t *testing.T) {
		dir := privateDir(t)
		prepare(t, dir, freeAddress(t), withoutMounts).refused("the folder "+filepath.Dir(dir)+" cannot be entered", "CAP_SYS_ADMIN", "chmod o+x")
	})
	t.Run("works in one that they can", func(t *testing.T) {
		dir := privateDir(t)
		if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
			t.Fatal(err)
		}
		prepare(t, dir, freeAddress(t), withoutMounts).start().up().stop()
	})
}

// The program may lie where its parts cannot go, readable for its owner alone.
func TestProgramInAPrivateFolder(t *testing.T) {
	asRoot(t)
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir := privateDir(t)
	program := filepath.Join(filepath.Dir(dir), "souk")
	if err := os.WriteFile(program, self, 0o700); err != nil {
		t.Fatal(err)
	}
	l := prepare(t, dir, freeAddress(t), func(cmd *exec.Cmd) { cmd.Path = program }).start().up()
	l.stop()
}

func TestChildThatDiesAtOnceIsShown(t *testing.T) {
	dir := privateDir(t)
	l := prepare(t, dir, freeAddress(t), func(cmd *exec.Cmd) {
		cmd.Env = append(os.Environ(), "SOUK_FAKE_SERVE_DIES=the cat is on the keyboard")
	}).start()
	l.eventually("the launcher says which, and shows its log", func() bool {
		return strings.Contains(l.said(), "control plane ended (exit status 1), 4 times in a row") && strings.Contains(l.said(), "    Error: the cat is on the keyboard")
	})
	l.stop()
}

func TestStoppedBeforeAllIsUp(t *testing.T) {
	dir, address := privateDir(t), freeAddress(t)
	l := prepare(t, dir, address).start()
	l.eventually("it begins", func() bool { return strings.Contains(l.said(), "making a new record") })
	l.stop()
	prepare(t, dir, address).start().up().stop()
}

func TestNobodyReadsWhatItSays(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out.Close()
	l := prepare(t, privateDir(t), freeAddress(t), func(cmd *exec.Cmd) { cmd.Stdout = in }).start()
	in.Close()
	l.eventually("it answers all the same", l.answers)
	l.stop()
}

func TestSecondCtrlCHurries(t *testing.T) {
	l := prepare(t, privateDir(t), freeAddress(t)).start().up()
	_ = syscall.Kill(l.pid("control"), syscall.SIGSTOP) // it will not hear a kind word
	_ = l.cmd.Process.Signal(syscall.SIGINT)
	l.eventually("it is heard", func() bool { return strings.Contains(l.said(), "Ctrl-C again to hurry") })
	began := time.Now()
	_ = l.cmd.Process.Signal(syscall.SIGINT)
	<-l.ended
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v after the second Ctrl-C", took)
	}
}

func TestFolderOfAnotherPostgreSQL(t *testing.T) {
	dir := privateDir(t)
	data := filepath.Join(dir, "postgres", "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{filepath.Join(data, "PG_VERSION"): "99\n", filepath.Join(dir, "version"): `{"format":1,"postgresqlMajor":99}`} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	prepare(t, dir, freeAddress(t)).refused("was made by PostgreSQL 99", "installed here is PostgreSQL", "postgresql-99", "Nothing was changed")
	if entries, _ := os.ReadDir(data); len(entries) != 1 {
		t.Errorf("the folder was changed: %v", entries)
	}
}
