package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestSum(t *testing.T) {
	for _, c := range []struct {
		name, in                string
		noSkips                 bool
		passed, failed, skipped int
		shows                   []string
	}{
		{"a good package", `{"Action":"output","Package":"p","Test":"TestA","Output":"noise\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Elapsed":1.25}`, false, 1, 0, 0, []string{"ok    p 1.2 s"}},
		{"a failure shows what it said", `{"Action":"output","Package":"p","Test":"TestA","Output":"a_test.go:1: no\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}`, false, 0, 1, 0, []string{"FAILED: p TestA\na_test.go:1: no", "FAIL  p"}},
		{"a skip is told", `{"Action":"output","Package":"p","Test":"TestA","Output":"needs root\n"}
{"Action":"skip","Package":"p","Test":"TestA"}`, false, 0, 0, 1, []string{"skipped: p TestA\nneeds root"}},
		{"a skip fails where all has to run", `{"Action":"skip","Package":"p","Test":"TestA"}`, true, 0, 1, 0, []string{"counts as failed"}},
		{"a package without tests is no skip", `{"Action":"skip","Package":"p"}`, true, 0, 0, 0, nil},
		{"what does not compile", `{"Action":"build-output","ImportPath":"p","Output":"x.go:1: undefined\n"}
{"Action":"fail","Package":"p","FailedBuild":"p"}`, false, 0, 1, 0, []string{"x.go:1: undefined", "FAIL  p"}},
		{"a panic", `{"Action":"output","Package":"p","Test":"TestA","Output":"panic: oh\n"}
{"Action":"fail","Package":"p"}`, false, 0, 1, 0, []string{"panic: oh"}},
		{"a word of the go command", "go: cannot find module\n", false, 0, 0, 0, []string{"go: cannot find module"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			s := &sum{out: &out, noSkips: c.noSkips, output: map[string][]string{}}
			if err := s.read(strings.NewReader(c.in)); err != nil {
				t.Fatal(err)
			}
			if s.passed != c.passed || s.failed != c.failed || s.skipped != c.skipped {
				t.Errorf("%d passed, %d failed, %d skipped; want %d, %d, %d", s.passed, s.failed, s.skipped, c.passed, c.failed, c.skipped)
			}
			if kept := s.failures.String(); (kept != "") != (c.failed > 0) || !strings.Contains(out.String(), kept) {
				t.Errorf("keeps %q of %q", kept, out.String())
			}
			for _, want := range c.shows {
				if !strings.Contains(out.String(), want) {
					t.Errorf("shows %q, want %q", out.String(), want)
				}
			}
		})
	}
}

// What is told again at the end is what somebody needs of it, and no more.
func TestKept(t *testing.T) {
	var out bytes.Buffer
	s := &sum{out: &out, output: map[string][]string{}}
	said := "=== RUN   TestA\ntime=2026-01-02T03:04:05Z level=INFO msg=hello\n" + strings.Repeat("    many\n", keptLines) + "    a_test.go:1: no\n--- FAIL: TestA (0.1s)\n"
	var in strings.Builder
	for _, line := range strings.SplitAfter(said, "\n") {
		text, err := json.Marshal(event{Action: "output", Package: "p", Test: "TestA", Output: line})
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(text, '\n'))
	}
	in.WriteString(`{"Action":"fail","Package":"p","Test":"TestA"}`)
	if err := s.read(strings.NewReader(in.String())); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), said) {
		t.Errorf("shows %q", out.String())
	}
	if got, want := s.failures.String(), "FAILED: p TestA\n"+strings.Repeat("    many\n", keptLines-1)+"    a_test.go:1: no\n"; got != want {
		t.Errorf("keeps %q, want %q", got, want)
	}
}
