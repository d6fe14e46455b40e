package process

import (
	"bytes"
	"compress/gzip"
	"net"
	"os"
	"path/filepath"
	"regexp"
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

// Lines are found across the current file, compressed older ones and those of an
// earlier version.
func TestLogsAreSearchedInAllThatIsKept(t *testing.T) {
	place := supervisor.Place{Folder: t.TempDir(), UID: os.Getuid()}
	write := func(name, text string) {
		t.Helper()
		if strings.HasSuffix(name, shim.Compressed) {
			var z bytes.Buffer
			w := gzip.NewWriter(&z)
			if _, err := w.Write([]byte(text)); err != nil || w.Close() != nil {
				t.Fatal(err)
			}
			text = z.String()
		}
		if err := os.MkdirAll(filepath.Join(place.Folder, shim.LogFolder), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(place.Folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(shim.LogFile+".3", "2026-03-01 one\n")
	write(shim.LogFile+".2.gz", "2026-03-02 two\n2026-03-03 two again\n")
	write(shim.LogFile+".1.gz", "2026-03-04 three\n")
	write(shim.LogFile, "2026-03-05 four\nnot whole")
	format := driver.LogFormat{Line: regexp.MustCompile(`^(?P<time>\d{4}-\d\d-\d\d) `), Layout: time.DateOnly}
	for about, c := range map[string]struct {
		opt  driver.LogOptions
		n    int
		want string
	}{
		"all":      {driver.LogOptions{}, 9, "one two again three four"},
		"the last": {driver.LogOptions{}, 2, "three four"},
		"a text":   {driver.LogOptions{Grep: "TWO"}, 9, "two again"},
		"a time":   {driver.LogOptions{Since: time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)}, 9, "again three"},
	} {
		text, end, err := search(t.Context(), place, format.Filter(c.opt), c.n)
		var got []string
		for line := range strings.Lines(text) {
			fields := strings.Fields(line)
			got = append(got, fields[len(fields)-1])
		}
		if strings.Join(got, " ") != c.want || end != int64(len("2026-03-05 four\n")) || err != nil {
			t.Errorf("%s: %v up to %d, %v; want %s", about, got, end, err, c.want)
		}
	}
	last, _, err := lastLines(place, 4) // and the one that is being written
	if want := "2026-03-02 two\n2026-03-03 two again\n2026-03-04 three\n2026-03-05 four\nnot whole"; last != want || err != nil {
		t.Errorf("the last four lines: %q, %v", last, err)
	}
	if !droppedUntil(place).IsZero() {
		t.Error("something was dropped")
	}
	write(shim.DroppedFile, "2026-02-28T00:00:00Z")
	if at := droppedUntil(place); at.Day() != 28 {
		t.Errorf("dropped until %s", at)
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
