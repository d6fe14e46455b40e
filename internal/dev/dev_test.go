package dev

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	p := pace{first: 100 * time.Millisecond, most: time.Second}
	for quick, want := range map[int]time.Duration{1: 100, 2: 200, 3: 400, 4: 800, 5: 1000, 60: 1000} {
		if got := p.after(quick); got != want*time.Millisecond {
			t.Errorf("after %d deaths: %v, want %v", quick, got, want*time.Millisecond)
		}
	}
}

func TestAddresses(t *testing.T) {
	agents := freeAddress(t)
	for _, c := range []struct{ listen, agents, url, err string }{
		{"127.0.0.1:1", "", "http://127.0.0.1:1", ""},
		{"127.0.0.1:1", agents, "http://127.0.0.1:1", ""},
		{"127.0.0.1:1", "nonsense", "http://127.0.0.1:1", "with SOUK_AGENT_LISTEN"},
		{"127.0.0.1:1", "203.0.113.1:8443", "http://127.0.0.1:1", "such as SOUK_AGENT_LISTEN=203.0.113.1:8453"},
		{"127.0.0.1:1", "0.0.0.0:" + portOf(agents), "http://127.0.0.1:1", "name or address that they dial"},
		{"nonsense", "", "", "not an address to listen on"},
		{"127.0.0.1:0", "", "", "not an address to listen on"},
		{"127.0.0.1:70000", "", "", "not an address to listen on"},
		{"203.0.113.1:8080", "", "", "cannot listen on 203.0.113.1:8080"},
	} {
		if c.url != "" {
			c.listen = freeAddress(t)
			c.url = "http://" + c.listen
		}
		var l Layout
		err := l.addresses(c.listen, c.agents)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s, %s: got %v, want %q", c.listen, c.agents, err, c.err)
			}
			continue
		}
		if err != nil || l.URL != c.url || l.AgentListen == "" || l.AgentListen == l.AdminListen || c.agents != "" && l.AgentListen != c.agents {
			t.Errorf("%s: got %+v, %v", c.listen, l, err)
		}
	}
	if got := local("0.0.0.0"); got != "127.0.0.1" {
		t.Errorf("this machine reaches 0.0.0.0 as %s", got)
	}
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

func TestNamesOfAccounts(t *testing.T) {
	l := Layout{postgres: Account{60101, 60101}, Control: Account{60102, 60102}, Agent: Account{60103, 60103}, objects: Account{60104, 60104}, InstanceUIDs: UIDRange{61000, 2}}
	passwd, group, err := l.nameAccounts([]byte("root:x:0:0:root:/root:/bin/sh"), []byte("root:x:0:\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"root:x:0:0:root:/root:/bin/sh\n", "souk-postgres:x:60101:60101:", "souk-61001:x:61001:61001:"} {
		if !strings.Contains(string(passwd), want) {
			t.Errorf("passwd lacks %q", want)
		}
	}
	if !strings.Contains(string(group), "souk-agent:x:60103:\n") {
		t.Errorf("group is %q", group)
	}
	_, _, err = l.nameAccounts([]byte("alice:x:61001:100::/home/alice:/bin/sh\n"), nil)
	if err == nil || !strings.Contains(err.Error(), "61001") || !strings.Contains(err.Error(), "alice") {
		t.Errorf("a number in use: got %v", err)
	}
}

func TestBlocker(t *testing.T) {
	outer := t.TempDir()
	inner := filepath.Join(outer, "inner")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mode os.FileMode
		who  Account
		want string
	}{
		{0o700, Account{99, 99}, outer},
		{0o711, Account{99, 99}, ""},
		{0o700, Account{uint32(os.Getuid()), 99}, ""},
		{0o701, Account{99, uint32(os.Getgid())}, outer}, // the group's bits hold, not the others'
	} {
		if err := os.Chmod(filepath.Dir(outer), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(outer, c.mode); err != nil {
			t.Fatal(err)
		}
		if got := blocker(inner, c.who); got != c.want {
			t.Errorf("mode %04o for %v: blocked by %q, want %q", c.mode, c.who, got, c.want)
		}
	}
}

func TestLogs(t *testing.T) {
	f := folders{t.TempDir()}
	if err := os.Mkdir(f.path("log"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.path("log", "x.log"), make([]byte, logMost+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for round, want := range []int64{0, 0} {
		log, end, err := f.openLog("x")
		if err != nil || end != want {
			t.Fatalf("round %d: the log ends at %d, %v; want %d", round, end, err, want)
		}
		log.Close()
	}
	if info, err := os.Stat(f.path("log", "x.log.1")); err != nil || info.Size() != logMost+1 {
		t.Errorf("the big log was not put aside: %v", err)
	}
	log, _, err := f.openLog("x")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	fmt.Fprintln(log, "before")
	_, end, _ := f.openLog("x")
	for i := range 30 {
		fmt.Fprintln(log, "line", i)
	}
	lines := f.tail("x", end)
	if len(lines) != tailLines || lines[len(lines)-1] != "line 29" {
		t.Errorf("the tail is %q", lines)
	}
	if got := f.tail("x", end+1<<20); got != nil {
		t.Errorf("the tail of nothing is %q", got)
	}
}

func TestVersionOfANewerSouk(t *testing.T) {
	f := folders{t.TempDir()}
	if err := os.WriteFile(f.path("version"), []byte(`{"format":2}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.readVersion(); err == nil || !strings.Contains(err.Error(), "made by a newer Souk") {
		t.Errorf("got %v", err)
	}
}

func TestLockIsExclusive(t *testing.T) {
	f := folders{t.TempDir()}
	held, err := f.lock()
	if err != nil {
		t.Fatal(err)
	}
	var locked *LockedError
	if _, err := f.lock(); !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Errorf("got %v, want a LockedError that names this process", err)
	}
	held.Close()
	again, err := f.lock()
	if err != nil {
		t.Fatalf("after the holder ended: %v", err)
	}
	again.Close()
}

// A link in the lock's place would have another file emptied.
func TestLockIsNoLink(t *testing.T) {
	f := folders{t.TempDir()}
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, f.path("lock")); err != nil {
		t.Fatal(err)
	}
	if held, err := f.lock(); err == nil {
		held.Close()
		t.Error("a link was taken for the lock")
	}
	if text, err := os.ReadFile(other); err != nil || string(text) != "kept" {
		t.Errorf("the other file holds %q, %v", text, err)
	}
}

func TestFolderOfSomethingElseIsRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := openFolder(dir); err != nil {
		t.Fatalf("an empty folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "thesis.tex"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openFolder(dir); err == nil || !strings.Contains(err.Error(), "no data folder of Souk's") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openFolder(dir); err != nil {
		t.Errorf("one that a start was begun in: %v", err)
	}
}

func TestLongPathIsShortened(t *testing.T) {
	f := folders{filepath.Join(t.TempDir(), strings.Repeat("x", 80))}
	for range 2 {
		short, err := f.shorten()
		if err != nil || len(short) > maxHome {
			t.Fatalf("got %q, %v", short, err)
		}
		t.Cleanup(func() {
			os.Remove(short)
			os.Remove(filepath.Dir(short)) // where nothing else is in it
		})
		if to, err := os.Readlink(short); err != nil || to != f.root {
			t.Errorf("it leads to %q, %v", to, err)
		}
	}
}
