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
		s.wrong("%s", e.Output)
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
		s.wrong("FAILED: %s %s\n%s", e.Package, e.Test, strings.Join(output, ""))
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
	s.wrong("FAIL  %s %.1f s\n%s", e.Package, e.Elapsed, strings.Join(output, ""))
	if s.failed == 0 || e.FailedBuild != "" {
		s.failed++
	}
	for key, lines := range s.output { // a panic or a time-out leaves tests without an end
		if strings.HasPrefix(key, e.Package+" ") {
			s.wrong("%s", strings.Join(lines, ""))
			delete(s.output, key)
		}
	}
}

// wrong shows what failed, and keeps it.
func (s *sum) wrong(format string, args ...any) {
	fmt.Fprintf(io.MultiWriter(s.out, &s.failures), format, args...)
}

// add appends to a file.
func add(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
