//go:build e2e && crashtest

package postgresql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/step"
)

func init() { otherProcesses["cluster-agent"] = clusterAgent }

// clusterCall is what an agent of its own process does.
type clusterCall struct {
	What, Zone string
	Want       driver.Instance
	Place      *driver.BackupPlace // nil: the zone keeps no backups
	Backup     driver.BackupOrder  // that is taken or expires
	Folder     string              // of the agent that makes a drill
	Drill      agentapi.DrillOrder
}

// clusterAgent carries out one call, again and again until it is done.
func clusterAgent(text string) int {
	var call clusterCall
	err := json.Unmarshal([]byte(text), &call)
	var seen driver.Observation
	if err == nil {
		seen, err = call.carryOut()
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(seen)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (c clusterCall) carryOut() (seen driver.Observation, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), long)
	defer cancel()
	d, err := openCluster(ctx, c.Zone, backedUpAt(c.Place))
	if err != nil {
		return seen, err
	}
	defer d.Close()
	for ctx.Err() == nil {
		switch c.What {
		case "stop":
			return d.Stop(ctx, c.Want)
		case "remove":
			return seen, d.Remove(ctx, c.Want.ID)
		case "backup":
			return seen, d.TakeBackup(ctx, c.Want, c.Backup)
		case "expire":
			return seen, d.ExpireBackup(ctx, c.Want.BackupSource(), c.Backup.ID, true)
		case "drill":
			fact, err := drill(ctx, d, c.Folder, c.Want, c.Drill)
			if err == nil && fact.Problem != "" {
				err = errors.New(fact.Problem)
			}
			return seen, err
		}
		if seen, err = d.Ensure(ctx, c.Want); err == nil && seen.State == driver.StateRunning && seen.Generation == c.Want.Generation {
			return seen, nil
		}
		select {
		case <-d.Events():
		case <-time.After(time.Second):
		}
	}
	return seen, errors.Join(err, fmt.Errorf("still %s: %s", seen.State, seen.Message))
}

// call has a process of its own carry something out, killed after a step unless
// that is empty.
func (c clusterCall) call(t *testing.T, killedAfter string) (seen driver.Observation) {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	marker := filepath.Join(t.TempDir(), "marker")
	cmd := exec.Command("/proc/self/exe", "cluster-agent", string(text))
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), step.EnvCrashAfter+"="+killedAfter, step.EnvCrashMarker+"="+marker)
	out, err := cmd.Output()
	if killedAfter == "" {
		if err == nil {
			err = json.Unmarshal(out, &seen)
		}
		if err != nil {
			t.Fatalf("%s: %v", c.What, err)
		}
		return seen
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("%s: the agent was not killed: %v", c.What, err)
	}
	if _, err := os.Stat(marker); err != nil {
		t.Fatalf("the agent was killed elsewhere: %v", err)
	}
	return seen
}

// TestClusterKilledAfterEachStep kills the agent after every step of every
// operation on one instance; the next agent finishes what was begun.
func TestClusterKilledAfterEachStep(t *testing.T) {
	const zone = "fault-crash"
	want := clusterOrder()
	p := newPlaceOf(t)
	t.Cleanup(func() { clusterCall{What: "remove", Zone: zone, Want: want}.call(t, "") })
	running := func(t *testing.T) {
		t.Helper()
		seen := clusterCall{What: "ensure", Zone: zone, Want: want}.call(t, "")
		p := p.on(t)
		conn := p.user(&want, seen.Endpoint)
		if !want.HeldData {
			p.exec(conn, "CREATE TABLE kept AS SELECT generate_series(1, 100)")
		}
		want.HeldData = true
		if got := count(t, conn, "kept"); got != 100 {
			t.Errorf("%d rows are left", got)
		}
	}
	ensuring := []string{"namespace", "rights", "fences", "access", "certificate", "secrets", "main", "settled", "recorded"}
	done := map[string]bool{}
	kill := func(what, name string, and func(t *testing.T)) {
		done["kubernetes/"+name] = true
		t.Run("kubernetes/"+name, func(t *testing.T) {
			clusterCall{What: what, Zone: zone, Want: want}.call(t, "kubernetes/"+name)
			and(t)
		})
	}
	nothing := func(*testing.T) {}
	for _, name := range ensuring[:len(ensuring)-1] {
		kill("ensure", name, nothing)
	}
	kill("ensure", "recorded", running)
	want.Restart, want.Generation = want.Restart+1, want.Generation+1
	kill("ensure", "changing", running)
	for _, name := range []string{"stopping", "stopped"} {
		kill("stop", name, func(t *testing.T) {
			if seen := (clusterCall{What: "stop", Zone: zone, Want: want}).call(t, ""); seen.State != driver.StateStopped {
				t.Errorf("stopped, and then %s", seen.State)
			}
			running(t)
		})
	}
	kill("remove", "deleting", running)
	kill("remove", "deleted", func(t *testing.T) {
		clusterCall{What: "remove", Zone: zone, Want: want}.call(t, "")
		if left := p.on(t).volumesOf(want.ID); left != 0 {
			t.Errorf("%d volumes are left", left)
		}
	})
	for _, name := range step.All() {
		if strings.HasPrefix(name, "kubernetes/") && !done[name] && !slices.Contains(backupSteps, name) {
			t.Errorf("no agent was killed after %s", name)
		}
	}
}
