package nats

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"souk/api"
	"souk/internal/servicepkg"
)

var prover = &servicepkg.Prover{
	Connect: func(_ context.Context, c api.Credentials) (servicepkg.Session, error) {
		nc, err := enter(c, c.Login)
		if err != nil {
			return nil, err
		}
		return &customer{nc: nc, credentials: c}, nil
	},
	Plain: func(_ context.Context, c api.Credentials) error {
		nc, err := nats.Connect("nats://"+at(c), nats.UserInfo(c.Login, c.Password), nats.NoReconnect(), nats.Timeout(customersWait))
		if err == nil {
			nc.Close()
		}
		return err
	},
	Setting: servicepkg.Setting{Parameter: "max_payload", Value: 524288, Shown: "524288", Bad: 1},
	Figure:  servicepkg.Figure{Panel: "Messages", Legend: "received"},
	Faults: []servicepkg.Fault{
		{Alerts: []string{"connections-high"}, After: 2 * time.Minute, Parameters: map[string]any{"max_connections": 20}, Provoke: takeConnections},
		{Alerts: []string{"streams-filling", "storage-filling"}, After: 5 * time.Minute, Provoke: fillStreams},
		{Alerts: []string{"slow-consumers"}, After: 10 * time.Minute, Passes: true, Provoke: takeNothing},
	},
}

// takeNothing has a subscriber that takes none of its messages, until the server cuts it
// off; and again, until it is ended: how often that happened is looked at now and then.
func takeNothing(ctx context.Context, c api.Credentials) (end func(), err error) {
	if err := cutOff(ctx, c); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		again := time.NewTicker(20 * time.Second)
		defer again.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-again.C:
				_ = cutOff(ctx, c) // the next time comes
			}
		}
	}()
	return func() { cancel(); <-ended }, nil
}

// mostFilled is how much a run writes at most to fill storage.
const mostFilled = 6 << 30

// fillStreams writes to a stream until it takes no more.
func fillStreams(ctx context.Context, c api.Credentials) (end func(), err error) {
	nc, err := enter(c, c.Login)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	js, err := nc.JetStream(nats.MaxWait(customersWait), nats.PublishAsyncMaxPending(16))
	if err != nil {
		return nil, err
	}
	account, err := js.AccountInfo()
	if err != nil {
		return nil, err
	}
	if room := account.Limits.MaxStore; room < 0 || room > mostFilled {
		return nil, fmt.Errorf("%w: its streams take %d bytes, more than a run writes", servicepkg.ErrNotProvoked, room)
	}
	if _, err := js.AddStream(&nats.StreamConfig{Name: "souk-conformance-load", Subjects: []string{"souk.conformance.load"}, Storage: nats.FileStorage}); err != nil {
		return nil, err
	}
	load := make([]byte, 512<<10)
	for sent := int64(0); sent < account.Limits.MaxStore; sent += int64(len(load)) {
		one, err := js.PublishAsync("souk.conformance.load", load)
		if err == nil && sent%(64<<20) == 0 { // it looks now and then
			select {
			case <-one.Ok():
			case err = <-one.Err():
			case <-ctx.Done():
				err = context.Cause(ctx)
			}
		}
		var full *nats.APIError
		if errors.As(err, &full) && (full.ErrorCode == storageFull || full.ErrorCode == noResources) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return func() {}, nil
}

// cutOff is one such subscriber.
func cutOff(ctx context.Context, c api.Credentials) error {
	lazy := &lazyConn{asleep: make(chan struct{})}
	lost := make(chan struct{})
	subscriber, err := enter(c, c.Login, nats.SetCustomDialer(lazy), nats.DisconnectErrHandler(func(*nats.Conn, error) { close(lost) }))
	if err != nil {
		return err
	}
	defer subscriber.Close()
	publisher, err := enter(c, c.Login)
	if err != nil {
		return err
	}
	defer publisher.Close()
	subject := nats.NewInbox()
	if _, err := subscriber.Subscribe(subject, func(*nats.Msg) {}); err != nil {
		return err
	}
	if err := subscriber.Flush(); err != nil {
		return err
	}
	defer lazy.wake()
	lazy.sleep()
	load := make([]byte, 256<<10)
	for sent := 0; sent < mostUntaken; sent += len(load) {
		if err := publisher.Publish(subject, load); err != nil {
			return err
		}
	}
	if err := publisher.FlushTimeout(customersWait); err != nil {
		return err
	}
	lazy.wake()
	select {
	case <-lost:
		return nil
	case <-time.After(customersWait):
		return errors.New("a subscriber that takes nothing is not cut off")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// mostUntaken is more than a server keeps of messages for one client.
const mostUntaken = 128 << 20

// lazyConn is a connection of which nothing is read while it sleeps.
type lazyConn struct {
	net.Conn
	mu     sync.Mutex
	asleep chan struct{} // closed: it is awake
}

// Dial implements nats.CustomDialer.
func (l *lazyConn) Dial(network, address string) (net.Conn, error) {
	var err error
	l.wake()
	l.Conn, err = (&net.Dialer{Timeout: customersWait}).Dial(network, address)
	return l, err
}

func (l *lazyConn) sleep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asleep = make(chan struct{})
}

func (l *lazyConn) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.asleep:
	default:
		close(l.asleep)
	}
}

