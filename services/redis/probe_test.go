package redis

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

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

// The probe reads and writes one key in a database of its own, and nothing else; its
// outcome says what the server does.
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
	for _, name := range []string{"read", "connect", "write"} {
		if err := processtest.Try(t, p, name, 10*time.Second); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	users := user(t, want, seen.Endpoint)
	if n, err := redis.Int(users.Do("DBSIZE")); err != nil || n != 0 {
		t.Errorf("users see %d keys, %v", n, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	direct := newProber(spy.host.Instance(), driver.Dialing(spy.host.ClientAddress()), spy.host.Secret(probeLogin), spy.host.TLS())
	c, err := direct.dial(ctx)
	if err != nil || !c.apart {
		t.Fatal(err)
	}
	defer c.Close()
	for _, command := range [][]any{{"GET", "other"}, {"SET", "other", "1"}, {"DEL", probeKey}, {"KEYS", "*"}, {"CONFIG", "GET", "*"}, {"FLUSHALL"}, {"ACL", "LIST"}} {
		if _, err := c.Do(command[0].(string), command[1:]...); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
			t.Errorf("%v: %v", command, err)
		}
	}
	direct.secret = "wrong"
	if err := direct.connect(ctx); !errors.Is(err, driver.ErrCannotTell) {
		t.Errorf("with a password that is wrong: %v", err)
	}
	pid := z.Status(want.ID).PID
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"read", "connect"} {
		if err := processtest.Try(t, p, name, 300*time.Millisecond); err == nil {
			t.Errorf("a server that hangs passes %s", name)
		}
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := processtest.Try(t, p, "read", 10*time.Second); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if err := judged(redis.Error("OOM command not allowed when used memory > 'maxmemory'.")); err != nil {
		t.Errorf("memory that its owner has filled is an outage: %v", err)
	}
	want.AllowedNetworks = nil
	if p, err := z.Probe(t.Context(), want); p != nil || err != nil {
		t.Errorf("it is tried although nobody may connect: %v, %v", p, err)
	}
}
