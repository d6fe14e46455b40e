//go:build e2e && crashtest

package clustertest

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
	"souk/internal/driver/kubernetes"
	"souk/internal/step"
)

// agentArgument has a test binary be an agent of its own process.
const agentArgument = "cluster-agent"

// Call is what such an agent does: "ensure", "stop", "remove", "backup", "expire" or
// "drill".
type Call struct {
	What, Zone string
	Want       driver.Instance
	Place      *driver.BackupPlace // nil: the zone keeps no backups
	Backup     driver.BackupOrder  // that is taken or expires
	Folder     string              // of the agent that makes a drill
	Drill      agentapi.DrillOrder
}

// Drill makes a restore drill, and fails where the drill does.
type Drill func(ctx context.Context, d *kubernetes.Driver, c Call) error

// Opener opens the driver of a zone.
type Opener func(ctx context.Context, zone string, place *driver.BackupPlace) (*kubernetes.Driver, error)

// BeAgent is for TestMain: where the binary was started to be an agent it carries
// out its one call and ends. drill is nil where the engine makes none.
func BeAgent(open Opener, drill Drill) {
	if len(os.Args) < 3 || os.Args[1] != agentArgument {
		return
	}
	var c Call
	err := json.Unmarshal([]byte(os.Args[2]), &c)
	var seen driver.Observation
	if err == nil {
		seen, err = c.carryOut(open, drill)
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(seen)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// carryOut does it again and again until it is done.
func (c Call) carryOut(open Opener, drill Drill) (seen driver.Observation, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), Long)
	defer cancel()
	d, err := open(ctx, c.Zone, c.Place)
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
			return seen, drill(ctx, d, c)
		}
		if seen, err = d.Ensure(ctx, c.Want); err == nil && seen.State == driver.StateRunning && seen.Generation == c.Want.Generation && c.rewound(seen) {
			return seen, nil
		}
		select {
		case <-d.Events():
		case <-time.After(time.Second):
		}
	}
	return seen, errors.Join(err, fmt.Errorf("still %s: %s", seen.State, seen.Message))
}

// rewound says whether the restore in place that is wanted, if one is, is over.
func (c Call) rewound(seen driver.Observation) bool {
	return c.Want.Rewind == nil || seen.Rewound != nil && seen.Rewound.Number == c.Want.Rewind.Number
}

// Do has a process of its own carry something out, killed after a step unless that
// is empty.
func (c Call) Do(t *testing.T, killedAfter string) (seen driver.Observation) {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	marker := filepath.Join(t.TempDir(), "marker")
	cmd := exec.Command("/proc/self/exe", agentArgument, string(text))
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

// BackupSteps are those of instances that are backed up, of which the test is the
// engine's own.
var BackupSteps = []string{"kubernetes/backup-taken", "kubernetes/source", "kubernetes/backup-expired"}

// MemberSteps are those of instances whose members the driver replaces, of which the test is
// the engine's own.
var MemberSteps = []string{"kubernetes/replaced"}

// KilledAfterEachStep kills the agent after every step of every operation on one
// instance; the next agent finishes what was begun. use is tried each time that the
// instance runs: it writes the first time and finds that again later.
func KilledAfterEachStep(t *testing.T, zone string, want driver.Instance, use func(t *testing.T, want driver.Instance, at *driver.Endpoint)) {
	call := func(what string) Call { return Call{What: what, Zone: zone, Want: want} }
	t.Cleanup(func() { call("remove").Do(t, "") })
	running := func(t *testing.T) {
		t.Helper()
		seen := call("ensure").Do(t, "")
		use(t, want, seen.Endpoint)
		want.HeldData = true
	}
	ensuring := []string{"namespace", "rights", "fences", "access", "certificate", "secrets", "claims", "main", "settled", "recorded"}
	done := map[string]bool{}
	kill := func(what, name string, and func(t *testing.T)) {
		done["kubernetes/"+name] = true
		t.Run("kubernetes/"+name, func(t *testing.T) {
			call(what).Do(t, "kubernetes/"+name)
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
			if seen := call("stop").Do(t, ""); seen.State != driver.StateStopped {
				t.Errorf("stopped, and then %s", seen.State)
			}
			running(t)
		})
	}
	kill("remove", "deleting", running)
	kill("remove", "deleted", func(t *testing.T) {
		call("remove").Do(t, "")
		if left := NewPerson(t).VolumesOf(want.ID); left != 0 {
			t.Errorf("%d volumes are left", left)
		}
	})
	for _, name := range step.All() {
		if strings.HasPrefix(name, "kubernetes/") && !done[name] && !slices.Contains(slices.Concat(BackupSteps, MemberSteps), name) && !strings.HasPrefix(name, RewindStep) {
			t.Errorf("no agent was killed after %s", name)
		}
	}
}
