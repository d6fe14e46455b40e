package change_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/change"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// record is a record with feeds on it.
type record struct {
	t      *testing.T
	store  *store.Store
	config store.Config
	zone   uuid.UUID
}

func newRecord(t *testing.T) *record {
	r := &record{t: t, config: storetest.NewConfig(t), zone: uuid.New()}
	var err error
	if r.store, err = store.Open(t.Context(), r.config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.store.Close)
	return r
}

// feed runs a replica's feed until the test ends.
func (r *record) feed() *change.Feed {
	f := change.New(r.store.SystemPool(), slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.Run(ctx)
	}()
	r.t.Cleanup(func() {
		stop()
		<-ended
	})
	return f
}

func all(change.Change) bool { return true }

func (r *record) subscribe(f *change.Feed) (*change.Subscription, change.Position) {
	r.t.Helper()
	s, p, err := f.Subscribe(r.t.Context(), all)
	if err != nil {
		r.t.Fatal(err)
	}
	return s, p
}

const insert = "INSERT INTO changes (kind, object_id, organization_id, zone_id, desired, at) VALUES ('instance', $1, $1, $2, $3, $4)"

// write commits one change of each object, each in a transaction of its own.
func (r *record) write(objects ...uuid.UUID) {
	r.t.Helper()
	for _, id := range objects {
		err := r.store.System(r.t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(r.t.Context(), insert, id, r.zone, true, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
			return err
		})
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// begin starts a transaction with a change in it, which commits when told to.
func (r *record) begin(object uuid.UUID) pgx.Tx {
	r.t.Helper()
	tx, err := r.store.SystemPool().Begin(r.t.Context())
	if err == nil {
		_, err = tx.Exec(r.t.Context(), insert, object, r.zone, true, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return tx
}

func (r *record) commit(tx pgx.Tx) {
	r.t.Helper()
	if err := tx.Commit(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// next reads n changes' objects; the last one's position comes with them.
func (r *record) next(s *change.Subscription, n int) (out []uuid.UUID, at change.Position) {
	r.t.Helper()
	late := time.After(20 * time.Second)
	for range n {
		select {
		case c, open := <-s.C:
			if !open {
				r.t.Fatalf("cut off after %d of %d", len(out), n)
			}
			out, at = append(out, c.Object), c.Position
		case <-late:
			r.t.Fatalf("only %d of %d changes came", len(out), n)
		}
	}
	return out, at
}

func objects(changes []change.Change) (out []uuid.UUID) {
	for _, c := range changes {
		out = append(out, c.Object)
	}
	return out
}

func ids(n int) []uuid.UUID {
	out := make([]uuid.UUID, n)
	for i := range out {
		out[i] = uuid.New()
	}
	return out
}

// A transaction that took its sequence number first and commits last is not
// lost, and one that commits meanwhile waits for it: the order is the same for
// whoever resumes.
func TestLateCommitIsNotLost(t *testing.T) {
	r := newRecord(t)
	f := r.feed()
	s, start := r.subscribe(f)
	id := ids(3)
	slow := r.begin(id[0])
	r.write(id[1])
	select {
	case c := <-s.C:
		t.Fatalf("%s overtook a transaction that still runs", c.Object)
	case <-time.After(1200 * time.Millisecond): // longer than the feed's own looks
	}
	r.commit(slow)
	got, at := r.next(s, 2)
	if !slices.Equal(got, id[:2]) {
		t.Errorf("came in the order %v, want that of the transactions", got)
	}
	r.write(id[2])
	if got, _ := r.next(s, 1); got[0] != id[2] {
		t.Error("what came after was lost")
	}
	_, end := r.subscribe(f)
	missed, err := f.Missed(t.Context(), start, end, all)
	if err != nil || !slices.Equal(objects(missed), id) {
		t.Errorf("resumed from the start: %v, %v", objects(missed), err)
	}
	if missed, err = f.Missed(t.Context(), at, end, all); err != nil || !slices.Equal(objects(missed), id[2:]) {
		t.Errorf("resumed from the middle: %v, %v", objects(missed), err)
	}
}

// A transaction that is rolled back leaves nothing and holds up nothing.
func TestRolledBackChangeIsNotSeen(t *testing.T) {
	r := newRecord(t)
	s, _ := r.subscribe(r.feed())
	id := ids(2)
	aborted := r.begin(id[0])
	r.write(id[1])
	if err := aborted.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, _ := r.next(s, 1); got[0] != id[1] {
		t.Errorf("got %v", got)
	}
}

// One transaction's changes resume one by one, from the middle too.
func TestResumeWithinATransaction(t *testing.T) {
	r := newRecord(t)
	f := r.feed()
	s, _ := r.subscribe(f)
	id := ids(5)
	err := r.store.System(t.Context(), func(tx store.Tx) error {
		for _, o := range id {
			if _, err := tx.Exec(t.Context(), insert, o, r.zone, true, time.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, at := r.next(s, 2)
	r.next(s, 3)
	_, end := r.subscribe(f)
	token, err := change.ParseToken(at.String())
	if err != nil || token != at {
		t.Fatalf("%s became %s: %v", at, token, err)
	}
	if missed, err := f.Missed(t.Context(), token, end, all); err != nil || !slices.Equal(objects(missed), id[2:]) {
		t.Errorf("missed %v, %v", objects(missed), err)
	}
}

func TestTokens(t *testing.T) {
	for _, text := range []string{"", "-", "1", "1-", "-1", "a-1", "1-a", "1-2-3", "-1-1", "1--1", "99999999999999999999-1", "1-99999999999999999999", " 1-1", "1-1; DROP TABLE changes", "1-\x00"} {
		if _, err := change.ParseToken(text); !errors.Is(err, change.ErrBadToken) {
			t.Errorf("%q: %v", text, err)
		}
	}
	p, err := change.ParseToken("17-4")
	if err != nil || p != (change.Position{XID: 17, Sequence: 4}) || p.String() != "17-4" {
		t.Errorf("%v, %v", p, err)
	}
	if !p.After(change.Position{XID: 17, Sequence: 3}) || !p.After(change.Position{XID: 16, Sequence: 9}) || p.After(p) || p.After(change.Position{XID: 18}) {
		t.Error("the order of positions is wrong")
	}
}

// What was compacted away cannot be resumed from: the client is told to list.
func TestCompactedTokenIsTooOld(t *testing.T) {
	r := newRecord(t)
	f := r.feed()
	s, start := r.subscribe(f)
	id := ids(4)
	r.write(id[:2]...)
	_, second := r.next(s, 2)
	if n, err := change.Compact(t.Context(), r.store, time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)); n != 0 || err != nil {
		t.Errorf("compacted %d that are younger: %v", n, err)
	}
	open := r.begin(id[2]) // still running: nothing of it may go
	if n, err := change.Compact(t.Context(), r.store, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)); n != 2 || err != nil {
		t.Errorf("compacted %d, want 2: %v", n, err)
	}
	r.commit(open)
	r.write(id[3])
	r.next(s, 2)
	_, end := r.subscribe(f)
	if _, err := f.Missed(t.Context(), start, end, all); !errors.Is(err, change.ErrCompacted) {
		t.Errorf("resumed from before what was compacted: %v", err)
	}
	if missed, err := f.Missed(t.Context(), second, end, all); err != nil || !slices.Equal(objects(missed), id[2:]) {
		t.Errorf("resumed from the last that was compacted: %v, %v", objects(missed), err)
	}
	if missed, err := f.MissedByZone(t.Context(), r.zone, second, end); err != nil || len(missed) != 2 {
		t.Errorf("the zone missed %v, %v", missed, err)
	}
	if missed, err := f.MissedByZone(t.Context(), uuid.New(), second, end); err != nil || len(missed) != 0 {
		t.Errorf("another zone missed %v, %v", missed, err)
	}
}

// A token of another record, or of one that was restored to an earlier state,
// lies in the future; whoever has it lists again.
func TestTokenFromTheFuture(t *testing.T) {
	r := newRecord(t)
	f := r.feed()
	r.write(ids(1)...)
	_, end := r.subscribe(f)
	if _, err := f.Missed(t.Context(), change.Position{XID: end.XID + 1000, Sequence: 1}, end, all); !errors.Is(err, change.ErrCompacted) {
		t.Errorf("got %v", err)
	}
	if missed, err := f.Missed(t.Context(), end, end, all); err != nil || len(missed) != 0 {
		t.Errorf("resumed from the end: %v, %v", missed, err)
	}
}

// A subscriber that does not read is cut off, without holding up the others, and
// resumes from its last position without a loss.
func TestSlowSubscriberIsCutOffAndResumes(t *testing.T) {
	r := newRecord(t)
	f := r.feed()
	slow, position := r.subscribe(f)
	quick, _ := r.subscribe(f)
	const n, batch = 3000, 1000
	for range n / batch { // fewer than a subscriber may lag behind, each
		err := r.store.System(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(t.Context(), "INSERT INTO changes (kind, object_id, organization_id, at) SELECT 'instance', gen_random_uuid(), gen_random_uuid(), '2026-01-01' FROM generate_series(1, $1)", batch)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		r.next(quick, batch)
	}
	seen := map[uuid.UUID]bool{}
	resumed := 0
	for len(seen) < n {
		for c := range slow.C { // until it is cut off
			if seen[c.Object] {
				t.Fatal("a change came twice")
			}
			seen[c.Object], position = true, c.Position
			if len(seen) == n {
				break
			}
		}
		if len(seen) == n {
			break
		}
		var start change.Position
		slow, start = r.subscribe(f)
		resumed++
		missed, err := f.Missed(t.Context(), position, start, all)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range missed {
			if seen[c.Object] {
				t.Fatal("a change came twice")
			}
			seen[c.Object], position = true, c.Position
		}
	}
	if resumed == 0 {
		t.Error("it was never cut off")
	}
	f.Close(quick)
	f.Close(quick) // again, to no effect
}

// Two replicas see the same in the same order, and either resumes where the
// other left off.
func TestTwoReplicas(t *testing.T) {
	r := newRecord(t)
	f, g := r.feed(), r.feed()
	a, _ := r.subscribe(f)
	b, _ := r.subscribe(g)
	id := ids(20)
	for i := 0; i < len(id); i += 2 { // pairs that commit in the other order
		first, second := r.begin(id[i]), r.begin(id[i+1])
		r.commit(second)
		r.commit(first)
	}
	seenA, _ := r.next(a, len(id))
	seenB, _ := r.next(b, 7)
	rest, at := r.next(b, len(id)-7)
	if seenB = append(seenB, rest...); !slices.Equal(seenA, seenB) || !slices.Equal(seenA, id) {
		t.Errorf("one saw %v, the other %v", seenA, seenB)
	}
	more := ids(2)
	r.write(more...)
	r.next(a, 2)
	_, end := r.subscribe(f)
	if missed, err := f.Missed(t.Context(), at, end, all); err != nil || !slices.Equal(objects(missed), more) {
		t.Errorf("resumed at the other replica: %v, %v", objects(missed), err)
	}
}

// The feed goes on after its connection was killed, with what was written
// meanwhile.
func TestFeedReconnects(t *testing.T) {
	r := newRecord(t)
	f := r.feed()
	s, _ := r.subscribe(f)
	id := ids(6)
	for i := range 3 {
		r.write(id[2*i])
		super := storetest.Superuser(t, r.config)
		if _, err := super.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = 'souk_system'"); err != nil {
			t.Fatal(err)
		}
		r.awaitWrite(id[2*i+1])
	}
	if got, _ := r.next(s, len(id)); !slices.Equal(got, id) {
		t.Errorf("got %v, want %v", got, id)
	}
}

// awaitWrite writes over connections that may just have been killed.
func (r *record) awaitWrite(id uuid.UUID) {
	r.t.Helper()
	var err error
	for range 20 {
		err = r.store.System(r.t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(r.t.Context(), insert, id, r.zone, false, time.Now())
			return err
		})
		if err == nil {
			return
		}
	}
	r.t.Fatal(err)
}

// Whatever pairs of transactions do, at any interleaving, a watcher that resumes
// at every change sees each once, in one order.
func TestEveryInterleavingIsSeenOnce(t *testing.T) {
	r := newRecord(t)
	f := r.feed()
	s, start := r.subscribe(f)
	var want int
	for round := range 8 {
		var open []pgx.Tx
		for i := range 3 {
			open = append(open, r.begin(uuid.New()))
			if (round>>i)&1 == 1 {
				r.write(uuid.New())
				want++
			}
		}
		for i := range open {
			r.commit(open[(i+round)%len(open)])
			want++
		}
	}
	var seen []uuid.UUID
	var positions []change.Position
	for range want {
		o, at := r.next(s, 1)
		seen, positions = append(seen, o...), append(positions, at)
	}
	_, end := r.subscribe(f)
	for i, at := range append([]change.Position{start}, positions...) {
		missed, err := f.Missed(t.Context(), at, end, all)
		if err != nil || !slices.Equal(objects(missed), seen[i:]) {
			t.Fatalf("resumed at %s: %d changes, want %d (%v)", at, len(missed), len(seen[i:]), err)
		}
	}
	if distinct := slices.Compact(slices.SortedFunc(slices.Values(seen), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })); len(distinct) != want {
		t.Errorf("%d distinct changes of %d", len(distinct), want)
	}
}
