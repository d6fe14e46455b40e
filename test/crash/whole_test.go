//go:build crash

package crash

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"souk/test/soukdev"
)

// rows are what each instance that holds data is given, as count and sum.
const rows = "1000|500500"

// fill waits for an engine that still recovers from a kill.
func (h *harness) fill(name string) {
	h.Eventually(name+" takes rows", func() error {
		if r := h.Psql(name, "begin; create table kept (n int); insert into kept select generate_series(1, 1000); commit"); r.Code != 0 {
			return errors.New(r.Problems)
		}
		return nil
	})
}

// holds proves over verify-full that the rows are there.
func (h *harness) holds(t *testing.T, name string) {
	t.Helper()
	h.Eventually(name+" answers", func() error {
		if r := h.Psql(name, "select count(*), sum(n) from kept"); r.Code != 0 || r.Out != rows {
			return fmt.Errorf("%q, %s", r.Out, r.Problems)
		}
		return nil
	})
}

// whole proves that there is of every instance what should be, and nothing else:
// one engine and one shim for each that is to run, no process, folder, record or
// cgroup of any that is gone; a record in which nothing is missing or doubled.
func (h *harness) whole(t *testing.T) {
	t.Helper()
	h.Eventually("all instances are as they should be and nothing else is there", h.difference)
	h.Sh("souk --context operator audit segments").Done("No differences")
	for _, gap := range h.Record("SELECT epoch FROM " + soukdev.Reports + " GROUP BY zone_id, epoch HAVING count(*) <> max(sequence) OR min(sequence) <> 1") {
		t.Errorf("the facts of epoch %s have gaps", gap)
	}
	for _, name := range h.Record("SELECT name FROM instances WHERE phase <> 'Purged' GROUP BY project_id, name HAVING count(*) > 1") {
		t.Errorf("there is more than one %s", name)
	}
}

// difference returns the first thing that is not as it should be.
func (h *harness) difference() error {
	var ids []string
	engines := map[int]bool{} // uid → an engine is to run
	for _, line := range h.Record("SELECT id, phase, intent FROM instances WHERE phase <> 'Purged'") {
		fields := strings.Split(line, "|")
		ids = append(ids, fields[0])
		uid, err := h.uid(fields[0])
		if err != nil {
			return err
		}
		engines[uid] = fields[2] == "active"
	}
	slices.Sort(ids)
	for _, folder := range h.folders() {
		if err := same(folder, ids); err != nil {
			return err
		}
	}
	return h.strayProcess(engines)
}

// uid of an instance.
func (h *harness) uid(id string) (int, error) {
	var record struct{ UID int }
	text, err := os.ReadFile(filepath.Join(h.DataDir, "instances", "records", id+".json"))
	if err == nil {
		err = json.Unmarshal(text, &record)
	}
	return record.UID, err
}

// folders in which there is something named for every instance.
func (h *harness) folders() []string {
	folders := []string{
		filepath.Join(h.DataDir, "instances", "records"), filepath.Join(h.DataDir, "instances", "instances"),
		filepath.Join(h.DataDir, "agent", "driver", "instances"),
	}
	var cgroups map[string]string
	if text, err := os.ReadFile(filepath.Join(h.DataDir, "instances", "cgroups.json")); err == nil {
		_ = json.Unmarshal(text, &cgroups)
	}
	for _, folder := range cgroups {
		folders = append(folders, folder)
	}
	return folders
}

// same compares what is in a folder with the instances. A cgroup of an instance
// that does not run may be absent.
func same(folder string, ids []string) error {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var found []string
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".json")
		if strings.Count(name, "-") != 4 { // a cgroup's own files
			continue
		}
		if !slices.Contains(ids, name) {
			return fmt.Errorf("%s is left of an instance that is gone", filepath.Join(folder, e.Name()))
		}
		found = append(found, name)
	}
	if slices.Sort(found); !strings.HasPrefix(folder, "/sys/") && !slices.Equal(found, ids) {
		return fmt.Errorf("in %s are %v, want %v", folder, found, ids)
	}
	return nil
}

// strayProcess finds an account that runs more or less than it should.
func (h *harness) strayProcess(engines map[int]bool) error {
	shims, servers := map[int]int{}, map[int]int{}
	for _, pid := range h.Processes() {
		uid, line := soukdev.UID(pid), soukdev.CommandLine(pid)
		if uid < h.FirstInstanceUID() {
			continue // a part of the control plane or of the zone
		}
		if !engines[uid] {
			return fmt.Errorf("process %d is left of an instance that is not to run: %s", pid, line)
		}
		switch {
		case isShim(line):
			shims[uid]++
		case isEngine(line):
			servers[uid]++
		}
	}
	for uid, runs := range engines {
		if runs && (shims[uid] != 1 || servers[uid] != 1) {
			return fmt.Errorf("the instance of account %d has %d shims and %d engines", uid, shims[uid], servers[uid])
		}
	}
	return nil
}

func isShim(commandLine string) bool { return strings.HasPrefix(commandLine, "souk shim ") }

// isEngine tells the server from the processes that it starts for its sessions.
func isEngine(commandLine string) bool { return strings.Contains(commandLine, "/bin/postgres ") }

// engine returns the process of an instance's engine.
func (h *harness) engine(t *testing.T, name string) int {
	t.Helper()
	id := h.Record("SELECT id FROM instances WHERE phase <> 'Purged' AND name = '" + name + "'")
	if len(id) != 1 {
		t.Fatalf("%d instances named %s", len(id), name)
	}
	uid, err := h.uid(id[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range h.Processes() {
		if soukdev.UID(pid) == uid && isEngine(soukdev.CommandLine(pid)) {
			return pid
		}
	}
	t.Fatalf("%s has no engine", name)
	return 0
}
