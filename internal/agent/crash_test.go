//go:build crashtest

package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"souk/internal/agent"
	"souk/internal/agent/agenttest"
	"souk/internal/agentapi"
	"souk/internal/backup"
	"souk/internal/driver"
	"souk/internal/step"
)

// envCrashAgent makes the test binary an agent: it holds its configuration.
const envCrashAgent = "SOUK_TEST_CRASH_AGENT"

func TestMain(m *testing.M) {
	if text := os.Getenv(envCrashAgent); text != "" {
		os.Exit(runCrashAgent(text))
	}
	os.Exit(m.Run())
}

func runCrashAgent(text string) int {
	config, err := agent.ParseConfig([]byte(text))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	zone := &diskZone{dir: config.DataDir + ".zone"}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := agent.Run(ctx, config, zone, agent.Deps{Logger: log, Version: "test"}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestKilledAfterEachStep kills an agent after each of its steps while it lives
// through the whole life of an instance, and expects the next one to finish as
// if nothing had happened. agenttest fails the test on any fact that is lost,
// renumbered or changed.
func TestKilledAfterEachStep(t *testing.T) {
	steps := slices.DeleteFunc(step.All(), func(name string) bool { return !strings.HasPrefix(name, "agent/") })
	if len(steps) < 10 {
		t.Fatalf("only these steps are registered: %v", steps)
	}
	for _, name := range steps {
		t.Run(strings.ReplaceAll(name, "/", " "), func(t *testing.T) {
			t.Parallel()
			killedAfter(t, name)
		})
	}
}

func killedAfter(t *testing.T, name string) {
	server := agenttest.New(t, agenttest.Options{Life: 4 * time.Second, Heartbeat: 100 * time.Millisecond})
	p := &crashAgent{t: t, marker: filepath.Join(t.TempDir(), "killed")}
	folder := filepath.Join(t.TempDir(), "agent")
	config, err := json.Marshal(agent.Config{
		Server: server.URL(), DataDir: folder,
		ServerCAFile: server.CAFile(), EnrolTokenFile: server.TokenFile(),
		Timeouts: agent.Timeouts{
			ReconnectMin: ms(5), ReconnectMax: ms(50), RetryMin: ms(5), RetryMax: ms(50),
			Progress: ms(5), Check: ms(20), Count: ms(20), CacheKeyAge: ms(1), FirstBackup: ms(1), DrillLead: ms(1),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.env = append(os.Environ(), envCrashAgent+"="+string(config), step.EnvCrashAfter+"="+name, step.EnvCrashMarker+"="+p.marker)
	p.start()
	defer p.end()

	states := func(id string) (all []driver.State) {
		for _, fact := range server.Facts() {
			if fact.InstanceID == id && fact.Backups == nil && fact.Drill == nil && fact.SLI == nil && fact.Usage == nil {
				all = append(all, fact.Observation.State)
			}
		}
		return all
	}
	await := func(id string, state driver.State, generation int64) {
		server.AwaitFact(fmt.Sprintf("%s is %s", id, state), func(f agentapi.Fact) bool {
			return f.InstanceID == id && f.Observation.State == state && f.Observation.Generation == generation
		})
	}
	db2 := wanted("db2", 1, agentapi.IntentActive)
	db2.Backup, db2.Backups = &driver.BackupSettings{Key: "key"}, &agentapi.Backups{Plan: backup.Default("UTC"), Take: []string{"asked for"}}
	server.Want(wanted("db1", 1, agentapi.IntentActive), db2)
	await("db1", driver.StateRunning, 1)
	asked := filepath.Join(folder+".zone", "db1.asked")
	eventually(t, "what db1 has counted was read", func() bool { // three times: the agent may have been killed after one
		is, err := os.Stat(asked)
		return err == nil && is.Size() >= 3
	})
	p.restart() // a new cache key is made at a start
	server.Want(wanted("db1", 2, agentapi.IntentSuspended))
	await("db1", driver.StateStopped, 2)
	server.Want(wanted("db1", 3, agentapi.IntentPurged))
	await("db1", driver.StateGone, 3)
	db2.Generation, db2.Backups.Drill = 2, &agentapi.DrillOrder{ID: drillID, BackupID: "asked for"}
	server.Want(db2)
	await("db2", driver.StateRunning, 2)
	server.Await("the certificate is renewed", func() bool { return server.Issued() >= 2 })
	server.Await("the agent was killed", func() bool { return p.killed() })
	server.AwaitFact("db2 has the backup that was asked for, and nothing twice", func(f agentapi.Fact) bool {
		return f.InstanceID == "db2" && f.Backups != nil && len(f.Backups.Attempts) == 0 && len(f.Backups.Backups) == 1 && f.Backups.Backups[0].ID == "asked for"
	})

	server.AwaitFact("db2 was found up", func(f agentapi.Fact) bool {
		return f.InstanceID == "db2" && f.SLI != nil && f.SLI.State == agentapi.SLIUp
	})
	server.AwaitFact("the restore drill of db2 has passed", func(f agentapi.Fact) bool {
		return f.InstanceID == "db2" && f.Drill != nil && !f.Drill.FinishedAt.IsZero() && f.Drill.Problem == "" && f.Drill.Measured.Canaries == 1
	})
	server.AdvanceClock(3 * time.Hour) // hours that are over are reported
	for _, id := range []string{"db1", "db2"} {
		server.Await("all that "+id+" has counted is reported, and each moment once", func() bool { return countedOf(t, server, id) == counted })
	}
	if _, err := os.Stat(filepath.Join(folder+".zone", drillID)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what the drill made is left: %v", err)
	}

	want := []driver.State{driver.StateCreating, driver.StateRunning, driver.StateStopped, driver.StateGone}
	if got := states("db1"); !slices.Equal(got, want) {
		t.Errorf("db1: reported %v, want %v", got, want)
	}
	want = []driver.State{driver.StateCreating, driver.StateRunning, driver.StateRunning}
	if got := states("db2"); !slices.Equal(got, want) {
		t.Errorf("db2: reported %v, want %v", got, want)
	}
	if server.Epoch() != 1 {
		t.Errorf("epoch %d, want 1", server.Epoch())
	}
}

// countedOf is what was reported of what an instance has counted. What is of a moment that
// was reported before fails the test.
func countedOf(t *testing.T, server *agenttest.Server, id string) (sum int64) {
	t.Helper()
	var last time.Time
	for _, fact := range server.Facts() {
		if fact.InstanceID != id || fact.Usage == nil {
			continue
		}
		if fact.Usage.From.Before(last) {
			t.Errorf("usage of %s from %s on was reported until %s before", id, fact.Usage.From, last)
		}
		last, sum = fact.Usage.To, sum+fact.Usage.Quantity
	}
	return sum
}

// crashAgent is an agent in a process of its own, started again when killed.
type crashAgent struct {
	t      *testing.T
	env    []string
	marker string

	mu       sync.Mutex
	command  *exec.Cmd
	log      bytes.Buffer
	stopping bool
	ended    chan struct{}
}

func (p *crashAgent) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.startLocked()
}

func (p *crashAgent) startLocked() {
	command := exec.Command(os.Args[0])
	command.Env, command.Stderr = p.env, &p.log
	if err := command.Start(); err != nil {
		p.t.Error(err)
		return
	}
	ended := make(chan struct{})
	p.command, p.ended = command, ended
	go func() {
		err := command.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.stopping {
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				p.t.Errorf("the agent ended with %v:\n%s", err, p.log.String())
			}
			p.startLocked()
		}
		close(ended)
	}()
}

func (p *crashAgent) end() {
	p.mu.Lock()
	p.stopping = true
	command, ended := p.command, p.ended
	p.mu.Unlock()
	_ = command.Process.Signal(syscall.SIGTERM)
	<-ended
	if p.t.Failed() {
		p.t.Logf("the agent's log:\n%s", p.log.String())
	}
}

func (p *crashAgent) restart() {
	p.end()
	p.mu.Lock()
	p.stopping = false
	p.mu.Unlock()
	p.start()
}

func (p *crashAgent) killed() bool {
	_, err := os.Stat(p.marker)
	return err == nil
}

// diskZone is a driver whose instances are files, which outlive the agent.
type diskZone struct{ dir string }

func (z *diskZone) path(id string) string { return filepath.Join(z.dir, id) }

func (z *diskZone) Info(context.Context) (driver.Info, error) {
	return driver.Info{Driver: "fake", Simulated: true}, os.MkdirAll(z.dir, 0o700)
}

func (z *diskZone) put(id string, seen driver.Observation) (driver.Observation, error) {
	text, err := json.Marshal(seen)
	if err != nil {
		return seen, err
	}
	if err := os.MkdirAll(z.dir, 0o700); err != nil {
		return seen, err
	}
	if _, err := os.Stat(z.path(id) + ".since"); errors.Is(err, os.ErrNotExist) { // a file's own time may lag behind
		now, err := time.Now().MarshalText()
		if err == nil {
			err = os.WriteFile(z.path(id)+".since", now, 0o600)
		}
		if err != nil {
			return seen, err
		}
	}
	return seen, os.WriteFile(z.path(id), text, 0o600)
}

func (z *diskZone) Ensure(ctx context.Context, want driver.Instance) (driver.Observation, error) {
	if _, err := z.Observe(ctx, want.ID); want.HeldData && errors.Is(err, driver.ErrNotFound) {
		return driver.Observation{}, driver.ErrDataLost
	}
	return z.put(want.ID, driver.Observation{State: driver.StateRunning, Generation: want.Generation, Plan: want.Plan, StorageGiB: want.StorageGiB})
}

func (z *diskZone) Stop(_ context.Context, want driver.Instance) (driver.Observation, error) {
	return z.put(want.ID, driver.Observation{State: driver.StateStopped, Generation: want.Generation, Plan: want.Plan, StorageGiB: want.StorageGiB})
}

func (z *diskZone) Remove(_ context.Context, id string) error { return os.RemoveAll(z.path(id)) }

func (z *diskZone) Observe(_ context.Context, id string) (driver.Observation, error) {
	var seen driver.Observation
	text, err := os.ReadFile(z.path(id))
	if errors.Is(err, os.ErrNotExist) {
		return seen, driver.ErrNotFound
	}
	if err != nil {
		return seen, err
	}
	return seen, json.Unmarshal(text, &seen)
}

func (z *diskZone) List(context.Context) ([]string, error) { return nil, nil }

func (z *diskZone) Logs(context.Context, string, driver.LogOptions) (io.ReadCloser, error) {
	return nil, driver.ErrNotFound
}

func (z *diskZone) Events() <-chan string { return nil }

func (z *diskZone) TakeBackup(_ context.Context, want driver.Instance, order driver.BackupOrder) error {
	is, err := z.Backups(context.Background(), driver.BackupSource{InstanceID: want.ID})
	if err != nil || slices.ContainsFunc(is.Backups, func(b driver.Backup) bool { return b.ID == order.ID }) {
		return err
	}
	text, err := json.Marshal(append(is.Backups, driver.Backup{ID: order.ID, Kind: order.Kind, At: order.At}))
	if err != nil {
		return err
	}
	return os.WriteFile(z.path(want.ID)+".backups", text, 0o600)
}

func (z *diskZone) Backups(_ context.Context, of driver.BackupSource) (is driver.BackupReport, err error) {
	text, err := os.ReadFile(z.path(of.InstanceID) + ".backups")
	if errors.Is(err, os.ErrNotExist) {
		return is, nil
	}
	if err != nil {
		return is, err
	}
	return is, json.Unmarshal(text, &is.Backups)
}

func (z *diskZone) Probe(_ context.Context, want driver.Instance) (*driver.Probe, error) {
	look := func(ctx context.Context) error { _, err := z.Observe(ctx, want.ID); return err }
	return &driver.Probe{Checks: []driver.ProbeCheck{{Name: "read", Every: 50 * time.Millisecond, Timeout: time.Second, Try: look}}}, nil
}

// counted is what each instance has counted since it was made.
const counted = 1000

func (z *diskZone) Counters(ctx context.Context, id string) ([]driver.Counter, error) {
	seen, err := z.Observe(ctx, id)
	if err != nil || seen.State != driver.StateRunning {
		return nil, err
	}
	var since time.Time
	text, err := os.ReadFile(z.path(id) + ".since")
	if err == nil {
		err = since.UnmarshalText(text)
	}
	if err != nil {
		return nil, err
	}
	asked, err := os.OpenFile(z.path(id)+".asked", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer asked.Close()
	if _, err := asked.WriteString("."); err != nil {
		return nil, err
	}
	return []driver.Counter{{Meter: "traffic-out", Value: counted, Run: "first", Since: since}}, nil
}

func (z *diskZone) ExpireBackup(context.Context, driver.BackupSource, string, bool) error { return nil }

func (z *diskZone) PutCanary(context.Context, driver.Instance) (driver.Canary, error) {
	return canary, nil
}

// canary is the one that every instance has; all that is restored holds it.
var canary = driver.Canary{Number: 1, At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Value: "a value"}

func (z *diskZone) Canaries(_ context.Context, of driver.Instance) ([]driver.Canary, error) {
	_, err := os.Stat(z.path(of.ID))
	return []driver.Canary{canary}, err
}

func (z *diskZone) Examine(context.Context, driver.Instance) (driver.Examination, error) {
	return driver.Examination{Version: "1.0", Checks: []driver.Check{{Name: "rows", Passed: true}}}, nil
}

// drillID is that of the drill, and of the instance that it makes.
const drillID = "0190c1d2-0000-7000-8000-00000000000d"
