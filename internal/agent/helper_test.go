package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"souk/internal/agent"
	"souk/internal/agent/agenttest"
	"souk/internal/agent/identity"
	"souk/internal/agentapi"
	"souk/internal/driver"
)

// machine is one machine with an agent on it, which may be started many times.
type machine struct {
	t      *testing.T
	server *agenttest.Server
	zone   *zone
	config agent.Config
	clock  *clock
	log    *logBuffer
	stdin  io.Reader

	stop context.CancelFunc
	done chan error
}

// clock is a machine's clock: the real one, moved.
type clock struct {
	mu    sync.Mutex
	moved time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.moved)
}

func (c *clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved += d
}

type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	c := new(clock)
	return newMachineAt(t, c, agenttest.Options{Now: c.Now, Heartbeat: 100 * time.Millisecond})
}

func newMachineAt(t *testing.T, c *clock, opt agenttest.Options) *machine {
	t.Helper()
	server := agenttest.New(t, opt)
	m := &machine{
		t: t, server: server, zone: newZone(), clock: c, log: new(logBuffer),
		config: agent.Config{
			Server: server.URL(), DataDir: t.TempDir(), ServerCAFile: server.CAFile(), EnrolTokenFile: server.TokenFile(),
			Timeouts: agent.Timeouts{
				ReconnectMin: ms(5), ReconnectMax: ms(50), RetryMin: ms(5), RetryMax: ms(50),
				Progress: ms(5), Check: ms(20), Shutdown: ms(500), Silence: agent.Duration(5 * time.Second),
			},
		},
	}
	t.Cleanup(func() {
		m.Stop()
		if t.Failed() {
			t.Logf("the agent's log:\n%s", m.log)
		}
		if m.zone.overlap {
			t.Error("two calls for one instance were made at one time")
		}
	})
	return m
}

// Start starts the agent.
func (m *machine) Start() *machine {
	m.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	m.stop, m.done = cancel, make(chan error, 1)
	go func(done chan<- error) {
		done <- agent.Run(ctx, m.config, m.zone, agent.Deps{
			Logger: slog.New(slog.NewTextHandler(m.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Clock:  m.clock.Now, Version: "test", Stdin: m.stdin,
		})
	}(m.done)
	return m
}

// Stop stops the agent in good order; one that does not run is fine.
func (m *machine) Stop() {
	m.t.Helper()
	if m.stop == nil {
		return
	}
	m.stop()
	if err := m.Ended(); err != nil {
		m.t.Errorf("the agent ended with %v", err)
	}
}

// Ended waits until the agent ends, and returns its error.
func (m *machine) Ended() error {
	m.t.Helper()
	select {
	case err := <-m.done:
		m.stop()
		m.stop = nil
		return err
	case <-time.After(20 * time.Second):
		m.t.Fatal("the agent does not end")
		return nil
	}
}

// Restart stops the agent and starts it again.
func (m *machine) Restart() {
	m.t.Helper()
	m.Stop()
	m.Start()
}

func (m *machine) awaitState(id string, state driver.State, generation int64) agentapi.Fact {
	m.t.Helper()
	return m.server.AwaitFact(id+" is "+string(state), func(f agentapi.Fact) bool {
		return f.InstanceID == id && f.Observation.State == state && f.Observation.Generation == generation
	})
}

// states returns the states reported of an instance, in order.
func (m *machine) states(id string) []driver.State {
	var states []driver.State
	for _, fact := range m.server.Facts() {
		if fact.InstanceID == id {
			states = append(states, fact.Observation.State)
		}
	}
	return states
}

func wanted(id string, generation int64, intent agentapi.Intent) agentapi.Desired {
	return agentapi.Desired{
		Instance: driver.Instance{
			ID: id, Service: "postgresql", Generation: generation,
			Plan: driver.Plan{Name: "small", Revision: 1, CPUMillis: 500, MemoryMiB: 512}, StorageGiB: 10,
		},
		Name: "acme/default/" + id, Intent: intent,
	}
}

// eventually waits for what no event announces.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("waited in vain until %s", what)
}

func ms(n int) agent.Duration { return agent.Duration(time.Duration(n) * time.Millisecond) }

func (m *machine) logged(text string) bool { return strings.Contains(m.log.String(), text) }

// newToken gives the machine a new enrolment token.
func (m *machine) newToken() {
	m.t.Helper()
	if err := os.WriteFile(m.config.EnrolTokenFile, []byte(m.server.Token()), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// removeCache makes the agent's records empty.
func (m *machine) removeCache() {
	m.t.Helper()
	if err := os.Remove(filepath.Join(m.config.DataDir, "agent.db")); err != nil {
		m.t.Fatal(err)
	}
}

// forgetAnswer puts the identity folder into the state after a request for a
// certificate whose answer never came.
func (m *machine) forgetAnswer() {
	m.t.Helper()
	folder := filepath.Join(m.config.DataDir, "identity")
	text, err := os.ReadFile(filepath.Join(folder, "identity.json"))
	if err != nil {
		m.t.Fatal(err)
	}
	var id identity.Identity
	if err := json.Unmarshal(text, &id); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "pending-key.pem"), []byte(id.Key), 0o600); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, "identity.json")); err != nil {
		m.t.Fatal(err)
	}
}

func mustSay(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, word := range words {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("the error %v does not say %q", err, word)
		}
	}
}
