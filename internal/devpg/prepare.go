package devpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/internal/store"
)

// Database is the one that holds the record.
const Database = "souk"

// DSN returns a connection string for a role of the record. It holds the
// password: it belongs in a file of its reader, never in arguments or a log.
func (c Cluster) DSN(role, password string) string {
	return c.dsn(role, password, Database)
}

func (c Cluster) dsn(role, password, database string) string {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace
	return fmt.Sprintf("host='%s' user='%s' password='%s' dbname='%s'", quote(c.Socket), quote(role), quote(password), quote(database))
}

// poll is how often a starting server is asked whether it answers: PostgreSQL
// has no way to say so that every build of it has.
const poll = 10 * time.Millisecond

// How long one attempt to reach the server may take, and how often those who
// wait are told why it is not reached.
const (
	attempt = 5 * time.Second
	notice  = 10 * time.Second
)

// Await returns when the server answers, or with the reason why it never will.
// As long as it does not, waiting is told the last reason from time to time.
func (c Cluster) Await(ctx context.Context, waiting func(reason error)) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	told := time.Now()
	for {
		err := c.try(ctx)
		if err == nil || ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		}
		if !Unreachable(err) {
			return fmt.Errorf("the record's PostgreSQL does not let Souk in: %w", err)
		}
		// A server whose folder was taken from it goes on, and nobody reaches it.
		if _, err := os.Stat(c.Socket); err != nil {
			return fmt.Errorf("the folder of the record's socket has gone: start again: %w", err)
		}
		if time.Since(told) >= notice {
			waiting(err)
			told = time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (c Cluster) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	conn, err := c.connect(ctx, Superuser)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// Unreachable reports whether the error means that the server does not answer
// now and may do so later: it starts, stops, or was killed.
func Unreachable(err error) bool {
	switch store.ErrorCode(err) {
	case "57P01", "57P02", "57P03": // admin_shutdown, crash_shutdown, cannot_connect_now
		return true
	}
	for _, cause := range []error{fs.ErrNotExist, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// Prepare makes the database, Souk's roles with these passwords, and brings the
// schema up to date. It is idempotent.
func (c Cluster) Prepare(ctx context.Context, p store.Passwords) error {
	if err := c.createDatabase(ctx); err != nil {
		return fmt.Errorf("make the record's database: %w", err)
	}
	conn, err := c.connect(ctx, Database)
	if err != nil {
		return fmt.Errorf("reach the record's database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := store.RunBootstrap(ctx, conn, p); err != nil {
		return fmt.Errorf("make the record's roles: %w", err)
	}
	if err := store.Migrate(ctx, c.Config(p)); err != nil {
		return fmt.Errorf("bring the record's schema up to date: %w", err)
	}
	return nil
}

// Config is how the control plane reaches the record.
func (c Cluster) Config(p store.Passwords) store.Config {
	return store.Config{
		App:    c.DSN("souk_app", p.App),
		System: c.DSN("souk_system", p.System),
		Owner:  c.DSN("souk_owner", p.Owner),
	}
}

func (c Cluster) createDatabase(ctx context.Context) error {
	conn, err := c.connect(ctx, Superuser)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", Database).Scan(&there); err != nil || there {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+Database)
	return err
}

// connect as the superuser, whose statements hold passwords: the server does
// not log those that fail.
func (c Cluster) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(c.dsn(Superuser, c.Password, database))
	if err != nil {
		return nil, errors.New("the database's connection string cannot be read")
	}
	cfg.RuntimeParams["log_min_error_statement"] = "panic"
	return pgx.ConnectConfig(ctx, cfg)
}
