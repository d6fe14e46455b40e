package process

import (
	"net"
	"strings"
	"testing"
	"time"

	"souk/internal/driver"
	"souk/internal/shim"
	"souk/internal/supervisor"
)

func TestKeepLines(t *testing.T) {
	for _, test := range []struct {
		text string
		n    int
		want string
	}{
		{"", 3, ""},
		{"a\nb\nc\n", 2, "b\nc\n"},
		{"a\nb\nc\n", 3, "a\nb\nc\n"},
		{"a\nb\nc\n", 9, "a\nb\nc\n"},
		{"a\nb\nunfinished", 2, "b\nunfinished"},
		{"\n\n\n", 1, "\n"},
	} {
		if got := string(keepLines([]byte(test.text), test.n)); got != test.want {
			t.Errorf("the last %d lines of %q are %q, want %q", test.n, test.text, got, test.want)
		}
	}
}

func TestStorageIsFullAtItsLimitAndFreeWellBelow(t *testing.T) {
	measured := time.Now()
	for _, test := range []struct {
		name string
		used int64
		at   time.Time
		was  bool
		want bool
	}{
		{"just below", 10*gib - 1, measured, false, false},
		{"at the limit", 10 * gib, measured, false, true},
		{"still near it", 97 * gib / 10, measured, true, true},
		{"well below", 94 * gib / 10, measured, true, false},
		{"not measured, was full", 0, time.Time{}, true, true},
		{"not measured, was free", 0, time.Time{}, false, false},
	} {
		s := storage{used: test.used, at: test.at}
		if got := s.full(record{StorageGiB: 10, Full: test.was}); got != test.want {
			t.Errorf("%s: full %v", test.name, got)
		}
	}
}

func TestPortsAreGivenOnce(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	taken := listener.Addr().(*net.TCPAddr).Port
	p := &ports{address: "127.0.0.1", from: taken, to: taken + 20, owner: map[int]string{}}
	one, err := p.choose("one")
	if err != nil || one == taken {
		t.Fatalf("port %d, %v", one, err)
	}
	two, err := p.choose("two")
	if err != nil || two == one {
		t.Fatalf("port %d, %v", two, err)
	}
	p.giveBack(one, "two")
	if three, err := p.choose("three"); err != nil || three == one {
		t.Errorf("a port was taken from its owner: %d, %v", three, err)
	}
	p.giveBack(one, "one")
	if again, err := p.choose("four"); err != nil || again != one {
		t.Errorf("port %d, %v; want %d", again, err, one)
	}
}

func TestNewsIsToldOnce(t *testing.T) {
	u := &unit{}
	running := shim.Status{State: shim.Running, PID: 1, ShimPID: 9, Since: time.Unix(1, 0)}
	end := u.call()
	if u.heard(running) {
		t.Error("an event about what the caller learns anyway")
	}
	end()
	if u.heard(running) {
		t.Error("an event about what the caller was told")
	}
	waiting := shim.Status{State: shim.Waiting, ShimPID: 9, Since: time.Unix(2, 0)}
	if !u.heard(waiting) || u.heard(waiting) {
		t.Error("a crash must be told, once")
	}
	if u.heard(running) || u.status.State != shim.Waiting {
		t.Error("an old status took the place of a newer one")
	}
	if !u.lost() || u.lost() {
		t.Error("a lost shim must be told, once")
	}
}

func TestDigestFollowsWhatMatters(t *testing.T) {
	of := func(change func(*driver.Instance)) digest {
		want := driver.Instance{ID: "a", Generation: 1, Credentials: []driver.Credential{{Login: "x", Password: "y"}}}
		change(&want)
		d, err := digestOf(want, false)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := of(func(*driver.Instance) {})
	if of(func(w *driver.Instance) { w.Generation, w.HeldData = 9, true }) != first {
		t.Error("a new generation alone is work")
	}
	for name, change := range map[string]func(*driver.Instance){
		"plan":     func(w *driver.Instance) { w.Plan.CPUMillis = 7 },
		"password": func(w *driver.Instance) { w.Credentials[0].Password = "z" },
		"networks": func(w *driver.Instance) { w.AllowedNetworks = []string{"::/0"} },
	} {
		if of(change) == first {
			t.Errorf("a change of %s is no work", name)
		}
	}
}

func TestLimitsMeanwhile(t *testing.T) {
	final := supervisor.Limits{MemoryBytes: 512 << 20, CPUMillis: 250}
	made := &unit{}
	if got := made.limitsMeanwhile(final); got.CPUMillis != 0 || got.MemoryBytes != final.MemoryBytes {
		t.Errorf("while it is made: %+v", got)
	}
	shrinking := &unit{record: record{Generation: 1, Plan: driver.Plan{MemoryMiB: 1024}}}
	if got := shrinking.limitsMeanwhile(final); got.CPUMillis != 250 || got.MemoryBytes != 1024<<20 {
		t.Errorf("while it shrinks: %+v", got)
	}
}

func TestNewRefusesHalfAConfiguration(t *testing.T) {
	good := Config{Dir: t.TempDir(), Address: "127.0.0.1", Names: []string{"localhost"}, PortFrom: 1000, PortTo: 2000, Supervisor: supervisor.NewClient("none")}
	for name, change := range map[string]func(*Config){
		"no folder":     func(c *Config) { c.Dir = "" },
		"no name":       func(c *Config) { c.Names = nil },
		"no supervisor": func(c *Config) { c.Supervisor = nil },
		"no range":      func(c *Config) { c.PortTo = 999 },
		"no port":       func(c *Config) { c.PortTo = 70000 },
	} {
		broken := good
		change(&broken)
		if _, err := New(broken); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	d, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	again, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if !strings.Contains(string(d.CA()), "CERTIFICATE") || string(d.CA()) != string(again.CA()) {
		t.Error("the zone's authority changed")
	}
}
