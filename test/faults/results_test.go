package faults

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module is what the packages' paths begin with.
const module = "souk/"

// resultsIn reads what `go test -json` wrote into the files of a folder: how
// each test ended. One that ended badly anywhere counts as that.
func resultsIn(dir string) (map[ref]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	results := map[ref]string{}
	for _, e := range entries {
		file, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		err = read(file, results)
		file.Close()
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}

func read(in io.Reader, results map[ref]string) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		var event struct{ Action, Package, Test string }
		if bytes.HasPrefix(line, []byte("{")) && json.Unmarshal(line, &event) == nil && event.Test != "" {
			take(results, ref{strings.TrimPrefix(event.Package, module), event.Test}, event.Action)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func take(results map[ref]string, test ref, action string) {
	switch action {
	case "pass":
		if results[test] == "" {
			results[test] = action
		}
	case "skip", "fail":
		results[test] = action
	}
}

func TestResults(t *testing.T) {
	results := map[ref]string{}
	err := read(strings.NewReader(`# what a compiler says is no result
{"Action":"run","Package":"souk/internal/x","Test":"TestA"}
{"Action":"pass","Package":"souk/internal/x","Test":"TestA/sub"}
{"Action":"pass","Package":"souk/internal/x","Test":"TestA"}
{"Action":"skip","Package":"souk/internal/x","Test":"TestB"}
{"Action":"pass","Package":"souk/internal/x","Test":"TestB"}
{"Action":"run","Package":"souk/internal/x","Test":"TestCut"}
{"Action":"pass","Package":"souk/y","Test":"TestKilledAfterEachStep/a_b-c"}
{"Action":"fail","Package":"souk/y","Test":"TestKilledAfterEachStep/a_d"}
{"Action":"pass","Package":"souk/internal/x"}`), results)
	if err != nil {
		t.Fatal(err)
	}
	for test, want := range map[ref]string{
		{"internal/x", "TestA"}: "pass", {"internal/x", "TestA/sub"}: "pass", {"internal/x", "TestB"}: "skip", {"internal/x", "TestCut"}: "", {"internal/x", "TestC"}: "",
	} {
		if results[test] != want {
			t.Errorf("%s: %q, want %q", test, results[test], want)
		}
	}
	if !killed(results, "a/b-c") || killed(results, "a/d") || killed(results, "a/e") {
		t.Error("which steps were killed is read wrongly")
	}
}
