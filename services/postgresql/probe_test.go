package postgresql

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"souk/internal/agent/probe"
	"souk/internal/agent/store"
	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/driver/process/processtest"
)

// probed is how the instance is tried.
func (z *zone) probed(want driver.Instance) *driver.Probe {
	z.T.Helper()
	p, err := z.Probe(z.T.Context(), want)
	if err != nil || p == nil {
		z.T.Fatal(p, err)
	}
	z.T.Cleanup(p.Close)
	return p
}

// spying is an engine that shows which host its probe was made for.
type spying struct {
	*engine
	host *process.Host
}

func (s *spying) Probe(host *process.Host, want driver.Instance) *driver.Probe {
	s.host = host
	return s.engine.Probe(host, want)
}

// tried carries out each check once, and returns what comes of them by name.
func tried(t *testing.T, p *driver.Probe, within time.Duration) map[string]error {
	t.Helper()
	out := map[string]error{}
	for _, c := range p.Checks {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		out[c.Name] = c.Try(ctx)
		cancel()
	}
	return out
}

// The probe comes by the address that clients are told, with a log-in that reads and
// writes one row outside of the users' database, and nothing else.
func TestProbeHasItsOwnLogInAndLeastRights(t *testing.T) {
	spy := &spying{engine: ProcessEngine().(*engine)}
	z := &zone{processtest.New(t, spy)}
	want := order()
	want.AllowedNetworks = nil // the probe is let in although nobody else is
	z.Bring(&want)
	p := z.probed(want)
	for name, err := range tried(t, p, 10*time.Second) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	leastRights(t, newProber(driver.Dialing(spy.host.ClientAddress()), spy.host.Secret(probeRole), spy.host.TLS()))
}

// leastRights tries what the probe's log-in may not do.
func leastRights(t *testing.T, direct *prober) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	conn, err := direct.dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, statement := range []string{
		"CREATE TABLE t (n int)", "CREATE SCHEMA mine", "INSERT INTO souk_probe.beat (one, at) VALUES (false, now())", "DELETE FROM souk_probe.beat",
		"SELECT pg_read_file('/etc/passwd')", "SELECT rolpassword FROM pg_authid", "SET ROLE " + owner, "CREATE ROLE other", "CREATE DATABASE other",
	} {
		if _, err := conn.Exec(ctx, statement).ReadAll(); refusedBy(err) == "" {
			t.Errorf("%s: %v", statement, err)
		}
	}
	direct.secret = "wrong"
	if err := direct.connect(ctx); !errors.Is(err, driver.ErrCannotTell) {
		t.Errorf("with a password that is wrong: %v", err)
	}
}

// refusedBy is the code by which a statement was refused; "" if it was not.
func refusedBy(err error) string {
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return ""
}

// What the owner's own settings refuse is no outage.
func TestProbeOfAServerThatIsFullOfClients(t *testing.T) {
	if err := judged(&pgconn.PgError{Code: "53300", Message: "sorry, too many clients already"}); err != nil {
		t.Error(err)
	}
	if err := judged(&pgconn.PgError{Code: "57P03"}); err == nil {
		t.Error("a server that is starting up counts as up")
	}
}

// signalAll sends a signal to all processes of the instance's server.
func (z *zone) signalAll(want driver.Instance, signal syscall.Signal) {
	z.T.Helper()
	pid := z.Status(want.ID).PID
	pids := []int{pid}
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "task", strconv.Itoa(pid), "children"))
	if err != nil {
		z.T.Fatal(err)
	}
	for _, child := range strings.Fields(string(raw)) {
		n, err := strconv.Atoi(child)
		if err != nil {
			z.T.Fatal(err)
		}
		pids = append(pids, n)
	}
	for _, each := range pids {
		if err := syscall.Kill(each, signal); err != nil && signal == syscall.SIGSTOP && each == pid {
			z.T.Fatal(err)
		}
	}
}

