// Package change tails the record's append-only table of changes, once in each
// process, and fans it out to watchers and agents.
//
// Changes are read in (transaction id, sequence) order, and only below the
// oldest transaction still running, so that a transaction that commits late is
// never skipped. The position after a change is a token that resumes the feed;
// one older than what is kept answers ErrCompacted, and the client lists again.
package change

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Change says that an object has changed; its present state is read when needed.
type Change struct {
	Position     Position
	Kind         string // "instance"
	Object       uuid.UUID
	Organization uuid.UUID
	Project      *uuid.UUID
	Zone         *uuid.UUID
	Desired      bool // the zone has to act
}

// Position is a place in the feed.
type Position struct {
	XID      uint64
	Sequence int64
}

// String returns the position as a token.
func (p Position) String() string { return fmt.Sprintf("%d-%d", p.XID, p.Sequence) }

// After says whether p comes after q.
func (p Position) After(q Position) bool {
	return p.XID > q.XID || (p.XID == q.XID && p.Sequence > q.Sequence)
}

// ErrBadToken: the token is none.
var ErrBadToken = errors.New("this is not a resume token")

// ErrCompacted: what followed the token is not kept any more; list again.
var ErrCompacted = errors.New("the resume token is too old")

// ParseToken reads a token.
func ParseToken(s string) (Position, error) {
	x, n, found := strings.Cut(s, "-")
	xid, err := strconv.ParseUint(x, 10, 63)
	seq, err2 := strconv.ParseInt(n, 10, 64)
	if !found || err != nil || err2 != nil || seq < 0 {
		return Position{}, ErrBadToken
	}
	return Position{xid, seq}, nil
}

// Feed is the process's one tail of the changes.
type Feed struct {
	pool *pgxpool.Pool // of souk_system
	log  *slog.Logger

	mu          sync.Mutex
	subscribers map[*Subscription]struct{}
	tail        Position
	ready       chan struct{} // closed when tail is known
}

// New returns a Feed; Run makes it move.
func New(pool *pgxpool.Pool, log *slog.Logger) *Feed {
	return &Feed{pool: pool, log: log, subscribers: map[*Subscription]struct{}{}, ready: make(chan struct{})}
}

// buffered is how many changes a subscriber may lag behind before it is cut off
// and has to resume from its token.
const buffered = 1024

// Subscription receives changes until it is closed or lags too far behind; then
// C is closed, and the subscriber resumes with the last position that it saw.
type Subscription struct {
	C      chan Change
	match  func(Change) bool
	closed bool
}

// Subscribe delivers the changes that match, from now on. The position returned
// is where it starts: everything up to it is visible to a transaction begun
// after this call.
func (f *Feed) Subscribe(ctx context.Context, match func(Change) bool) (*Subscription, Position, error) {
	select {
	case <-f.ready:
	case <-ctx.Done():
		return nil, Position{}, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &Subscription{C: make(chan Change, buffered), match: match}
	f.subscribers[s] = struct{}{}
	return s, f.tail, nil
}

// Close ends a subscription. It is idempotent.
func (f *Feed) Close(s *Subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(s)
}

func (f *Feed) drop(s *Subscription) {
	if !s.closed {
		s.closed = true
		delete(f.subscribers, s)
		close(s.C)
	}
}

// pollEvery bounds the delay when a notification is lost.
const pollEvery = time.Second

// Run tails the changes until ctx ends, reconnecting as needed.
func (f *Feed) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := f.follow(ctx); err != nil && ctx.Err() == nil {
			f.log.Warn("the feed of changes was interrupted", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
}

func (f *Feed) follow(ctx context.Context) error {
	conn, err := f.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "LISTEN souk_changes"); err != nil {
		return err
	}
	defer conn.Exec(context.WithoutCancel(ctx), "UNLISTEN souk_changes")
	if err := f.start(ctx, conn); err != nil {
		return err
	}
	for {
		more, err := f.advance(ctx, conn)
		if err != nil {
			return err
		}
		if !more {
			if err := wait(ctx, conn); err != nil {
				return err
			}
		}
	}
}

// wait returns at the next notification, or after pollEvery.
func wait(ctx context.Context, conn *pgxpool.Conn) error {
	short, cancel := context.WithTimeout(ctx, pollEvery)
	defer cancel()
	_, err := conn.Conn().WaitForNotification(short)
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		return nil
	}
	return err
}

// start finds the present end, the first time.
func (f *Feed) start(ctx context.Context, conn *pgxpool.Conn) error {
	select {
	case <-f.ready:
		return nil
	default:
	}
	p, err := end(ctx, conn)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.tail = p
	f.mu.Unlock()
	close(f.ready)
	return nil
}

// end returns the position just below the oldest running transaction.
func end(ctx context.Context, q rower) (Position, error) {
	var xid uint64
	err := q.QueryRow(ctx, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint").Scan(&xid)
	return Position{XID: xid - 1, Sequence: 1<<63 - 1}, err
}
