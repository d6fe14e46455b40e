package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/google/uuid"

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
func dial(ctx context.Context, at *driver.Endpoint, login, password string) (redis.Conn, error) {
	return dialAt(ctx, at, login, password, time.Now)
}

// dialAt is dial by a client whose clock shows another time.
func dialAt(ctx context.Context, at *driver.Endpoint, login, password string, now func() time.Time) (redis.Conn, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(at.CAPEM))
	conn, err := redis.DialContext(ctx, "tcp", net.JoinHostPort(at.Host, strconv.Itoa(at.Port)), redis.DialUseTLS(true),
		redis.DialTLSConfig(&tls.Config{RootCAs: roots, ServerName: at.Host, Time: now}), redis.DialUsername(login), redis.DialPassword(password),
		redis.DialConnectTimeout(10*time.Second), redis.DialReadTimeout(10*time.Second))
	if err != nil {
		return nil, err
	}
	if _, err := conn.Do("PING"); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// user is dial for a log-in that must work.
func user(t *testing.T, want driver.Instance, at *driver.Endpoint) redis.Conn {
	t.Helper()
	conn, err := dial(t.Context(), at, want.Credentials[0].Login, want.Credentials[0].Password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// do is a command that must work.
func do(t *testing.T, conn redis.Conn, command string, args ...any) any {
	t.Helper()
	reply, err := conn.Do(command, args...)
	if err != nil {
		t.Fatalf("%s %v: %v", command, args, err)
	}
	return reply
}