// An outage of a real server is measured, with an error of a probe's interval and
// timeout at each edge at most: one that hangs, and one that is killed.
func TestInjectedOutagesOfARealServer(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.Bring(&want)
	began := time.Now()
	records, stop := measured(t, z, want, seen)
	awaitState(t, records, agentapi.SLIUp, began)
	const hangs = 8 * time.Second // longer than a read may take
	hung := time.Now()
	z.signalAll(want, syscall.SIGSTOP)
	<-time.After(hangs) // the outage itself
	z.signalAll(want, syscall.SIGCONT)
	over := time.Now()
	awaitState(t, records, agentapi.SLIUp, over)
	stop()
	toldAsDown(t, records, hung, over)
}

// toldAsDown holds the one outage that was told against the one that there was.
func toldAsDown(t *testing.T, records *store.Store, from, to time.Time) {
	t.Helper()
	down := downIn(t, records)
	const edge = time.Second + 5*time.Second // interval and timeout of the read
	if len(down) != 1 || down[0].From.Sub(from).Abs() > edge || down[0].To.Sub(to).Abs() > edge {
		t.Fatalf("it was down from %s to %s, and found down %v", from.UTC(), to.UTC(), down)
	}
	t.Logf("an outage of %s: error %s at its beginning, %s at its end", to.Sub(from), down[0].From.Sub(from), down[0].To.Sub(to))
}

// measured has an agent's prober try a running instance until stop is called, which
// returns once everything is reported.
func measured(t *testing.T, d driver.Prober, want driver.Instance, seen driver.Observation) (records *store.Store, stop func()) {
	t.Helper()
	records, err := store.Open(store.Options{Dir: t.TempDir(), BootID: "boot", Now: time.Now, Logger: slog.New(slog.DiscardHandler), KeyMaxAge: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { records.Close() })
	if err := records.Begin(uuid.NewString(), 1); err != nil {
		t.Fatal(err)
	}
	listing := store.Listing(false)
	if _, err := records.Apply([]agentapi.DesiredEvent{{Instance: &agentapi.Desired{Instance: want, Intent: agentapi.IntentActive}}}, &listing); err != nil {
		t.Fatal(err)
	}
	if err := records.Wait(records.Report(want.ID, seen, time.Time{})); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- probe.New(probe.Options{Driver: d, Store: records, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}).Run(ctx)
	}()
	return records, func() {
		end()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
}

// downIn are the outages in the outbox.
func downIn(t *testing.T, records *store.Store) (down []agentapi.SLISpan) {
	t.Helper()
	for _, s := range spansIn(t, records) {
		if n := len(down); s.State == agentapi.SLIDown && n > 0 && down[n-1].To.Equal(s.From) {
			down[n-1].To = s.To
		} else if s.State == agentapi.SLIDown {
			down = append(down, s)
		}
	}
	return down
}

// spansIn are those in the outbox, in order; they must not overlap.
func spansIn(t *testing.T, records *store.Store) (spans []agentapi.SLISpan) {
	t.Helper()
	facts, err := records.Facts(agentapi.MaxFacts)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		if f.SLI == nil {
			continue
		}
		if n := len(spans); n > 0 && f.SLI.From.Before(spans[n-1].To) {
			t.Fatalf("%v overlaps %v", *f.SLI, spans[n-1])
		}
		spans = append(spans, *f.SLI)
	}
	return spans
}

// awaitState waits until a state that began or went on after a moment is reported.
func awaitState(t *testing.T, records *store.Store, state agentapi.SLIState, since time.Time) {
	t.Helper()
	for deadline := time.After(time.Minute); ; {
		for _, s := range spansIn(t, records) {
			if s.State == state && s.To.After(since) {
				return
			}
		}
		select {
		case <-deadline:
			t.Fatalf("never %s; reported %v", state, spansIn(t, records))
		case <-records.Outbox():
		case <-time.After(100 * time.Millisecond):
		}
	}
}
