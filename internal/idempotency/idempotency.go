// Package idempotency lets a client repeat a changing request without its being
// carried out twice.
//
// Everything happens in the transaction of the change itself: a request that is
// killed leaves nothing behind, and one that committed is remembered.
package idempotency

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/internal/idempotency/idempotencydb"
	"souk/internal/problem"
	"souk/internal/store"
)

// Keep is how long a key is remembered, by Souk's clock.
const Keep = 24 * time.Hour

// MaxKey is how many characters a key may have.
const MaxKey = 255

// Request is one changing request.
type Request struct {
	Principal string // authz.Principal.ID
	Route     string // method and path
	Key       string // as the client chose it; "" is remembered by nobody
	Body      []byte // hash of all that the client asked for
	At        time.Time
}

// Begin says whether the request repeats one that was carried out, and the
// resource that that one led to. It refuses a key that still runs, or
// that came with another body. The key is held until the transaction ends.
func Begin(ctx context.Context, tx store.Tx, r Request) (resource string, repeat bool, err error) {
	if r.Key == "" {
		return "", false, nil
	}
	q := idempotencydb.New(tx)
	got, err := q.TryLock(ctx, r.Principal+"\n"+r.Route+"\n"+r.Key)
	if err != nil {
		return "", false, err
	}
	if !got {
		p := problem.Conflict("still-running", "The first request with this Idempotency-Key is still running. Repeat it in a moment to learn how it went.")
		p.RetryAfter = time.Second
		return "", false, p
	}
	row, err := q.Find(ctx, idempotencydb.FindParams{Principal: r.Principal, Route: r.Route, Key: r.Key, Since: r.At.Add(-Keep)})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	if !bytes.Equal(row.BodyHash, r.Body) {
		return "", false, &problem.Error{
			Status: http.StatusUnprocessableEntity, Code: "idempotency-key-reused",
			Detail: "This Idempotency-Key came with another request before. Use a new key for a new request.",
		}
	}
	return row.Resource, true, nil
}

// Finish remembers what the request led to. The resource is a reference, never
// a body.
func Finish(ctx context.Context, tx store.Tx, r Request, status int, resource string) error {
	if r.Key == "" {
		return nil
	}
	q := idempotencydb.New(tx)
	// One that is older than Keep may still be there.
	if err := q.Forget(ctx, idempotencydb.ForgetParams{Principal: r.Principal, Route: r.Route, Key: r.Key}); err != nil {
		return err
	}
	return q.Remember(ctx, idempotencydb.RememberParams{
		Principal: r.Principal, Route: r.Route, Key: r.Key, BodyHash: r.Body, Status: int32(status), Resource: resource, CreatedAt: r.At,
	})
}

// Sweep forgets keys older than Keep, at most limit of them, and returns how
// many those were.
func Sweep(ctx context.Context, tx store.Tx, now time.Time, limit int) (int64, error) {
	return idempotencydb.New(tx).Sweep(ctx, idempotencydb.SweepParams{Before: now.Add(-Keep), Limit: int32(limit)})
}
