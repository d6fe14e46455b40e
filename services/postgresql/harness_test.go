package postgresql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/driver/process/processtest"
)

// zone is a zone on this machine, and its users.
type zone struct{ *processtest.Zone }

func newZone(t *testing.T, change ...func(*process.Config)) *zone {
	t.Helper()
	return &zone{processtest.New(t, ProcessEngine(), change...)}
}

// order is what is wanted of a new instance.
func order() driver.Instance {
	return driver.Instance{
		ID: uuid.NewString(), Service: "postgresql", Generation: 1,
		Plan:       driver.Plan{Name: "small", Revision: 1, CPUMillis: 1000, MemoryMiB: 512},
		StorageGiB: 10, AllowedNetworks: []string{"127.0.0.0/8"},
		Credentials: []driver.Credential{{ID: uuid.NewString(), Login: "alice", Password: "correct-horse-battery"}},
	}
}

// dial connects as a user does: verified TLS, by what the observation says.
func dial(ctx context.Context, at *driver.Endpoint, login, password string) (*pgx.Conn, error) {
	return dialAt(ctx, at, login, password, time.Now)
}

// dialAt is dial by a client whose clock shows another time.
func dialAt(ctx context.Context, at *driver.Endpoint, login, password string, now func() time.Time) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=%s user=%s connect_timeout=10 sslmode=verify-full", at.Host, at.Port, at.Database, login))
	if err != nil {
		return nil, err
	}
	config.Password = password
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(at.CAPEM))
	config.TLSConfig = &tls.Config{RootCAs: roots, ServerName: at.Host, Time: now}
	return pgx.ConnectConfig(ctx, config)
}

// user is dial for a log-in that must work.
func (z *zone) user(want driver.Instance, at *driver.Endpoint) *pgx.Conn {
	z.T.Helper()
	conn, err := dial(z.T.Context(), at, want.Credentials[0].Login, want.Credentials[0].Password)
	if err != nil {
		z.T.Fatal(err)
	}
	z.T.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func (z *zone) exec(conn *pgx.Conn, sql string) {
	z.T.Helper()
	if _, err := conn.Exec(z.T.Context(), sql); err != nil {
		z.T.Fatalf("%s: %v", sql, err)
	}
}

func count(t *testing.T, conn *pgx.Conn, table string) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