// Read implements net.Conn.
func (l *lazyConn) Read(b []byte) (int, error) {
	l.mu.Lock()
	awake := l.asleep
	l.mu.Unlock()
	<-awake
	return l.Conn.Read(b)
}

// takeConnections opens as many as the server has, but two: the agent needs one to see
// how many there are, and its probe one to try whether clients are let in. Where all are
// taken it is told that the server does not answer.
func takeConnections(_ context.Context, c api.Credentials) (end func(), err error) {
	var all []*nats.Conn
	end = func() {
		for _, nc := range all {
			nc.Close()
		}
	}
	for {
		nc, err := enter(c, c.Login)
		if err != nil && len(all) > 2 {
			all[0].Close()
			all[1].Close()
			all = all[2:]
			return end, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, nc)
	}
}

// customer is a session of a customer's program.
type customer struct {
	nc          *nats.Conn
	kept        nats.KeyValue
	credentials api.Credentials
}

// customersWait is how long a customer's program waits for an answer.
const customersWait = 10 * time.Second

func at(c api.Credentials) string {
	return net.JoinHostPort(c.Endpoint.Host, strconv.Itoa(c.Endpoint.Port))
}

func enter(c api.Credentials, login string, more ...nats.Option) (*nats.Conn, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(c.Endpoint.CA)) {
		return nil, errors.New("the CA of the credentials is no certificate")
	}
	return nats.Connect("tls://"+at(c), append(more, nats.UserInfo(login, c.Password), nats.NoReconnect(), nats.Timeout(customersWait),
		nats.Secure(&tls.Config{RootCAs: roots, ServerName: c.Endpoint.Host, MinVersion: tls.VersionTLS12}))...)
}

// bucket is where values are kept; it is made when it is missing.
func (c *customer) bucket() (nats.KeyValue, error) {
	if c.kept != nil {
		return c.kept, nil
	}
	js, err := c.nc.JetStream(nats.MaxWait(customersWait))
	if err != nil {
		return nil, err
	}
	c.kept, err = js.KeyValue("souk-conformance")
	if errors.Is(err, nats.ErrBucketNotFound) {
		c.kept, err = js.CreateKeyValue(&nats.KeyValueConfig{Bucket: "souk-conformance"})
	}
	return c.kept, err
}

func (c *customer) Put(_ context.Context, key, value string) error {
	kept, err := c.bucket()
	if err == nil {
		_, err = kept.PutString(key, value)
	}
	return err
}

func (c *customer) Get(_ context.Context, key string) (string, error) {
	kept, err := c.bucket()
	if err != nil {
		return "", err
	}
	entry, err := kept.Get(key)
	if errors.Is(err, nats.ErrKeyNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return string(entry.Value()), nil
}

func (c *customer) Setting(context.Context) (string, error) {
	return strconv.FormatInt(c.nc.MaxPayload(), 10), nil
}

// Log tries to get in by a log-in that there is not, which the server writes down.
func (c *customer) Log(context.Context) (string, error) {
	nc, err := enter(c.credentials, "nobody-of-this-name")
	if err == nil {
		nc.Close()
		return "", errors.New("a log-in that does not exist got in")
	}
	return "authentication error", nil
}

func (c *customer) Close() { c.nc.Close() }
