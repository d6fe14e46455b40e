package httpapi_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/internal/httpapi/httpapitest"
	"souk/internal/store/storetest"
)

// roadblock holds up whoever writes a table; reading goes on.
type roadblock struct {
	super *pgx.Conn
	tx    pgx.Tx
}

func block(t *testing.T, e *httpapitest.Env, table string) roadblock {
	t.Helper()
	tx, err := storetest.Superuser(t, e.Config).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "LOCK TABLE "+table+" IN SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	return roadblock{storetest.Superuser(t, e.Config), tx}
}

// waiting returns once so many transactions wait for a lock, on the table or on
// each other, with the database's process of one of them.
func (b roadblock) waiting(t *testing.T, n int) (pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		var got int
		err := b.super.QueryRow(t.Context(), `SELECT count(*), coalesce(min(pid), 0) FROM pg_stat_activity
			WHERE wait_event_type = 'Lock' AND datname = current_database()`).Scan(&got, &pid)
		if err != nil {
			t.Fatal(err)
		}
		if got >= n {
			return pid
		}
		time.Sleep(2 * time.Millisecond) // between polls of the database
	}
	t.Fatalf("fewer than %d transactions wait", n)
	return 0
}

// kill ends one of the database's processes, and the transaction in it.
func (b roadblock) kill(t *testing.T, pid int) {
	t.Helper()
	if _, err := b.super.Exec(t.Context(), "SELECT pg_terminate_backend($1)", pid); err != nil {
		t.Fatal(err)
	}
}

// lift lets all go on.
func (b roadblock) lift(t *testing.T) {
	t.Helper()
	if err := b.tx.Rollback(t.Context()); err != nil {
		t.Error(err)
	}
}
