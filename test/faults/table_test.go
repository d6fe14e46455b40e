package faults

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fault is one row of a table: what goes wrong, what happens then, and its tests.
type fault struct {
	line  int
	what  string
	tests []ref
}

// ref names a test: TestName or TestName/subtest of a package of this module.
type ref struct{ pkg, name string }

func (r ref) String() string { return r.pkg + "." + r.name }

// function is the test without its subtest.
func (r ref) function() ref {
	name, _, _ := strings.Cut(r.name, "/")
	return ref{r.pkg, name}
}

var reference = regexp.MustCompile("`([a-z0-9/]+)\\.(Test[A-Za-z0-9]+(?:/[^`]+)?)`")

// parse reads the rows of all tables with three columns. Every row has to have
// all three, and tests in the last.
func parse(text string) (faults []fault, problems []string) {
	line := 0
	for row := range strings.Lines(text) {
		line++
		row = strings.TrimSpace(row)
		if !strings.HasPrefix(row, "|") || strings.HasPrefix(row, "|---") || strings.HasPrefix(row, "| fault |") {
			continue
		}
		cells := strings.Split(strings.Trim(row, "|"), "|")
		if len(cells) != 3 {
			problems = append(problems, fmt.Sprintf("line %d has %d columns, not 3", line, len(cells)))
			continue
		}
		f := fault{line: line, what: strings.TrimSpace(cells[0])}
		for _, found := range reference.FindAllStringSubmatch(cells[2], -1) {
			f.tests = append(f.tests, ref{found[1], found[2]})
		}
		if f.what == "" || strings.TrimSpace(cells[1]) == "" || len(f.tests) == 0 || len(f.tests) != strings.Count(cells[2], "`")/2 {
			problems = append(problems, fmt.Sprintf("line %d: a row says what goes wrong, what happens, and names tests as `folder.TestName/subtest`", line))
		}
		faults = append(faults, f)
	}
	return faults, problems
}

func TestParse(t *testing.T) {
	faults, problems := parse("# Faults\n\n| fault | what happens | tests |\n|---|---|---|\n" +
		"| a full disk | it says so | `services/x.TestDisk`, `internal/y.TestDisk/with_a_{brace}` |\n" +
		"| nothing tries this | | `x.TestX` |\n| nor this | it breaks | a test |\n| half of it | is named | `x.TestX` and `y` |\n| two columns | only |\n")
	want := []ref{{"services/x", "TestDisk"}, {"internal/y", "TestDisk/with_a_{brace}"}}
	if len(faults) != 4 || faults[0].what != "a full disk" || faults[0].line != 5 || !slices.Equal(faults[0].tests, want) {
		t.Errorf("read %+v", faults)
	}
	if len(problems) != 4 {
		t.Errorf("problems %q, want those of four rows", problems)
	}
}
