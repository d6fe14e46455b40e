//go:build browser

// Package browser walks the portal in a real browser, as people do: what they
// see is checked, held against the rules for accessibility, and kept as
// screenshots. The steps are in journeys/, the pages in pages.mjs.
package browser

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"

	"souk/test/soukdev"
)

// result is one line that the journeys print.
type result struct {
	Test   string
	OK     bool
	Detail string
}

// install fetches what the journeys are made with.
func install(t *testing.T) {
	t.Helper()
	installing.Do(func() {
		cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	})
}

var installing sync.Once

func TestPortal(t *testing.T) {
	install(t)
	s := soukdev.Build(t)
	s.Start()
	s.Cleanup()
	s.Sh("souk context use acme").Done()
	out := os.Getenv("SOUK_SCREENSHOTS") // where to keep them
	if out == "" {
		out = t.ArtifactDir()
	}
	cmd := exec.Command("node", "run.mjs")
	cmd.Env = append(os.Environ(), "BASE=http://"+s.Listen, "OUT="+out, "DEMO_PASSWORD="+s.DemoPassword(), "SOUK_CONFIG="+s.DataDir+"/cli.yaml", "PATH="+s.Bin+":"+os.Getenv("PATH"),
		"AGENT="+strconv.Itoa(s.Part("agent"))) // which the journeys hold up
	cmd.Stderr = os.Stderr
	lines, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for scanner := bufio.NewScanner(lines); scanner.Scan(); {
		var r result
		if err := json.Unmarshal(scanner.Bytes(), &r); err != nil {
			t.Errorf("%s", scanner.Text())
			continue
		}
		seen++
		t.Run(r.Test, func(t *testing.T) {
			if r.Detail != "" {
				t.Log(r.Detail)
			}
			if !r.OK {
				t.Fail()
			}
		})
	}
	if err := cmd.Wait(); err != nil || seen == 0 {
		t.Errorf("%d journeys, %v", seen, err)
	}
	s.Interrupt()
}
