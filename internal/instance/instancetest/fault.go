package instancetest

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"souk/internal/store"
)

// ErrInjected is the failure of a statement under FailAt.
var ErrInjected = errors.New("injected by the test")

// FailAt returns the transaction with its n-th statement, from 1, failing, and
// a function that says whether it came to that.
func FailAt(tx store.Tx, n int) (store.Tx, func() bool) {
	f := &failing{Tx: tx, left: n}
	return f, func() bool { return f.left <= 0 }
}

type failing struct {
	store.Tx
	left int
}

func (f *failing) fails() bool {
	f.left--
	return f.left == 0
}

func (f *failing) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if f.fails() {
		return pgconn.CommandTag{}, ErrInjected
	}
	return f.Tx.Exec(ctx, sql, args...)
}

func (f *failing) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if f.fails() {
		return nil, ErrInjected
	}
	return f.Tx.Query(ctx, sql, args...)
}

func (f *failing) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if f.fails() {
		return failedRow{}
	}
	return f.Tx.QueryRow(ctx, sql, args...)
}

type failedRow struct{}

func (failedRow) Scan(...any) error { return ErrInjected }
