package nats

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/servicepkg"
)

// The probe's log-in is in an account of its own, from which nothing of the users'
// can be seen.
const (
	probeAccount = "PROBE"
	probeLogin   = "souk_probe"
	probeStream  = "souk-probe"
	probeSubject = "souk.probe.kept" // what the stream keeps
)

var _ process.Prober = (*engine)(nil)

// sli is the package's own, parsed once.
var sli = sync.OnceValue(func() *servicepkg.SLI { return Package().Definition.SLI })

// Probe implements process.Prober.
func (e *engine) Probe(host *process.Host, want driver.Instance) *driver.Probe {
	if all, _ := driver.AllOrNone(want.AllowedNetworks); !all {
		return nil
	}
	return newProber(want.ID, host.ClientAddress(), host.Secret(probeLogin), host.TLS()).probe()
}

func newProber(id, address, secret string, verified *tls.Config) *prober {
	p := &prober{id: id, address: address, secret: secret, tls: verified}
	p.kept = driver.Keep(p.dial, (*client).lost, func(_ context.Context, c *client) { c.Close() })
	return p
}

func (p *prober) probe() *driver.Probe {
	return sli().Probe(map[string]func(context.Context) error{"message": p.message, "connect": p.connect, "write": p.write}, func() { p.kept.Close(context.Background()) })
}

// prober tries one server as its clients do.
type prober struct {
	id              string // of the instance
	address, secret string
	tls             *tls.Config
	kept            *driver.Kept[*client]
}

// client is one connection of the probe.
type client struct {
	*nats.Conn
	inbox string
	heard *nats.Subscription // of the inbox
	id    string             // of the instance
	told  uint64             // of what it received, in the tally
}

// tally adds what was received since the last time to what is Souk's own.
func (c *client) tally() {
	received := c.Stats().InBytes
	own.Of(c.id).Add(int64(received - c.told))
	c.told = received
}

// within has the dialler end with a context.
type within struct{ ctx context.Context }

// Dial implements nats.CustomDialer.
func (w within) Dial(network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(w.ctx, network, address)
}

func (p *prober) dial(ctx context.Context) (*client, error) {
	wait := 10 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		wait = max(time.Until(deadline), time.Millisecond)
	}
	nc, err := nats.Connect("tls://"+p.address, nats.Secure(p.tls), nats.UserInfo(probeLogin, p.secret), nats.SetCustomDialer(within{ctx}),
		nats.NoReconnect(), nats.Timeout(wait), nats.Name("souk probe"))
	if err != nil {
		return nil, err
	}
	c := &client{Conn: nc, inbox: nats.NewInbox(), id: p.id}
	if c.heard, err = nc.SubscribeSync(c.inbox); err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) lost() bool { return c.IsClosed() }

// hear sends a message and waits for it to come back.
func (c *client) hear(ctx context.Context) error {
	defer c.tally()
	if err := c.Publish(c.inbox, nil); err != nil {
		return err
	}
	_, err := c.heard.NextMsgWithContext(ctx)
	return err
}

func (p *prober) message(ctx context.Context) error {
	return judged(p.kept.Try(ctx, func(c *client) error { return c.hear(ctx) }))
}

// write has a stream on disk take a message, of which it keeps the last.
func (p *prober) write(ctx context.Context) error {
	return judged(p.kept.Try(ctx, func(c *client) error {
		defer c.tally()
		js, err := c.JetStream()
		if err != nil {
			return err
		}
		_, err = js.Publish(probeSubject, nil, nats.Context(ctx))
		if !errors.Is(err, nats.ErrNoStreamResponse) && !errors.Is(err, nats.ErrNoResponders) {
			return err
		}
		// An account that has as many streams as it may is not asked to make one that is there.
		_, err = js.AddStream(&nats.StreamConfig{Name: probeStream, Subjects: []string{probeSubject}, MaxMsgs: 1, MaxBytes: 4 << 10, Storage: nats.FileStorage}, nats.Context(ctx))
		if err != nil {
			return err
		}
		_, err = js.Publish(probeSubject, nil, nats.Context(ctx))
		return err
	}))
}

// connect makes a new connection, as a client does that comes.
func (p *prober) connect(ctx context.Context) error {
	return judged(p.kept.TryNew(ctx, func(c *client) error { return c.hear(ctx) }))
}

// judged tells apart what an error says of the server. One that is as full, or has as
// many clients, as its owner allows serves as it should; and where the probe itself is
// not let in nothing is known.
func judged(err error) error {
	var refusal *nats.APIError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAccountAuthExpired), errors.Is(err, nats.ErrJetStreamNotEnabledForAccount):
		return driver.ErrCannotTell
	case errors.Is(err, nats.ErrMaxConnectionsExceeded), strings.Contains(err.Error(), "maximum connections exceeded"):
		return nil
	case errors.As(err, &refusal) && (refusal.ErrorCode == storageFull || refusal.ErrorCode == noResources):
		return nil
	}
	return err
}

// What a server says whose storage is used up.
const (
	noResources nats.ErrorCode = 10023
	storageFull nats.ErrorCode = 10047
)
