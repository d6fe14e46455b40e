// Testsum reads what `go test -json` writes, shows what a person wants to see
// of it, and appends the counts "PASSED FAILED SKIPPED" to the first file it is given,
// and what failed, with what it said, to the second.
// As root it lets no test be skipped: continuous integration is root, and there
// everything has to run.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// event is one line of test2json.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of a build that failed
	Test        string
	Elapsed     float64
	Output      string
	FailedBuild string
}

// sum of what has been read.
type sum struct {
	out                     io.Writer
	failures                bytes.Buffer // what was shown of what failed
	noSkips                 bool
	passed, failed, skipped int
	output                  map[string][]string // of tests that have not ended yet
}

func main() {
	s := &sum{out: os.Stdout, noSkips: os.Geteuid() == 0, output: map[string][]string{}}
	if err := s.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(1)
	}
	counts := fmt.Appendln(nil, s.passed, s.failed, s.skipped)
	if err := errors.Join(add(os.Args[1], counts), add(os.Args[2], s.failures.Bytes())); err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(1)
	}
	if s.failed > 0 {
		os.Exit(1)
	}
}

func (s *sum) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			s.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// line takes an event; what is none is shown as it is.
func (s *sum) line(line []byte) {
	var e event
	if json.Unmarshal(line, &e) != nil || e.Action == "" {
		fmt.Fprint(s.out, string(line))
		return
	}
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		s.output[key] = append(s.output[key], e.Output)
	case "build-output":
		s.wrong("", []string{e.Output})
	case "pass", "fail", "skip":
		s.ended(e, s.output[key])
		delete(s.output, key)
	}
}

func (s *sum) ended(e event, output []string) {
	if e.Test == "" {
		s.packageEnded(e, output)
		return
	}
	action := e.Action
	if action == "skip" && s.noSkips {
		action = "fail"
		output = append(output, "    a skipped test counts as failed here: as root everything has to run\n")
	}
	switch action {
	case "pass":
		s.passed++
	case "skip":
		s.skipped++
		fmt.Fprintf(s.out, "skipped: %s %s\n%s", e.Package, e.Test, strings.Join(output, ""))
	case "fail":
		s.failed++
		s.wrong(fmt.Sprintf("FAILED: %s %s\n", e.Package, e.Test), output)
	}
}

// packageEnded counts a package that fails on its own account: it does not
// compile, or dies outside of a test.
func (s *sum) packageEnded(e event, output []string) {
	if e.Action != "fail" {
		if e.Action == "pass" {
			fmt.Fprintf(s.out, "ok    %s %.1f s\n", e.Package, e.Elapsed)
		}
		return
	}
	s.wrong(fmt.Sprintf("FAIL  %s %.1f s\n", e.Package, e.Elapsed), output)
	if s.failed == 0 || e.FailedBuild != "" {
		s.failed++
	}
	for key, lines := range s.output { // a panic or a time-out leaves tests without an end
		if strings.HasPrefix(key, e.Package+" ") {
			s.wrong("", lines)
			delete(s.output, key)
		}
	}
}

// wrong shows what failed, and keeps what it is and the end of what was said of it.
func (s *sum) wrong(what string, output []string) {
	fmt.Fprint(s.out, what, strings.Join(output, ""))
	said := slices.DeleteFunc(slices.Clone(output), func(line string) bool { return noise.MatchString(line) })
	if what != "" || len(said) > 0 {
		fmt.Fprint(&s.failures, what, strings.Join(said[max(len(said)-keptLines, 0):], ""))
	}
}

// keptLines is how much is told again of one failure.
const keptLines = 30

// noise says nothing of why a test failed: the course of tests, what the program under
// test logged, and empty lines.
var noise = regexp.MustCompile(`^\s*(===|---|FAIL\b|time=\S+ level=|$)`)

// add appends to a file.
func add(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
