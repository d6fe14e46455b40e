// Package store opens Souk's record, a PostgreSQL database, migrates it, and is
// the only way to begin a transaction in it.
package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Config says how to reach the record. The two log-ins differ in what row-level
// security lets them see.
type Config struct {
	App    string `json:"app"`    // URL or DSN of souk_app: requests of tenants
	System string `json:"system"` // URL or DSN of souk_system: work across tenants
	Owner  string `json:"owner"`  // URL or DSN of souk_owner: migrations only
	// PasswordFiles hold passwords that are not in the connection strings.
	PasswordFiles PasswordFiles `json:"passwordFiles,omitzero"`
	// MaxConnections of each pool; 0 means 16.
	MaxConnections int32 `json:"maxConnections,omitempty"`
}

// PasswordFiles are the paths of files with one password each; "": the connection
// string has it.
type PasswordFiles struct {
	App    string `json:"app,omitempty"`
	System string `json:"system,omitempty"`
	Owner  string `json:"owner,omitempty"`
}

// password reads the password from a file, where one is named.
func password(file, otherwise string) (string, error) {
	if file == "" {
		return otherwise, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// Store holds the connection pools.
type Store struct {
	app, system *pgxpool.Pool
}

// Open connects both pools and checks that they answer.
func Open(ctx context.Context, c Config) (*Store, error) {
	app, err := openPool(ctx, c.App, c.PasswordFiles.App, c.MaxConnections)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the record as souk_app: %w", err)
	}
	system, err := openPool(ctx, c.System, c.PasswordFiles.System, c.MaxConnections)
	if err != nil {
		app.Close()
		return nil, fmt.Errorf("cannot reach the record as souk_system: %w", err)
	}
	return &Store{app, system}, nil
}

func openPool(ctx context.Context, dsn, passwordFile string, size int32) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("its connection string cannot be read") // never echo it: it holds a password
	}
	// Read for each connection, so that a password can be changed under way.
	cfg.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) (err error) {
		c.Password, err = password(passwordFile, c.Password)
		return err
	}
	cfg.MaxConns = size
	if size == 0 {
		cfg.MaxConns = 16
	}
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	cfg.ConnConfig.RuntimeParams["application_name"] = "souk"
	cfg.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "30000"
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// Close closes the pools.
func (s *Store) Close() {
	s.app.Close()
	s.system.Close()
}

// SystemPool is for what needs a connection of its own, such as LISTEN.
func (s *Store) SystemPool() *pgxpool.Pool { return s.system }

// Pools returns the connection pools by role, for measuring them.
func (s *Store) Pools() map[string]*pgxpool.Pool {
	return map[string]*pgxpool.Pool{"souk_app": s.app, "souk_system": s.system}
}

// Scope is what a tenant transaction may see.
type Scope struct {
	// Organizations whose rows can be read and changed.
	Organizations []uuid.UUID
	// Reader names a policy that lets rows of others be read: "operator",
	// "provider" or "".
	Reader string
	// Snapshot makes all that is read be of one moment.
	Snapshot bool
}

// Tx is a transaction in the record.
type Tx = pgx.Tx

// Tenant runs f in a transaction of souk_app that sees the scope and nothing
// else. It commits when f returns nil. f runs again, from the start, when the
// database asks for it (serialization failure, deadlock).
func (s *Store) Tenant(ctx context.Context, scope Scope, f func(tx Tx) error) error {
	ids := make([]string, len(scope.Organizations))
	for i, id := range scope.Organizations {
		ids[i] = id.String()
	}
	set := "{" + strings.Join(ids, ",") + "}"
	var options pgx.TxOptions
	if scope.Snapshot {
		options.IsoLevel = pgx.RepeatableRead
	}
	return retry(ctx, func() error {
		return pgx.BeginTxFunc(ctx, s.app, options, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "SELECT set_config('souk.organizations', $1, true), set_config('souk.reader', $2, true)", set, scope.Reader)
			if err != nil {
				return err
			}
			return f(tx)
		})
	})
}

// System runs f in a transaction of souk_system, which sees all tenants. It
// commits when f returns nil, and retries as Tenant does.
func (s *Store) System(ctx context.Context, f func(tx Tx) error) error {
	return retry(ctx, func() error { return pgx.BeginFunc(ctx, s.system, f) })
}

const attempts = 5

func retry(ctx context.Context, f func() error) error {
	var err error
	for n := range attempts {
		if err = f(); !retryable(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(1<<n) * 5 * time.Millisecond):
		}
	}
	return err
}

// retryable: serialization_failure, deadlock_detected.
func retryable(err error) bool {
	code := ErrorCode(err)
	return code == "40001" || code == "40P01"
}

// ErrorCode returns the SQLSTATE of a database error, or "".
func ErrorCode(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// Constraint returns the name of the constraint that a database error reports, or "".
func Constraint(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.ConstraintName
	}
	return ""
}

// Message returns the message of a database error, or "".
func Message(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Message
	}
	return ""
}

// NewID returns a new identifier: a UUID of version 7, so that IDs sort by age.
func NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
