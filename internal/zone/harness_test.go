package zone_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/agent"
	"souk/internal/agentapi/conformance"
	"souk/internal/change"
	"souk/internal/driver"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
	"souk/internal/store/storetest"
	"souk/internal/zone"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// plane is a control plane's agents' side, over TLS, on a real record. It can be
// stopped and started again on the same address.
type plane struct {
	*instancetest.World
	t       *testing.T
	zones   *zone.Zones
	address string
	config  zone.Config
	log     *logBuffer
	stop    func()
	orders  int
}

func newPlane(t *testing.T, change ...func(*zone.Config)) *plane {
	t.Helper()
	p := &plane{World: instancetest.Empty(t), t: t, address: "127.0.0.1:0", log: new(logBuffer)}
	p.config = zone.Config{
		Names: []string{"127.0.0.1"}, RealNow: p.Machine.Now, CertificateValidity: conformance.CertificateLife, Heartbeat: conformance.Heartbeat,
	}
	for _, f := range change {
		f(&p.config)
	}
	p.start()
	t.Cleanup(func() {
		p.away()
		if t.Failed() {
			t.Logf("the log:\n%s", p.log)
		}
	})
	return p
}

// start starts a replica.
func (p *plane) start() {
	p.t.Helper()
	logger := slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctx, cancel := context.WithCancel(context.Background())
	c := p.config
	c.Store, c.Clock, c.Instances, c.Secrets, c.Logger = p.Store, p.Clock, p.Service, p.Secrets, logger
	c.Feed = change.New(p.Store.SystemPool(), logger)
	var err error
	if p.zones, err = zone.New(ctx, c); err != nil {
		p.t.Fatal(err)
	}
	l, err := net.Listen("tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.address = l.Addr().String()
	var parts sync.WaitGroup
	parts.Go(func() { c.Feed.Run(ctx) })
	parts.Go(func() {
		if err := p.zones.Serve(ctx, l); err != nil {
			p.t.Errorf("serving agents ended with %v", err)
		}
	})
	p.stop = sync.OnceFunc(func() {
		cancel()
		parts.Wait()
	})
}

// away stops the replica.
func (p *plane) away() { p.stop() }

func (p *plane) token() string {
	p.t.Helper()
	var token zone.Token
	p.System(p.t, func(tx store.Tx) (err error) {
		token, err = p.zones.IssueToken(context.Background(), tx, "local", "user:olga")
		return err
	})
	return token.Secret
}

// conformance describes the plane to the suite of the agent API.
func (p *plane) conformance() conformance.ControlPlane {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(p.zones.CA()))
	return conformance.ControlPlane{
		URL: "https://" + p.address, Roots: roots, Now: p.Machine.Now, Token: p.token,
		Advance: func(d time.Duration) { p.Machine.Advance(d) },
		Order: func() string {
			p.Superuser(p.t, false, "UPDATE zone_agents SET info = $1", instancetest.Engines())
			return p.told(p.order).String()
		},
		Change: func(id string) {
			p.Act(p.t, p.View(p.t, uuid.MustParse(id)).Name, p.grow(id))
		},
		Compact: func() {
			if _, err := change.Compact(context.Background(), p.Store, p.Clock.Now().AddDate(1, 0, 0)); err != nil {
				p.t.Fatal(err)
			}
		},
	}
}

// told makes a change and returns once the feed has told of it, so that a stream
// that begins afterwards does not tell of it again.
func (p *plane) told(act func() uuid.UUID) uuid.UUID {
	p.t.Helper()
	feed := p.zones.Feed
	sub, _, err := feed.Subscribe(p.t.Context(), func(change.Change) bool { return true })
	if err != nil {
		p.t.Fatal(err)
	}
	defer feed.Close(sub)
	id := act()
	for {
		select {
		case c := <-sub.C:
			if c.Object == id {
				return id
			}
		case <-time.After(time.Minute):
			p.t.Fatalf("the feed does not tell of %s", id)
		}
	}
}

// order orders one more instance.
func (p *plane) order() uuid.UUID {
	p.t.Helper()
	p.orders++
	return p.Order(p.t, fmt.Sprintf("db%d", p.orders)).ID
}

