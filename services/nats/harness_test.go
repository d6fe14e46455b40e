package nats

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"souk/internal/driver"
)

// order is what is wanted of a new instance.
func order() driver.Instance {
	return driver.Instance{
		ID: uuid.NewString(), Service: service, Generation: 1,
		Plan:       driver.Plan{Name: "small", Revision: 1, CPUMillis: 1000, MemoryMiB: 512},
		StorageGiB: 5, AllowedNetworks: []string{"0.0.0.0/0", "::/0"},
		Credentials: []driver.Credential{{ID: uuid.NewString(), Login: "alice", Password: "correct-horse-battery"}},
	}
}

// dial connects as a user does: verified TLS, by what the observation says.
func dial(at *driver.Endpoint, login, password string, now func() time.Time) (*nats.Conn, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(at.CAPEM))
	return nats.Connect("tls://"+net.JoinHostPort(at.Host, strconv.Itoa(at.Port)), nats.UserInfo(login, password), nats.NoReconnect(),
		nats.Secure(&tls.Config{RootCAs: roots, ServerName: at.Host, Time: now}), nats.Timeout(10*time.Second))
}

// user is dial for a log-in that must work.
func user(t *testing.T, want driver.Instance, at *driver.Endpoint) *nats.Conn {
	t.Helper()
	nc, err := dial(at, want.Credentials[0].Login, want.Credentials[0].Password, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}
