package postgresql

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/driver/process"
)

// proof is a running server that is proven to hold what was backed up.
type proof struct {
	*session // as the superuser, in the database postgres
	// enter opens such a session in another database.
	enter func(ctx context.Context, database string) (*session, error)
}

// proving carries f out with a server.
func proving[T any](ctx context.Context, enter func(context.Context, string) (*session, error), f func(*proof, context.Context) (T, error)) (out T, err error) {
	admin, err := enter(ctx, "postgres")
	if err != nil {
		return out, err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	return f(&proof{admin, enter}, ctx)
}

var _ process.ProvingEngine = (*engine)(nil)

func entering(host *process.Host) func(context.Context, string) (*session, error) {
	return func(ctx context.Context, database string) (*session, error) { return connect(ctx, host, database) }
}

// PutCanary implements process.ProvingEngine.
func (e *engine) PutCanary(ctx context.Context, host *process.Host) (driver.Canary, error) {
	return proving(ctx, entering(host), (*proof).putCanary)
}

// Canaries implements process.ProvingEngine.
func (e *engine) Canaries(ctx context.Context, host *process.Host) ([]driver.Canary, error) {
	return proving(ctx, entering(host), (*proof).canaries)
}

// Examine implements process.ProvingEngine.
func (e *engine) Examine(ctx context.Context, host *process.Host) (driver.Examination, error) {
	return proving(ctx, entering(host), (*proof).examine)
}

var _ kubernetes.ProvingEngine = (*clusterEngine)(nil)

func enteringPod(job *kubernetes.Job, primary string) func(context.Context, string) (*session, error) {
	return func(ctx context.Context, database string) (*session, error) {
		return enterPod(ctx, job, primary, database)
	}
}

// PutCanary implements kubernetes.ProvingEngine.
func (e *clusterEngine) PutCanary(ctx context.Context, job *kubernetes.Job, primary string) (driver.Canary, error) {
	return proving(ctx, enteringPod(job, primary), (*proof).putCanary)
}

// Canaries implements kubernetes.ProvingEngine.
func (e *clusterEngine) Canaries(ctx context.Context, job *kubernetes.Job, primary string) ([]driver.Canary, error) {
	return proving(ctx, enteringPod(job, primary), (*proof).canaries)
}

// Examine implements kubernetes.ProvingEngine.
func (e *clusterEngine) Examine(ctx context.Context, job *kubernetes.Job, primary string) (driver.Examination, error) {
	return proving(ctx, enteringPod(job, primary), (*proof).examine)
}

// putCanary writes a row into the superuser's own database, which users cannot
// enter. It goes through the log of changes like any other.
func (p *proof) putCanary(ctx context.Context) (c driver.Canary, err error) {
	for _, statement := range []string{
		"CREATE SCHEMA IF NOT EXISTS souk",
		"CREATE TABLE IF NOT EXISTS souk.canaries (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL, value text NOT NULL)",
	} {
		if _, err := p.Exec(ctx, statement); err != nil && !alreadyThere(err) {
			return c, err
		}
	}
	err = p.QueryRow(ctx, "INSERT INTO souk.canaries (at, value) VALUES (clock_timestamp(), $1) RETURNING number, at, value", rand.Text()).Scan(&c.Number, &c.At, &c.Value)
	if err != nil {
		return c, err
	}
	c.At = c.At.UTC()
	_, err = p.Exec(ctx, "DELETE FROM souk.canaries WHERE number <= $1", c.Number-driver.KeptCanaries)
	return c, err
}

// alreadyThere: somebody else made it in this moment.
func alreadyThere(err error) bool {
	var refusal *pgconn.PgError
	return errors.As(err, &refusal) && (refusal.Code == "42P07" || refusal.Code == "42P06" || refusal.Code == "23505")
}

// canaries lists the canaries of the server; one that never had any has none.
func (p *proof) canaries(ctx context.Context) ([]driver.Canary, error) {
	rows, err := p.Query(ctx, "SELECT number, at, value FROM souk.canaries ORDER BY number")
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[driver.Canary])
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) && (refusal.Code == "42P01" || refusal.Code == "3F000") { // no such table, no such schema
		return nil, nil
	}
	for i := range all {
		all[i].At = all[i].At.UTC()
	}
	return all, err
}

