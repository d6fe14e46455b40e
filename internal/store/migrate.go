package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Bootstrap is the SQL that makes Souk's roles; a superuser runs it once with
// psql, or through RunBootstrap.
//
//go:embed bootstrap.sql
var Bootstrap string

// migrationLock is the advisory lock under which all migrations run.
const migrationLock = 0x736f756b // "souk"

// Migrate brings the schema up to date as souk_owner, under one lock, so that
// any number of replicas may call it at once. It is idempotent.
func Migrate(ctx context.Context, c Config) error {
	cfg, err := pgx.ParseConfig(c.Owner)
	if err != nil {
		return errors.New("the owner's connection string cannot be read")
	}
	if cfg.Password, err = password(c.PasswordFiles.Owner, cfg.Password); err != nil {
		return err
	}
	cfg.RuntimeParams["lock_timeout"] = "10000"
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("cannot reach the record as souk_owner: %w", err)
	}
	defer conn.Close()
	if err := lockMigrations(ctx, conn); err != nil {
		return err
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrationLock)

	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, dir)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

func lockMigrations(ctx context.Context, conn *sql.Conn) error {
	for deadline := time.Now().Add(2 * time.Minute); ; {
		var got bool
		if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", migrationLock).Scan(&got); err != nil {
			return err
		}
		if got {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("another process has been migrating the record for two minutes")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Passwords of Souk's database roles.
type Passwords struct{ Owner, App, System string }

// RunBootstrap makes Souk's roles over a superuser's connection to the database
// that Souk will use. It is idempotent: where the roles exist they get the
// passwords given.
func RunBootstrap(ctx context.Context, conn *pgx.Conn, p Passwords) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, r := range []struct{ role, password string }{{"souk_owner", p.Owner}, {"souk_app", p.App}, {"souk_system", p.System}} {
			// The verb cannot take parameters; format() quotes. The text is not logged: log_statement is off here.
			var sql string
			err := tx.QueryRow(ctx, `SELECT format(CASE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = $1) THEN 'ALTER ROLE %I PASSWORD %L' ELSE 'CREATE ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD %L' END, $1::text, $2::text)`, r.role, r.password).Scan(&sql)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `CREATE EXTENSION IF NOT EXISTS btree_gist;
			ALTER SCHEMA public OWNER TO souk_owner;
			REVOKE ALL ON SCHEMA public FROM PUBLIC;
			GRANT USAGE ON SCHEMA public TO souk_app, souk_system`)
		return err
	})
}
