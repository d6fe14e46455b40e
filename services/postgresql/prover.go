package postgresql

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"souk/api"
	"souk/internal/servicepkg"
)

var prover = &servicepkg.Prover{
	Connect: connectSecurely,
	Plain: func(ctx context.Context, c api.Credentials) error {
		conn, err := enter(ctx, c, nil)
		if err == nil {
			conn.Close(ctx)
		}
		return err
	},
	Setting: servicepkg.Setting{Parameter: "work_mem", Value: 8192, Shown: "8MB", Bad: 1},
	Figure:  servicepkg.Figure{Panel: "Transactions", Legend: "committed"},
	Faults:  []servicepkg.Fault{{Alerts: []string{"connections-high"}, After: 5 * time.Minute, Parameters: map[string]any{"max_connections": 60}, Provoke: takeConnections}},
}

// takeConnections opens as many as the server has.
func takeConnections(ctx context.Context, c api.Credentials) (end func(), err error) {
	var all []servicepkg.Session
	end = func() {
		for _, s := range all {
			s.Close()
		}
	}
	for {
		s, err := connectSecurely(ctx, c)
		var full *pgconn.PgError
		if errors.As(err, &full) && full.Code == "53300" { // too_many_connections
			return end, nil
		}
		if err != nil {
			end()
			return nil, err
		}
		all = append(all, s)
	}
}

func connectSecurely(ctx context.Context, c api.Credentials) (servicepkg.Session, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(c.Endpoint.CA)) {
		return nil, errors.New("the CA of the credentials is no certificate")
	}
	conn, err := enter(ctx, c, &tls.Config{RootCAs: roots, ServerName: c.Endpoint.Host, MinVersion: tls.VersionTLS12})
	if err != nil {
		return nil, err
	}
	return &customer{conn: conn}, nil
}

// customer is a session of a customer's program.
type customer struct {
	conn *pgx.Conn
	made bool // its table is there
}

// customersWait is how long a customer's program waits for a connection.
const customersWait = 10 * time.Second

func enter(ctx context.Context, c api.Credentials, secure *tls.Config) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("sslmode=disable connect_timeout=10")
	if err != nil {
		return nil, err
	}
	config.Host, config.Port, config.Database = c.Endpoint.Host, uint16(c.Endpoint.Port), c.Endpoint.Database
	config.User, config.Password, config.TLSConfig, config.Fallbacks = c.Login, c.Password, secure, nil
	config.ConnectTimeout, config.OnNotice = customersWait, func(*pgconn.PgConn, *pgconn.Notice) {}
	return pgx.ConnectConfig(ctx, config)
}

func (c *customer) Put(ctx context.Context, key, value string) error {
	if !c.made {
		if _, err := c.conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS souk_conformance (key text PRIMARY KEY, value text NOT NULL)"); err != nil {
			return err
		}
		c.made = true
	}
	_, err := c.conn.Exec(ctx, "INSERT INTO souk_conformance VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)
	return err
}

func (c *customer) Get(ctx context.Context, key string) (value string, err error) {
	err = c.conn.QueryRow(ctx, "SELECT value FROM souk_conformance WHERE key = $1", key).Scan(&value)
	var missing *pgconn.PgError
	if errors.Is(err, pgx.ErrNoRows) || errors.As(err, &missing) && missing.Code == "42P01" { // undefined_table
		return "", nil
	}
	return value, err
}

func (c *customer) Setting(ctx context.Context) (value string, err error) {
	err = c.conn.QueryRow(ctx, "SELECT current_setting('work_mem')").Scan(&value)
	return value, err
}

func (c *customer) Log(ctx context.Context) (string, error) {
	line := "conformance " + rand.Text()
	_, err := c.conn.Exec(ctx, "DO $$ BEGIN RAISE LOG '"+line+"'; END $$")
	return line, err
}

func (c *customer) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.conn.Close(ctx)
}
