package instancetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

// System runs f in a transaction that sees all tenants.
func (w *World) System(t testing.TB, f func(tx store.Tx) error) {
	t.Helper()
	if err := w.Store.System(context.WithoutCancel(t.Context()), f); err != nil {
		t.Fatal(err)
	}
}

// As runs f in a transaction of the organization's, and returns its error.
func (w *World) As(t testing.TB, p instance.Place, f func(tx store.Tx) error) error {
	return w.Store.Tenant(context.WithoutCancel(t.Context()), store.Scope{Organizations: []uuid.UUID{p.Organization}}, f)
}

// Do runs a command of acme's, and returns what it returned.
func (w *World) Do(t testing.TB, f func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error)) (v instance.View, err error) {
	err = w.As(t, w.Acme, func(tx store.Tx) (err error) {
		v, err = f(context.WithoutCancel(t.Context()), tx, w.Acme)
		return err
	})
	return v, err
}

// Must is Do for what has to succeed.
func (w *World) Must(t testing.TB, f func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error)) instance.View {
	t.Helper()
	v, err := w.Do(t, f)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Spec is a full spec of a small PostgreSQL that is not protected, changed.
func Spec(change ...func(*api.InstanceSpec)) api.InstanceSpec {
	off := false
	s := api.InstanceSpec{Service: "postgresql", Zone: "local", Plan: "small", StorageGiB: 10, Protected: &off}
	for _, f := range change {
		f(&s)
	}
	return s
}

// Order is an order of Spec.
func Order(name string, change ...func(*api.InstanceSpec)) api.InstanceOrder {
	o := api.InstanceOrder{Spec: Spec(change...)}
	o.Metadata.Name = name
	return o
}

// Put is an update to Spec.
func Put(change ...func(*api.InstanceSpec)) api.InstancePut {
	return api.InstancePut{Spec: Spec(change...)}
}

// AnyVersion makes a change whatever the version.
func AnyVersion(int64) error { return nil }

// Order orders an instance for acme.
func (w *World) Order(t testing.TB, name string, change ...func(*api.InstanceSpec)) instance.View {
	t.Helper()
	return w.Must(t, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return w.Service.Order(ctx, tx, p, Order(name, change...))
	})
}

// Ready orders an instance and reports it running.
func (w *World) Ready(t testing.TB, name string, change ...func(*api.InstanceSpec)) instance.View {
	t.Helper()
	v := w.Order(t, name, change...)
	return w.Report(t, v.ID, driver.StateRunning)
}

// Action is what can be done to an instance by name alone.
type Action func(ctx context.Context, tx store.Tx, p instance.Place, name string) (instance.View, error)

// Act carries an action out for acme.
func (w *World) Act(t testing.TB, name string, a Action) instance.View {
	t.Helper()
	return w.Must(t, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return a(ctx, tx, p, name)
	})
}

// Delete, Suspend and Resume as Actions.
func (w *World) Delete(ctx context.Context, tx store.Tx, p instance.Place, name string) (instance.View, error) {
	return w.Service.Delete(ctx, tx, p, name, AnyVersion)
}

// Suspend suspends for the user's own reason.
func (w *World) Suspend(ctx context.Context, tx store.Tx, p instance.Place, name string) (instance.View, error) {
	return w.Service.Suspend(ctx, tx, p, name, instance.SuspendedByUser)
}

// Resume lifts the user's own reason.
func (w *World) Resume(ctx context.Context, tx store.Tx, p instance.Place, name string) (instance.View, error) {
	return w.Service.Resume(ctx, tx, p, name, instance.SuspendedByUser)
}

// Update returns the Action of a full spec.
func (w *World) Update(change ...func(*api.InstanceSpec)) Action {
	return func(ctx context.Context, tx store.Tx, p instance.Place, name string) (instance.View, error) {
		return w.Service.Update(ctx, tx, p, name, Put(change...), AnyVersion)
	}
}

// View reads an instance.
func (w *World) View(t testing.TB, id uuid.UUID) (v instance.View) {
	t.Helper()
	w.System(t, func(tx store.Tx) (err error) {
		v, err = w.Service.ByID(t.Context(), tx, id)
		return err
	})
	return v
}

// Fact is what the agent of zone local says next of an instance: that what is
// wanted of it is in force now, with the given state.
func (w *World) Fact(t testing.TB, id uuid.UUID, state driver.State) agentapi.Fact {
	t.Helper()
	v := w.View(t, id)
	w.sequence++
	return agentapi.Fact{
		Sequence: w.sequence, BootID: "boot-1", InstanceID: id.String(), EffectiveAt: w.Clock.Now(), RealAt: w.Machine.Now(),
		Observation: driver.Observation{State: state, Generation: v.Generation, Plan: driver.Plan{Name: v.Plan}, StorageGiB: v.StorageGib,
			Endpoint: &driver.Endpoint{Host: "db.example", Port: 5432, Database: "app", CAPEM: "CA"}},
	}
}

