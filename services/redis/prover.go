package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"souk/api"
	"souk/internal/servicepkg"
)

var prover = &servicepkg.Prover{
	Connect: func(ctx context.Context, c api.Credentials) (servicepkg.Session, error) { return enter(ctx, c, true) },
	Plain: func(ctx context.Context, c api.Credentials) error {
		s, err := enter(ctx, c, false)
		if err == nil {
			s.Close()
		}
		return err
	},
	Setting: servicepkg.Setting{Parameter: "maxmemory-policy", Value: "volatile-lru", Shown: "volatile-lru", Bad: "sometimes"},
	Figure:  servicepkg.Figure{Panel: "Commands", Legend: "commands"},
	Hang:    keepBusy,
	Faults: []servicepkg.Fault{
		{Alerts: []string{"memory-full", "writes-rejected"}, After: 5 * time.Minute, Provoke: fillMemory},
		{Alerts: []string{"connections-high"}, After: 5 * time.Minute, Parameters: map[string]any{"maxclients": 30}, Provoke: takeConnections},
	},
}

// busy is a script that takes as many seconds as it is told. Where the time stands still
// within a script it ends by its steps.
const busy = `local began = redis.call('TIME')[1]
for _ = 1, ARGV[1] * 4000000 do
	if redis.call('TIME')[1] - began >= tonumber(ARGV[1]) then break end
end
return 'done'`

// keepBusy has a script run, while which the server answers nobody.
func keepBusy(ctx context.Context, c api.Credentials, lasting time.Duration) error {
	s, err := enter(ctx, c, true)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = redis.DoWithTimeout(s.conn, 10*lasting, "EVAL", busy, 0, int(lasting.Seconds()+1))
	return err
}

// takeConnections opens as many as the server has, but two: the agent needs some to see
// how many there are.
func takeConnections(ctx context.Context, c api.Credentials) (end func(), err error) {
	var all []*customer
	end = func() {
		for _, s := range all {
			s.Close()
		}
	}
	for {
		s, err := enter(ctx, c, true)
		if err != nil && len(all) > 2 {
			all[0].Close()
			all[1].Close()
			all = all[2:]
			return end, nil
		}
		if err != nil {
			end()
			return nil, err
		}
		all = append(all, s)
	}
}

// fillMemory writes until the server has no room any more, and goes on as a program does
// that heeds no refusal.
func fillMemory(ctx context.Context, c api.Credentials) (end func(), err error) {
	s, err := enter(ctx, c, true)
	if err != nil {
		return nil, err
	}
	load := strings.Repeat("x", 1<<20)
	for n := 0; err == nil; n++ {
		err = s.Put(ctx, "load-"+strconv.Itoa(n), load)
	}
	if !strings.HasPrefix(err.Error(), "OOM") {
		s.Close()
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer s.Close()
		again := time.NewTicker(time.Second)
		defer again.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-again.C:
				_ = s.Put(ctx, "again", "something") // it is refused
			}
		}
	}()
	return func() { cancel(); <-ended }, nil
}

// customer is a session of a customer's program.
type customer struct{ conn redis.Conn }

// customersWait is how long a customer's program waits for an answer.
const customersWait = 10 * time.Second

func enter(ctx context.Context, c api.Credentials, secure bool) (*customer, error) {
	options := []redis.DialOption{redis.DialUsername(c.Login), redis.DialPassword(c.Password), redis.DialConnectTimeout(customersWait), redis.DialReadTimeout(customersWait), redis.DialWriteTimeout(customersWait)}
	if secure {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(c.Endpoint.CA)) {
			return nil, errors.New("the CA of the credentials is no certificate")
		}
		options = append(options, redis.DialUseTLS(true), redis.DialTLSConfig(&tls.Config{RootCAs: roots, ServerName: c.Endpoint.Host, MinVersion: tls.VersionTLS12}))
	}
	conn, err := redis.DialContext(ctx, "tcp", net.JoinHostPort(c.Endpoint.Host, strconv.Itoa(c.Endpoint.Port)), options...)
	if err != nil {
		return nil, err
	}
	if _, err := redis.DoContext(conn, ctx, "PING"); err != nil {
		conn.Close()
		return nil, err
	}
	return &customer{conn}, nil
}

func (c *customer) Put(ctx context.Context, key, value string) error {
	_, err := redis.DoContext(c.conn, ctx, "SET", "conformance:"+key, value)
	return err
}

func (c *customer) Get(ctx context.Context, key string) (string, error) {
	value, err := redis.String(redis.DoContext(c.conn, ctx, "GET", "conformance:"+key))
	if errors.Is(err, redis.ErrNil) {
		return "", nil
	}
	return value, err
}

func (c *customer) Setting(ctx context.Context) (string, error) {
	text, err := redis.String(redis.DoContext(c.conn, ctx, "INFO", "memory"))
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "maxmemory_policy:"); ok {
			return strings.TrimSpace(value), nil
		}
	}
	return "", errors.Join(err, errors.New("the server does not tell its maxmemory-policy"))
}

// Log has the data's file written anew, of which the server writes down that it began.
func (c *customer) Log(ctx context.Context) (string, error) {
	if _, err := redis.DoContext(c.conn, ctx, "BGREWRITEAOF"); err != nil && !strings.Contains(err.Error(), "already in progress") {
		return "", fmt.Errorf("BGREWRITEAOF: %w", err)
	}
	return "Background append only file rewriting started", nil
}

func (c *customer) Close() { _ = c.conn.Close() }