// examined is what was read of a server's databases.
type examined struct {
	databases, tables, indexes, rows int64
	broken, unread                   int64 // what did not hold, and what could not be read
}

// examine reads every row, checks every table and index by amcheck, and asks for
// pages whose checksums were wrong.
func (p *proof) examine(ctx context.Context) (out driver.Examination, err error) {
	if err := p.QueryRow(ctx, "SELECT split_part(current_setting('server_version'), ' ', 1)").Scan(&out.Version); err != nil {
		return out, err
	}
	rows, err := p.Query(ctx, "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname")
	if err != nil {
		return out, err
	}
	databases, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return out, err
	}
	found := examined{databases: int64(len(databases))}
	for _, database := range databases {
		if err := found.read(ctx, p.enter, database); err != nil {
			return out, err
		}
	}
	var on bool
	var wrong int64
	err = p.QueryRow(ctx, "SELECT current_setting('data_checksums') = 'on', coalesce(sum(checksum_failures), 0)::bigint FROM pg_stat_database").Scan(&on, &wrong)
	out.Checks = []driver.Check{
		{Name: "rows", Passed: found.unread == 0, Detail: fmt.Sprintf("%d rows of %d tables in %d databases were read; %d tables could not be read.", found.rows, found.tables, found.databases, found.unread)},
		{Name: "structure", Passed: found.broken == 0, Detail: fmt.Sprintf("%d tables and %d indexes were checked by amcheck; %d do not hold.", found.tables, found.indexes, found.broken)},
		{Name: "page-checksums", Passed: on && wrong == 0, Detail: fmt.Sprintf("Checksums of pages are %s; %d were wrong.", map[bool]string{true: "on", false: "off"}[on], wrong)},
	}
	return out, err
}

// read reads one database. Its amcheck goes to a schema of its own.
func (x *examined) read(ctx context.Context, enter func(context.Context, string) (*session, error), database string) error {
	s, err := enter(ctx, database)
	if err != nil {
		return err
	}
	defer s.Close(context.WithoutCancel(ctx))
	for _, statement := range []string{
		"SET statement_timeout = 0", "SET default_transaction_read_only = off", "DROP EXTENSION IF EXISTS amcheck",
		"CREATE SCHEMA IF NOT EXISTS souk_drill", "CREATE EXTENSION amcheck SCHEMA souk_drill",
	} {
		if _, err := s.Exec(ctx, statement); err != nil {
			return fmt.Errorf("prepare a check of the data: %w", err)
		}
	}
	rows, err := s.Query(ctx, "SELECT c.oid, c.relkind = 'i', format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "+
		"LEFT JOIN pg_am a ON a.oid = c.relam LEFT JOIN pg_index i ON i.indexrelid = c.oid "+
		"WHERE c.relpersistence = 'p' AND (c.relkind IN ('r', 'm', 't') AND a.amname = 'heap' OR c.relkind = 'i' AND a.amname = 'btree' AND i.indisvalid) ORDER BY c.oid")
	if err != nil {
		return err
	}
	type relation struct {
		OID   uint32
		Index bool
		Name  string
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[relation])
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Index {
			x.indexes++
			if err := x.holds(s.Exec(ctx, "SELECT souk_drill.bt_index_check($1::regclass)", r.OID)); err != nil {
				return err
			}
			continue
		}
		x.tables++
		var n, problems int64
		err := s.QueryRow(ctx, "SELECT count(*) FROM ONLY "+r.Name).Scan(&n)
		if bad(err) {
			x.unread++
		} else if err != nil {
			return err
		}
		x.rows += n
		err = s.QueryRow(ctx, "SELECT count(*) FROM souk_drill.verify_heapam($1::regclass)", r.OID).Scan(&problems)
		if bad(err) || problems > 0 {
			x.broken++
		} else if err != nil {
			return err
		}
	}
	return nil
}

// holds counts a check that the data did not pass.
func (x *examined) holds(_ pgconn.CommandTag, err error) error {
	if bad(err) {
		x.broken++
		return nil
	}
	return err
}

// bad says that the server answered, and that it is the data that is wrong.
func bad(err error) bool {
	var refusal *pgconn.PgError
	return errors.As(err, &refusal) && refusal.Code != "57P01" && refusal.Code != "57014" // not that it was stopped
}
