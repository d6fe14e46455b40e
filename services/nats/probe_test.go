package nats

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/driver/process/processtest"
)

// probeSpy is an engine that shows which host its probe was made for.
type probeSpy struct {
	*engine
	host *process.Host
}

func (s *probeSpy) Probe(host *process.Host, want driver.Instance) *driver.Probe {
	s.host = host
	return s.engine.Probe(host, want)
}

// The probe sends itself messages in an account of its own, which neither sees the
// users' nor is seen by them; its outcome says what the server does.
func TestProbe(t *testing.T) {
	spy := &probeSpy{engine: ProcessEngine().(*engine)}
	z := processtest.New(t, spy)
	want := order()
	seen := z.Bring(&want)
	p, err := z.Probe(t.Context(), want)
	if err != nil || p == nil {
		t.Fatal(p, err)
	}
	defer p.Close()
	alice := user(t, want, seen.Endpoint)
	heard, err := alice.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"message", "connect", "write", "message", "write"} {
		if err := processtest.Try(t, p, name, 20*time.Second); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := alice.Flush(); err != nil {
		t.Fatal(err)
	}
	if m, err := heard.NextMsg(100 * time.Millisecond); err == nil {
		t.Errorf("users see the probe's message %s", m.Subject)
	}
	js, err := alice.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := js.AccountInfo(); err != nil || info.Streams != 0 {
		t.Errorf("users see streams: %+v, %v", info, err)
	}
	direct := newProber(spy.host.Instance(), spy.host.ClientAddress(), "wrong", spy.host.TLS())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := direct.connect(ctx); !errors.Is(err, driver.ErrCannotTell) {
		t.Errorf("with a password that is wrong: %v", err)
	}
	pid := z.Status(want.ID).PID
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// It stops a moment later: the first try takes longer than that.
	for _, name := range []string{"connect", "message", "write"} {
		if err := processtest.Try(t, p, name, 300*time.Millisecond); err == nil {
			t.Errorf("a server that hangs passes %s", name)
		}
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"message", "connect", "write"} { // on new connections, and with the stream of before
		if err := processtest.Try(t, p, name, 20*time.Second); err != nil {
			t.Errorf("%s afterwards: %v", name, err)
		}
	}
	if err := judged(nats.ErrMaxConnectionsExceeded); err != nil {
		t.Errorf("connections that its owner has taken are an outage: %v", err)
	}
	want.AllowedNetworks = nil
	if p, err := z.Probe(t.Context(), want); p != nil || err != nil {
		t.Errorf("it is tried although nobody may connect: %v, %v", p, err)
	}
}