// Apply takes in facts, and returns the instance as it then is.
func (w *World) Apply(t testing.TB, facts ...agentapi.Fact) instance.View {
	t.Helper()
	for _, f := range facts {
		w.System(t, func(tx store.Tx) error { return w.Service.Apply(t.Context(), tx, w.Zone, 1, f) })
	}
	return w.View(t, uuid.MustParse(facts[0].InstanceID))
}

// Report takes in Fact.
func (w *World) Report(t testing.TB, id uuid.UUID, state driver.State) instance.View {
	t.Helper()
	return w.Apply(t, w.Fact(t, id, state))
}

// Late is a fact that became true some time ago.
func Late(f agentapi.Fact, ago time.Duration) agentapi.Fact {
	f.EffectiveAt, f.RealAt = f.EffectiveAt.Add(-ago), f.RealAt.Add(-ago)
	return f
}

// Member makes a person's account and gives it a role in an organization; it returns the
// membership's ID.
func (w *World) Member(t testing.TB, organization uuid.UUID, email, role string) uuid.UUID {
	t.Helper()
	account, member := store.NewID(), store.NewID()
	w.Superuser(t, false, "INSERT INTO accounts (id, email, password_hash, created_at) VALUES ($1, $2, '', $3)", account, email, w.Clock.Now())
	w.Superuser(t, false, "INSERT INTO members (id, organization_id, account_id, role, created_at) VALUES ($1, $2, $3, $4, $5)", member, organization, account, role, w.Clock.Now())
	return member
}

// Until moves the clock to a moment.
func (w *World) Until(at time.Time) { w.Machine.Advance(at.Sub(w.Clock.Now())) }

// MonthEnd is when the month of now is over for the organizations.
func (w *World) MonthEnd() time.Time {
	now := w.Clock.Now().In(Zurich)
	return time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, Zurich)
}

// PurgeDue carries out one purge that is due, and says whether there was one.
func (w *World) PurgeDue(t testing.TB) bool {
	t.Helper()
	done, err := w.Service.PurgeDue(t.Context(), w.Store)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// Superuser runs SQL past row-level security and, where replica is set, past
// triggers and foreign keys too.
func (w *World) Superuser(t testing.TB, replica bool, sql string, args ...any) {
	t.Helper()
	err := pgx.BeginFunc(context.Background(), w.superuser(t), func(tx pgx.Tx) error {
		if replica {
			if _, err := tx.Exec(context.Background(), "SET LOCAL session_replication_role = replica"); err != nil {
				return err
			}
		}
		_, err := tx.Exec(context.Background(), sql, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// SuperuserTx begins a transaction past row-level security.
func (w *World) SuperuserTx(t testing.TB) (pgx.Tx, error) {
	t.Helper()
	return w.superuser(t).Begin(context.Background())
}

// superuser is a connection past row-level security, made when it is first needed.
func (w *World) superuser(t testing.TB) *pgx.Conn {
	t.Helper()
	if w.super == nil {
		w.super = storetest.Superuser(w.t, w.Config)
	}
	return w.super
}

// Snapshot returns a digest of each table, to see what has changed.
func (w *World) Snapshot(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	w.Query(t, `SELECT c.relname, (xpath('/row/d/text()', query_to_xml(format('SELECT count(*) || '' '' || coalesce(md5(string_agg(t::text, ''|'' ORDER BY t::text)), '''') AS d FROM %I t', c.relname), false, true, '')))[1]::text
		FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace`, func(rows pgx.Rows) error {
		var table, digest string
		err := rows.Scan(&table, &digest)
		out[table] = digest
		return err
	})
	return out
}

// Query reads past row-level security, row by row.
func (w *World) Query(t testing.TB, sql string, each func(pgx.Rows) error, args ...any) {
	t.Helper()
	rows, err := w.superuser(t).Query(context.Background(), sql, args...)
	for err == nil && rows.Next() {
		err = each(rows)
	}
	if err == nil {
		err = rows.Err()
	}
	if err != nil {
		if rows != nil {
			rows.Close()
		}
		t.Fatal(err)
	}
}

// Count returns the number of a query's rows, such as "facts WHERE transition".
func (w *World) Count(t testing.TB, from string, args ...any) (n int) {
	t.Helper()
	w.Query(t, "SELECT count(*) FROM "+from, func(rows pgx.Rows) error { return rows.Scan(&n) }, args...)
	return n
}
