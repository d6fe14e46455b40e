package postgresql

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/driver/process"
	"souk/internal/servicepkg"
)

// closeWithin is how long it may take to say goodbye to a server.
const closeWithin = time.Second

// probeRole is the log-in by which it is tried whether the server serves. It may
// enter the database postgres, which users may not, and read and write the one row there
// that is made for it: from this machine, in a cluster by the way that clients take.
const probeRole = "souk_probe"

const (
	probeRead  = "SELECT at FROM souk_probe.beat"
	probeWrite = "UPDATE souk_probe.beat SET at = clock_timestamp()"
)

// probeTable is what the probe reads and writes. It is made whole or not at all.
const probeTable = `BEGIN;
CREATE SCHEMA IF NOT EXISTS souk_probe;
CREATE TABLE IF NOT EXISTS souk_probe.beat (one boolean PRIMARY KEY DEFAULT true CHECK (one), at timestamptz NOT NULL);
INSERT INTO souk_probe.beat (at) VALUES ('epoch') ON CONFLICT DO NOTHING;
GRANT USAGE ON SCHEMA souk_probe TO souk_probe;
GRANT SELECT, UPDATE (at) ON souk_probe.beat TO souk_probe;
COMMIT`

// probing makes the probe's log-in and its table.
func (w *work) probing(ctx context.Context) error {
	if w.ReadOnly { // nothing is added to storage that is full; what is there already does
		return nil
	}
	return w.running().probing(ctx, w.Secret(probeRole))
}

// probing makes the probe's log-in, with a secret of its own, and its table.
func (s *server) probing(ctx context.Context, secret string) error {
	var has, ready bool
	var known string
	err := s.admin.QueryRow(ctx, `SELECT count(*) > 0, coalesce(max(rolpassword), ''), to_regclass('souk_probe.beat') IS NOT NULL AND coalesce(bool_or(has_database_privilege(oid, 'postgres', 'CONNECT')), false)
		FROM pg_authid WHERE rolname = $1`, probeRole).Scan(&has, &known, &ready)
	if err != nil {
		return err
	}
	if !has || !verifies(known, secret) {
		if err := s.probeLogin(ctx, has, secret); err != nil {
			return err
		}
	}
	if ready {
		return nil
	}
	_, err = s.admin.Exec(ctx, probeTable, pgx.QueryExecModeSimpleProtocol)
	return err
}

func (s *server) probeLogin(ctx context.Context, exists bool, secret string) error {
	hash, err := verifier(secret)
	if err != nil {
		return err
	}
	verb := "CREATE"
	if exists {
		verb = "ALTER"
	}
	_, err = s.admin.Exec(ctx, verb+" ROLE "+probeRole+" LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 5 PASSWORD "+literal(hash)+
		";\nGRANT CONNECT ON DATABASE postgres TO "+probeRole, pgx.QueryExecModeSimpleProtocol)
	return err
}

var _ process.Prober = (*engine)(nil)

// sli is the package's own, parsed once.
var sli = sync.OnceValue(func() *servicepkg.SLI { return Package().Definition.SLI })

// Probe implements process.Prober.
func (e *engine) Probe(host *process.Host, _ driver.Instance) *driver.Probe {
	return newProber(driver.Dialing(host.ClientAddress()), host.Secret(probeRole), host.TLS()).probe()
}

var _ kubernetes.Prober = (*clusterEngine)(nil)

// Probe implements kubernetes.Prober.
func (e *clusterEngine) Probe(job *kubernetes.Job, way kubernetes.Way) *driver.Probe {
	return newProber(way.Dial, probeSecret(job), way.TLS).probe()
}

// probeSecret is the password of the probe's log-in in a cluster, derived so that it is
// kept nowhere.
func probeSecret(job *kubernetes.Job) string { return fmt.Sprintf("%x", job.Secret(probeRole)) }

// prober tries one server as its clients do.
type prober struct {
	open   func(context.Context) (net.Conn, error)
	secret string
	tls    *tls.Config
	kept   *driver.Kept[*pgconn.PgConn]
}

func newProber(open func(context.Context) (net.Conn, error), secret string, verified *tls.Config) *prober {
	p := &prober{open: open, secret: secret, tls: verified}
	p.kept = driver.Keep(p.dial, (*pgconn.PgConn).IsClosed, goodbye)
	return p
}

func (p *prober) probe() *driver.Probe {
	return sli().Probe(map[string]func(context.Context) error{"read": p.read, "connect": p.connect, "write": p.write}, func() { p.kept.Close(context.Background()) })
}

func (p *prober) dial(ctx context.Context) (*pgconn.PgConn, error) {
	config, err := pgconn.ParseConfig("sslmode=disable")
	if err != nil {
		return nil, err
	}
	config.Host, config.TLSConfig, config.Fallbacks = p.tls.ServerName, p.tls, nil
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	config.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) { return p.open(ctx) }
	config.User, config.Password, config.Database = probeRole, p.secret, "postgres"
	config.RuntimeParams = map[string]string{"application_name": "souk probe", "default_transaction_read_only": "off"}
	config.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {}
	return pgconn.ConnectConfig(ctx, config)
}

func (p *prober) read(ctx context.Context) error {
	return judged(p.kept.Try(ctx, carryOut(ctx, probeRead)))
}

func (p *prober) write(ctx context.Context) error {
	return judged(p.kept.Try(ctx, carryOut(ctx, probeWrite)))
}

// connect makes a new connection, as a client does that comes.
func (p *prober) connect(ctx context.Context) error {
	return judged(p.kept.TryNew(ctx, carryOut(ctx, probeRead)))
}

func carryOut(ctx context.Context, statement string) func(*pgconn.PgConn) error {
	return func(conn *pgconn.PgConn) error {
		_, err := conn.Exec(ctx, statement).ReadAll()
		return err
	}
}

// goodbye ends a connection in time, whatever the server does.
func goodbye(ctx context.Context, conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(ctx, closeWithin)
	defer cancel()
	_ = conn.Close(ctx)
}

// judged tells apart what an error says of the server. One that has as many clients
// as its owner allows serves those; and where the probe itself is not let in
// nothing is known.
func judged(err error) error {
	var refusal *pgconn.PgError
	if !errors.As(err, &refusal) {
		return err
	}
	notLetIn := []string{"28000", "28P01", "3D000", "3F000", "42501", "42P01"}
	switch {
	case refusal.Code == "53300" && !strings.Contains(refusal.Message, "role"):
		return nil
	case slices.Contains(notLetIn, refusal.Code), refusal.Code == "53300":
		return driver.ErrCannotTell
	}
	return err
}
