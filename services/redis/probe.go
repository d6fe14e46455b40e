package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/gomodule/redigo/redis"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/driver/process"
	"souk/internal/servicepkg"
)

// probeLogin is the log-in by which it is tried whether the server serves. It may
// read and write one key, in a database of its own behind those of users.
const (
	probeLogin    = "souk_probe"
	probeKey      = "souk:probe"
	usersDatabase = 16 // so many that users are told of
	probeDatabase = usersDatabase
)

var probeRights = []string{"resetkeys", "~" + probeKey, "nocommands", "+auth", "+select", "+get", "+set"}

var _ process.Prober = (*engine)(nil)

// sli is the package's own, parsed once.
var sli = sync.OnceValue(func() *servicepkg.SLI { return Package().Definition.SLI })

// Probe implements process.Prober.
func (e *engine) Probe(host *process.Host, want driver.Instance) *driver.Probe {
	if all, _ := driver.AllOrNone(want.AllowedNetworks); !all {
		return nil
	}
	return newProber(want.ID, driver.Dialing(host.ClientAddress()), host.Secret(probeLogin), host.TLS()).probe()
}

var _ kubernetes.Prober = (*clusterEngine)(nil)

// Probe implements kubernetes.Prober.
func (e *clusterEngine) Probe(job *kubernetes.Job, way kubernetes.Way) *driver.Probe {
	if all, _ := driver.AllOrNone(job.Want.AllowedNetworks); !all {
		return nil
	}
	return newProber(job.Want.ID, way.Dial, clusterPassword(job, probeLogin), way.TLS).probe()
}

func newProber(id string, open func(context.Context) (net.Conn, error), secret string, verified *tls.Config) *prober {
	p := &prober{id: id, open: open, secret: secret, tls: verified}
	p.kept = driver.Keep(p.dial, (*client).lost, func(_ context.Context, c *client) { c.Close() })
	return p
}

func (p *prober) probe() *driver.Probe {
	return sli().Probe(map[string]func(context.Context) error{"read": p.read, "connect": p.connect, "write": p.write}, func() { p.kept.Close(context.Background()) })
}

// prober tries one server as its clients do.
type prober struct {
	id     string // of the instance
	open   func(context.Context) (net.Conn, error)
	secret string
	tls    *tls.Config
	kept   *driver.Kept[*client]
}

// client is one connection of the probe.
type client struct {
	redis.Conn
	raw net.Conn
	// apart says that the probe has a database of its own. A server that has not
	// been started anew since there is one lacks it: it is only read then.
	apart bool
}

func (p *prober) dial(ctx context.Context) (*client, error) {
	plain, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	raw := tls.Client(plain, p.tls)
	if err := raw.HandshakeContext(ctx); err != nil {
		plain.Close()
		return nil, err
	}
	c := &client{Conn: redis.NewConn(own.Conn(p.id, raw), 0, 0), raw: raw}
	if _, err := c.do(ctx, "AUTH", probeLogin, p.secret); err != nil {
		raw.Close()
		return nil, err
	}
	_, err = c.do(ctx, "SELECT", strconv.Itoa(probeDatabase))
	c.apart = err == nil
	if err != nil && !strings.Contains(err.Error(), "out of range") {
		raw.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) lost() bool { return c.Err() != nil }

// do sends a command; the connection is cut when ctx ends.
func (c *client) do(ctx context.Context, command string, args ...any) (any, error) {
	stop := context.AfterFunc(ctx, func() { c.raw.Close() })
	defer stop()
	reply, err := c.Do(command, args...)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return reply, err
}

func (c *client) look(ctx context.Context) error {
	_, err := c.do(ctx, "GET", probeKey)
	return err
}

func (p *prober) read(ctx context.Context) error {
	return judged(p.kept.Try(ctx, func(c *client) error { return c.look(ctx) }))
}

func (p *prober) write(ctx context.Context) error {
	return judged(p.kept.Try(ctx, func(c *client) error {
		if !c.apart {
			return nil
		}
		_, err := c.do(ctx, "SET", probeKey, "1")
		return err
	}))
}

// connect makes a new connection, as a client does that comes.
func (p *prober) connect(ctx context.Context) error {
	return judged(p.kept.TryNew(ctx, func(c *client) error { return c.look(ctx) }))
}

// judged tells apart what an error says of the server. One that is as full, or has as
// many clients, as its owner allows serves as it should; and where the probe itself
// is not let in nothing is known.
func judged(err error) error {
	var refusal redis.Error
	if !errors.As(err, &refusal) {
		return err
	}
	word, _, _ := strings.Cut(string(refusal), " ")
	switch {
	case word == "OOM", strings.Contains(string(refusal), "max number of clients"):
		return nil
	case word == "WRONGPASS", word == "NOAUTH", word == "NOPERM":
		return driver.ErrCannotTell
	}
	return err
}
