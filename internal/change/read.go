package change

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"souk/internal/store"
)

type rower interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

type querier interface {
	rower
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

const pageSize = 1000

const columns = `SELECT xid::text::bigint, sequence, kind, object_id, organization_id, project_id, zone_id, desired FROM changes
	WHERE (xid, sequence) > ($1::text::xid8, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot())`

// read returns the changes after a position, oldest first, a page at most.
func read(ctx context.Context, q querier, after Position, filter string, args ...any) ([]Change, error) {
	all := append([]any{after.xid(), after.Sequence}, args...)
	rows, err := q.Query(ctx, columns+filter+" ORDER BY xid, sequence LIMIT 1000", all...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (Change, error) {
		var c Change
		err := r.Scan(&c.Position.XID, &c.Position.Sequence, &c.Kind, &c.Object, &c.Organization, &c.Project, &c.Zone, &c.Desired)
		return c, err
	})
}

func (p Position) xid() string { return strconv.FormatUint(p.XID, 10) }

// advance reads what is new and hands it out; more says that there may be more.
func (f *Feed) advance(ctx context.Context, conn *pgxpool.Conn) (more bool, err error) {
	page, err := read(ctx, conn, f.tail, "")
	if err != nil {
		return false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range page {
		f.tail = c.Position
		for s := range f.subscribers {
			f.deliver(s, c)
		}
	}
	return len(page) == pageSize, nil
}

// deliver hands a change to a subscriber, or cuts off one that lags.
func (f *Feed) deliver(s *Subscription, c Change) {
	if !s.match(c) {
		return
	}
	select {
	case s.C <- c:
	default:
		f.drop(s)
	}
}

// Missed returns the changes between a token's position and a later one that
// match, for a client that resumes. ErrCompacted when some of it is not kept any
// more.
func (f *Feed) Missed(ctx context.Context, after, until Position, match func(Change) bool) ([]Change, error) {
	return f.between(ctx, after, until, match, "")
}

// MissedByZone is Missed for what a zone has to act on; its cost depends on that
// alone.
func (f *Feed) MissedByZone(ctx context.Context, zone uuid.UUID, after, until Position) ([]Change, error) {
	return f.between(ctx, after, until, func(Change) bool { return true }, " AND desired AND zone_id = $3", zone)
}

func (f *Feed) between(ctx context.Context, after, until Position, match func(Change) bool, filter string, args ...any) ([]Change, error) {
	floor, err := floor(ctx, f.pool)
	if err != nil {
		return nil, err
	}
	if floor.After(after) {
		return nil, ErrCompacted
	}
	if next, err := end(ctx, f.pool); err != nil {
		return nil, err
	} else if after.XID > next.XID && after.After(until) {
		return nil, ErrCompacted // a token of another record, such as from before it was restored
	}
	var out []Change
	for {
		page, err := read(ctx, f.pool, after, filter, args...)
		if err != nil {
			return nil, err
		}
		for _, c := range page {
			if c.Position.After(until) {
				return out, nil
			}
			if match(c) {
				out = append(out, c)
			}
			after = c.Position
		}
		if len(page) < pageSize {
			return out, nil
		}
	}
}

func floor(ctx context.Context, q rower) (Position, error) {
	var p Position
	err := q.QueryRow(ctx, "SELECT xid::text::bigint, sequence FROM changes_floor").Scan(&p.XID, &p.Sequence)
	return p, err
}

// Kept is how long changes are kept for clients that resume.
const Kept = 24 * time.Hour

// Compact forgets changes from before the given time, a chunk at a time, and
// remembers up to where. It returns how many went.
func Compact(ctx context.Context, st *store.Store, before time.Time) (int64, error) {
	var n int64
	err := st.System(ctx, func(tx store.Tx) error {
		return tx.QueryRow(ctx, `WITH old AS (
				SELECT xid, sequence FROM changes WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) AND at < $1 ORDER BY xid, sequence LIMIT 5000
			), last AS (
				SELECT xid, sequence FROM old ORDER BY xid DESC, sequence DESC LIMIT 1
			), moved AS (
				UPDATE changes_floor f SET xid = l.xid, sequence = l.sequence FROM last l WHERE (l.xid, l.sequence) > (f.xid, f.sequence)
			), gone AS (
				DELETE FROM changes c USING old o WHERE c.xid = o.xid AND c.sequence = o.sequence RETURNING 1
			) SELECT count(*) FROM gone`, before).Scan(&n)
	})
	return n, err
}
