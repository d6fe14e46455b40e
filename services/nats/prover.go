package nats

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strconv"
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
	Faults:  []servicepkg.Fault{{Alert: "connections-high", After: 2 * time.Minute, Parameters: map[string]any{"max_connections": 20}, Provoke: takeConnections}},
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

func enter(c api.Credentials, login string) (*nats.Conn, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(c.Endpoint.CA)) {
		return nil, errors.New("the CA of the credentials is no certificate")
	}
	return nats.Connect("tls://"+at(c), nats.UserInfo(login, c.Password), nats.NoReconnect(), nats.Timeout(customersWait),
		nats.Secure(&tls.Config{RootCAs: roots, ServerName: c.Endpoint.Host, MinVersion: tls.VersionTLS12}))
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
