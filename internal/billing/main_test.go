package billing_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/billing"
	"souk/internal/billing/billingdb"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// raw reads the commands and facts of an instance, with the times at which they
// were recorded.
func raw(t testing.TB, w *instancetest.World, id uuid.UUID) (commands []billing.Command, facts []fact, stored []billing.Segment) {
	w.System(t, func(tx store.Tx) error {
		ctx, q := context.Background(), billingdb.New(tx)
		rows, err := q.Commands(ctx, id)
		if err != nil {
			return err
		}
		commands = billing.FromRows(rows)
		transitions, err := q.RawFacts(ctx, []uuid.UUID{id})
		if err != nil {
			return err
		}
		for _, f := range transitions {
			if f.Transition {
				facts = append(facts, fact{billing.Fact{State: driver.State(f.State), Generation: f.Generation, At: f.EffectiveAt}, f.ReceivedAt.UnixMicro()})
			}
		}
		links, err := q.LiveSegments(ctx, id)
		for _, l := range links {
			stored = append(stored, billing.FromRow(l))
		}
		return err
	})
	return commands, facts, stored
}

type fact struct {
	billing.Fact
	received int64 // microseconds
}

// audit returns what an audit finds.
func audit(t testing.TB, w *instancetest.World) (r billing.Report) {
	t.Helper()
	w.System(t, func(tx store.Tx) (err error) {
		r, err = billing.Audit(context.Background(), tx, w.Clock.Now())
		return err
	})
	return r
}

func mustBeClean(t testing.TB, w *instancetest.World) {
	t.Helper()
	for _, d := range audit(t, w).Differences {
		t.Errorf("audit: %s: %s", d.Instance, d.Problem)
	}
}

// as runs SQL in a transaction of a role, and returns the SQLSTATE of its end.
func as(t testing.TB, w *instancetest.World, role, sql string, args ...any) string {
	t.Helper()
	ctx := context.Background()
	run := func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sql, args...)
		return err
	}
	switch role {
	case "souk_app":
		return store.ErrorCode(w.As(t, w.Acme, run))
	case "souk_system":
		return store.ErrorCode(w.Store.System(ctx, run))
	}
	conn := storetest.Superuser(t, w.Config)
	defer conn.Close(ctx)
	return store.ErrorCode(pgx.BeginFunc(ctx, conn, run))
}

// due ends what is due.
func due(t testing.TB, w *instancetest.World) { w.PurgeDue(t) }

var retention = instance.Retention