// machine is a machine in a zone with an agent on it.
type machine struct {
	t      *testing.T
	plane  *plane
	driver driver.Driver
	config agent.Config
	log    *logBuffer
	// version of the agent; "" is one between releases.
	version string
	stop    context.CancelFunc
	done    chan error
}

func (p *plane) machine(d driver.Driver) *machine {
	p.t.Helper()
	dir := p.t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			p.t.Fatal(err)
		}
		return path
	}
	ms := func(n int) agent.Duration { return agent.Duration(time.Duration(n) * time.Millisecond) }
	m := &machine{t: p.t, plane: p, driver: d, log: new(logBuffer), config: agent.Config{
		Server: "https://" + p.address, DataDir: filepath.Join(dir, "data"), ServerCAFile: write("ca.pem", p.zones.CA()), EnrolTokenFile: write("token", p.token()),
		Timeouts: agent.Timeouts{ReconnectMin: ms(5), ReconnectMax: ms(50), RetryMin: ms(5), RetryMax: ms(50), Progress: ms(5), Check: ms(20), Shutdown: ms(500), Silence: ms(5000)},
	}}
	p.t.Cleanup(func() {
		m.Stop()
		if p.t.Failed() {
			p.t.Logf("the agent's log:\n%s", m.log)
		}
	})
	return m
}

// Start starts the agent.
func (m *machine) Start() *machine {
	ctx, cancel := context.WithCancel(context.Background())
	m.stop, m.done = cancel, make(chan error, 1)
	go func(done chan<- error) {
		done <- agent.Run(ctx, m.config, m.driver, agent.Deps{Logger: slog.New(slog.NewTextHandler(m.log, nil)), Clock: m.plane.Machine.Now, Version: cmp.Or(m.version, "test")})
	}(m.done)
	return m
}

// Stop stops it in good order.
func (m *machine) Stop() {
	if m.stop == nil {
		return
	}
	m.stop()
	if err := m.Ended(); err != nil {
		m.t.Errorf("the agent ended with %v", err)
	}
}

// Ended waits for the agent's end and returns its error.
func (m *machine) Ended() error {
	m.t.Helper()
	select {
	case err := <-m.done:
		m.stop()
		m.stop = nil
		return err
	case <-time.After(patience):
		m.t.Fatal("the agent does not end")
		return nil
	}
}

const patience = 20 * time.Second

// awaitLog waits until the agent has logged a text so many times.
func (m *machine) awaitLog(text string, n int) {
	m.t.Helper()
	m.plane.eventually("the agent has logged "+text, func() bool { return strings.Count(m.log.String(), text) >= n })
}

// eventually waits for what the record shows at some time.
func (p *plane) eventually(what string, condition func() bool) {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if condition() {
			return
		}
	}
	p.t.Fatalf("waited in vain until %s", what)
}

func (p *plane) awaitPhase(id uuid.UUID, phase string) {
	p.t.Helper()
	p.eventually(fmt.Sprintf("%s is %s; it is %s", id, phase, p.View(p.t, id).Phase), func() bool {
		v := p.View(p.t, id)
		return v.Phase == phase && v.ObservedGeneration == v.Generation
	})
}

// awaitHello waits until the zone can be ordered in.
func (p *plane) awaitHello() {
	p.t.Helper()
	p.eventually("an agent has said hello", func() bool { return p.Count(p.t, "zone_agents WHERE info->>'driver' = 'fake'") == 1 })
}

// states are those that were reported of an instance, transitions only.
func (p *plane) states(id uuid.UUID) (out []string) {
	p.Query(p.t, "SELECT state FROM facts WHERE instance_id = $1 AND transition ORDER BY ordinal", func(rows pgx.Rows) error {
		var s string
		err := rows.Scan(&s)
		out = append(out, s)
		return err
	}, id)
	return out
}

// grow makes an instance's storage 1 GiB larger.
func (p *plane) grow(id string) instancetest.Action {
	return p.Update(func(s *spec) { s.StorageGiB = p.View(p.t, uuid.MustParse(id)).StorageGib + 1 })
}

type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
