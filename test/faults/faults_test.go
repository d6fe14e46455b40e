// Package faults holds docs/faults.md to its word: every fault in its tables has
// tests, these exist, and in a whole run of the tests they ran and passed; and
// every step of every operation was killed.
package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// resultsDir is set by scripts/test.sh: the folder with what `go test -json`
// wrote in all stages before this one.
const resultsDir = "SOUK_TEST_RESULTS"

// unprovenFile is set by it, too: where to write which tests were not run as they
// need a cluster.
const unprovenFile = "SOUK_TEST_UNPROVEN"

func TestEveryFaultIsTested(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	listed, problems := parse(string(text))
	for _, p := range problems {
		t.Error(p)
	}
	if len(listed) < 50 {
		t.Errorf("only %d faults are listed", len(listed))
	}
	tests, err := testFunctions(root)
	if err != nil {
		t.Fatal(err)
	}
	onCluster, err := clusterTests(root)
	if err != nil {
		t.Fatal(err)
	}
	results, whole := readResults(t)
	var unproven []string
	for _, f := range listed {
		for _, test := range f.tests {
			switch {
			case !tests[test.function()]:
				t.Errorf("line %d, %s: there is no test %s", f.line, f.what, test.function())
			case !whole || results[test] == "pass":
			case results[test] == "" && onCluster[test.function()]:
				unproven = append(unproven, fmt.Sprintf("%s: %s", f.what, test))
			default:
				t.Errorf("line %d, %s: %s %s", f.line, f.what, test, outcome(results[test]))
			}
		}
	}
	t.Logf("not run, as it needs a cluster:\n%s", strings.Join(unproven, "\n"))
	say(t, fmt.Sprintf("not run, as they need a cluster (make e2e): %d of the tests of docs/faults.md", len(unproven)), len(unproven) > 0)
}

// officialRules names the folder with the official rules of EN 16931.
const officialRules = "SOUK_EN16931"

// What was checked only as far as Souk's own tests go is said, too.
func TestRulesThatAreNotGivenAreSaid(t *testing.T) {
	say(t, "not proven, as "+officialRules+" names no folder with them: invoices in UBL keep the official rules of EN 16931: internal/invoice.TestOfficialRules", os.Getenv(officialRules) == "")
}

// say notes what this run does not prove, if that is so, for the end of it.
func say(t *testing.T, unproven string, is bool) {
	t.Helper()
	name := os.Getenv(unprovenFile)
	if name == "" || !is {
		return
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := fmt.Fprintln(file, unproven); err != nil {
		t.Error(err)
	}
}

func TestClusterTestsAreKnown(t *testing.T) {
	found, err := clusterTests(root)
	if err != nil {
		t.Fatal(err)
	}
	if !found[ref{"test/e2e", "TestSmokeOrder"}] || !found[ref{"services/postgresql", "TestClusterConformance"}] || found[ref{"test/faults", "TestParse"}] || found[ref{"test/journey", "TestFirstLine"}] {
		t.Errorf("taken for tests that need a cluster: %v", found)
	}
}

// TestEveryStepIsKilled wants for each registered step a test that killed a
// process right after it. Those tests are named for the steps.
func TestEveryStepIsKilled(t *testing.T) {
	steps, err := registeredSteps(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) < 20 {
		t.Errorf("only these steps are registered: %v", steps)
	}
	results, whole := readResults(t)
	if !whole {
		return
	}
	var unproven []string
	for _, step := range steps {
		switch {
		case killed(results, step):
		case inCluster(step):
			unproven = append(unproven, "a process killed after the step "+step)
		default:
			t.Errorf("no test killed a process after the step %s", step)
		}
	}
	t.Logf("not run, as it needs a cluster:\n%s", strings.Join(unproven, "\n"))
	say(t, fmt.Sprintf("not run, as they need a cluster (make e2e): %d of the steps after which a process is killed", len(unproven)), len(unproven) > 0)
}

// inCluster says whether a step needs a cluster: one of the driver, or of how a service is
// carried out by it.
func inCluster(step string) bool {
	of, _, _ := strings.Cut(step, "/")
	return of == "kubernetes" || strings.HasSuffix(of, "-cluster")
}

// killed finds a test for the step, such as
// TestKilledAfterEachStep/process_shim, that passed.
func killed(results map[ref]string, step string) bool {
	for test, result := range results {
		function, rest, _ := strings.Cut(test.name, "/")
		if result == "pass" && strings.HasSuffix(function, "KilledAfterEachStep") && strings.ReplaceAll(rest, "/", "_") == strings.ReplaceAll(step, "/", "_") {
			return true
		}
	}
	return false
}

func readResults(t *testing.T) (results map[ref]string, whole bool) {
	t.Helper()
	dir := os.Getenv(resultsDir)
	if dir == "" {
		return nil, false
	}
	results, err := resultsIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) == 0 {
		t.Fatalf("there are no results of tests in %s", dir)
	}
	return results, true
}

func outcome(result string) string {
	switch result {
	case "":
		return "did not run"
	case "skip":
		return "was skipped"
	}
	return "did not pass"
}
