package shim

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, to *os.File, text string) {
	t.Helper()
	if _, err := to.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// kept is what is in the folder, with what was compressed as text.
func kept(t *testing.T) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		raw, err := os.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(e.Name(), Compressed) {
			z, err := gzip.NewReader(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			if raw, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		all[e.Name()] = string(raw)
	}
	return all
}

func TestRotationKeepsTheOpenFileAndOlderOnesForTheirTime(t *testing.T) {
	t.Chdir(t.TempDir())
	engine, err := os.OpenFile("log", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	now := time.Now()
	r := rotation{name: "log", limit: 8, since: now, days: 7, most: 1 << 20}
	step := func(at time.Time) {
		t.Helper()
		if err := r.rotate(at); err != nil {
			t.Fatal(err)
		}
	}
	write(t, engine, "short\n")
	step(now)
	if got := kept(t); !maps.Equal(got, map[string]string{"log": "short\n"}) {
		t.Errorf("a short one, at once: %v", got)
	}
	step(now.Add(rotateAfter))
	if got := kept(t); !maps.Equal(got, map[string]string{"log": "", "log.1.gz": "short\n"}) {
		t.Errorf("a day later: %v", got)
	}
	step(now.Add(rotateAfter))
	write(t, engine, "a long line\n")
	step(now)
	write(t, engine, "now\n")
	step(now)
	if got := kept(t); !maps.Equal(got, map[string]string{"log": "now\n", "log.1.gz": "a long line\n", "log.2.gz": "short\n"}) {
		t.Errorf("a long one: %v", got)
	}
	old := now.AddDate(0, 0, -7)
	if err := os.Chtimes("log.2.gz", old, old); err != nil {
		t.Fatal(err)
	}
	step(now)
	if got := kept(t); !maps.Equal(got, map[string]string{"log": "now\n", "log.1.gz": "a long line\n"}) {
		t.Errorf("after a week: %v", got)
	}
}

func TestWhatIsDroppedBeforeItsTimeIsSaid(t *testing.T) {
	t.Chdir(t.TempDir())
	now := time.Now()
	r := rotation{name: "log", limit: 1, since: now, days: 7, most: 80, dropped: "dropped"}
	for n := range 6 {
		if err := os.WriteFile("log", fmt.Appendf(nil, "round %d\n", n), 0o640); err != nil {
			t.Fatal(err)
		}
		if err := r.rotate(now); err != nil {
			t.Fatal(err)
		}
	}
	got := kept(t)
	at, err := time.Parse(time.RFC3339, got["dropped"])
	if got["log.1.gz"] != "round 5\n" || got["log.2.gz"] != "round 4\n" || got["log.4.gz"] != "" || err != nil || now.Sub(at).Abs() > time.Minute {
		t.Errorf("%v, %v", got, err)
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var output tail
	for range 10 {
		_, _ = output.Write([]byte(strings.Repeat("x", maxOutput/4)))
	}
	_, _ = output.Write([]byte("end"))
	if len(output.bytes) != maxOutput || !strings.HasSuffix(string(output.bytes), "xend") {
		t.Errorf("%d bytes kept", len(output.bytes))
	}
}

func TestBackoffGrowsToItsLimit(t *testing.T) {
	for _, failures := range []int{0, 1, 5, 100} {
		want := min(firstPause<<min(failures, 20), longest)
		for range 20 {
			if got := backoff(failures); got < want*4/5 || got > want*6/5 {
				t.Fatalf("after %d failures %v, want %v give or take a fifth", failures, got, want)
			}
		}
	}
}
