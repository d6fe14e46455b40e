package usage_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/problem"
	"souk/internal/servicepkg"
	"souk/internal/store"
	"souk/internal/store/storetest"
	"souk/internal/usage"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// world is a record with instances of a service that has meters.
type world struct {
	*instancetest.World
	t        *testing.T
	keeper   usage.Keeper
	provider uuid.UUID // the organization
	db       instance.View
	more     []instance.View
}

func newWorld(t *testing.T, more ...string) *world {
	t.Helper()
	w := &world{World: instancetest.New(t), t: t}
	w.keeper = usage.Keeper{Catalog: w.Service.Catalog}
	d := instancetest.Metered()
	d.Meters = append(d.Meters,
		servicepkg.Meter{Name: "connections", Title: "Connections", Unit: "item", Aggregation: servicepkg.AggregateMaximum, Description: "At once."},
		servicepkg.Meter{Name: "traffic-out", Title: "Traffic", Unit: "byte", Aggregation: servicepkg.AggregateSum, Description: "Sent.", Measured: true})
	w.Publish(t, instancetest.Prices(), d)
	w.provider = w.Operator
	w.db = w.Ready(t, "db1")
	for _, name := range more {
		w.more = append(w.more, w.Ready(t, name))
	}
	w.Machine.Advance(24 * time.Hour)
	return w
}

// event is one of the hour that began so long ago.
func (w *world) event(id string, hoursAgo int, quantity int64, change ...func(*usage.Event)) usage.Event {
	from := w.Clock.Now().Truncate(time.Hour).Add(-time.Duration(hoursAgo) * time.Hour)
	e := usage.Event{Source: "/app", ID: id, Subject: w.db.ID.String(), Meter: "queries", Report: usage.Report{From: from, To: from.Add(time.Hour), Quantity: &quantity}}
	for _, f := range change {
		f(&e)
	}
	return e
}

func (w *world) take(events ...usage.Event) (out usage.Receipt, err error) {
	w.t.Helper()
	err = w.Store.System(w.t.Context(), func(tx store.Tx) (err error) {
		out, err = w.keeper.Take(w.t.Context(), tx, w.provider, events, w.Clock.Now())
		return err
	})
	return out, err
}

func (w *world) must(events ...usage.Event) usage.Receipt {
	w.t.Helper()
	r, err := w.take(events...)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) usage() (out api.Usage) {
	w.t.Helper()
	err := w.As(w.t, w.Acme, func(tx store.Tx) (err error) {
		out, err = w.keeper.Instance(w.t.Context(), tx, w.Acme.Organization, w.db.ID, "", w.Clock.Now())
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// meter is what is known of a meter.
func (w *world) meter(name string) api.MeterUsage {
	for _, m := range w.usage().Meters {
		if m.Name == name {
			return m
		}
	}
	w.t.Fatalf("no meter %s", name)
	return api.MeterUsage{}
}

// The same event counts once, in the same request or in another.
func TestAnEventCountsOnce(t *testing.T) {
	w := newWorld(t)
	first := w.event("1", 3, 5)
	if r := w.must(first, first, w.event("2", 3, 7)); r != (usage.Receipt{Accepted: 2, Repeated: 1}) {
		t.Errorf("%+v", r)
	}
	if r := w.must(first, w.event("3", 2, 1)); r != (usage.Receipt{Accepted: 1, Repeated: 1}) {
		t.Errorf("again: %+v", r)
	}
	if m := w.meter("queries"); m.Quantity != 13 || len(m.Hours) != 2 || m.Hours[0].Quantity != 12 || m.Hours[0].Events != 2 {
		t.Errorf("%+v", m)
	}
	w.must(w.event("4", 3, 5, as("connections")), w.event("5", 3, 9, as("connections")), w.event("6", 3, 2, as("connections")))
	w.must(w.event("7", 3, 8, as("connections")), w.event("8", 2, 3, as("connections")))
	if m := w.meter("connections"); m.Quantity != 9 || m.Hours[0].Quantity != 9 || m.Hours[0].Events != 4 || m.Hours[1].Quantity != 3 {
		t.Errorf("maximum: %+v", m)
	}
}

func as(meter string) func(*usage.Event) { return func(e *usage.Event) { e.Meter = meter } }

// An ID that was used for something else is a conflict, and nothing of the request is
// taken.
func TestAnotherPayloadIsAConflict(t *testing.T) {
	w := newWorld(t)
	w.must(w.event("1", 3, 5))
	before := w.Snapshot(t)
	for name, batch := range map[string][]usage.Event{
		"stored":         {w.event("2", 3, 1), w.event("1", 3, 6)},
		"another hour":   {w.event("2", 3, 1), w.event("1", 4, 5)},
		"within a batch": {w.event("2", 3, 1), w.event("2", 3, 2)},
	} {
		_, err := w.take(batch...)
		if p := problem.As(err); p == nil || p.Status != 409 || len(p.Fields) != 1 || p.Fields[0].Location != "id" {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.unchanged(before)
}

func (w *world) unchanged(before map[string]string) {
	w.t.Helper()
	for table, is := range w.Snapshot(w.t) {
		if is != before[table] {
			w.t.Errorf("%s changed", table)
		}
	}
}

// What cannot be right is refused by the name of the field, and changes nothing.
func TestRefusedUsage(t *testing.T) {
	w := newWorld(t)
	old := w.db
	w.Machine.Advance(90 * 24 * time.Hour)
	w.Publish(t, instancetest.Prices(), instancetest.Metered())
	w.db = w.Ready(t, "db2")
	w.Machine.Advance(24 * time.Hour)
	before := w.Snapshot(t)
	now := w.Clock.Now()
	during := func(from, to time.Time) func(*usage.Event) {
		return func(e *usage.Event) { e.From, e.To = from, to }
	}
	of := func(id string) func(*usage.Event) { return func(e *usage.Event) { e.Subject = id } }
	for name, c := range map[string]struct {
		change func(*usage.Event)
		field  string
	}{
		"the future":       {during(now.Add(6*time.Minute), now.Add(6*time.Minute)), "time"},
		"an hour not over": {during(now.Truncate(time.Hour).Add(time.Hour), now.Truncate(time.Hour).Add(2*time.Hour)), "to"},
		"ancient": {func(e *usage.Event) {
			e.Subject = old.ID.String()
			during(now.Add(-61*24*time.Hour), now.Add(-61*24*time.Hour))(e)
		}, "time"},
		"before the order":      {during(now.Add(-25*time.Hour), now.Add(-25*time.Hour)), "time"},
		"an unknown meter":      {as("dreams"), "type"},
		"one that is measured":  {func(e *usage.Event) { e.Subject = old.ID.String(); e.Meter = "traffic-out" }, "type"},
		"no instance":           {of(uuid.NewString()), "subject"},
		"no ID":                 {of("db1"), "subject"},
		"another way to say it": {of("urn:uuid:" + old.ID.String()), "subject"},
	} {
		_, err := w.take(w.event("1", 1, 1), w.event("2", 1, 1, c.change))
		if p := problem.As(err); p == nil || p.Status != 422 || len(p.Fields) != 1 || p.Fields[0].Location != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.provider = w.Globex.Organization // provides nothing
	if _, err := w.take(w.event("1", 1, 1)); problem.As(err) == nil || problem.As(err).Fields[0].Location != "subject" {
		t.Errorf("of a service of somebody else's: %v", err)
	}
	w.unchanged(before)
}

// More than an hour can hold is refused before it is lost.
func TestAnHourOverflows(t *testing.T) {
	w := newWorld(t)
	var events []usage.Event
	for n := range 1000 {
		events = append(events, w.event(fmt.Sprint(n), 1, usage.MostQuantity))
	}
	w.must(events...)
	for n := range events {
		events[n].ID += "again"
	}
	before := w.Snapshot(t)
	if _, err := w.take(events...); problem.As(err) == nil || problem.As(err).Fields[0].Location != "quantity" {
		t.Error(err)
	}
	w.unchanged(before)
}

// The order of events, how they are split into requests, and repeats change nothing of
// what hours come to; each hour is what its events add up to.
func TestTheOrderOfEventsChangesNothing(t *testing.T) {
	w := newWorld(t, "db2", "db3", "db4")
	var events []usage.Event
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 60 {
		e := w.event(fmt.Sprint(n), random.IntN(5)+1, random.Int64N(100), as([]string{"queries", "connections"}[n%2]))
		e.Complete = random.IntN(4) == 0
		events = append(events, e)
	}
	var want []api.MeterUsage
	for round := range 4 {
		for n := range events {
			events[n].Source = fmt.Sprint("/round/", round)
		}
		if round > 0 {
			w.db = w.more[round-1]
			for n := range events {
				events[n].Subject = w.db.ID.String()
			}
		}
		list := append(append([]usage.Event(nil), events...), events[:20]...)
		random.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
		for len(list) > 0 {
			n := min(random.IntN(10)+1, len(list))
			w.must(list[:n]...)
			list = list[n:]
		}
		got := w.usage().Meters
		if want == nil {
			want = got
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("round %d:\n%v\nwant\n%v", round, got, want)
		}
	}
	if n := w.Count(t, `(SELECT FROM usage_windows w JOIN (SELECT instance_id, meter, date_trunc('hour', from_at, 'UTC') AS hour, CASE meter WHEN 'queries' THEN sum(quantity) ELSE max(quantity) END AS is, count(*) AS events
		FROM usage_events WHERE quantity IS NOT NULL GROUP BY 1, 2, 3) e USING (instance_id, meter, hour) WHERE superseded_at IS NULL AND (w.quantity <> e.is OR w.events <> e.events)) x`); n != 0 {
		t.Errorf("%d hours are not what their events add up to", n)
	}
}

// What was known at a moment can be read for ever: hours are superseded, not changed.
func TestHoursAreSuperseded(t *testing.T) {
	w := newWorld(t)
	w.must(w.event("1", 3, 5))
	known := w.Clock.Now()
	w.Machine.Advance(time.Minute)
	w.must(w.event("2", 4, 7))
	w.must(w.event("3", 4, 0))
	at := func(watermark time.Time) (sum int64) {
		w.Query(t, "SELECT coalesce(sum(quantity), 0)::bigint FROM usage_windows WHERE recorded_at <= $1 AND (superseded_at IS NULL OR superseded_at > $1)",
			func(r pgx.Rows) error { return r.Scan(&sum) }, watermark)
		return sum
	}
	if at(known) != 5 || at(w.Clock.Now()) != 12 {
		t.Errorf("%d then, %d now", at(known), at(w.Clock.Now()))
	}
	w.Machine.Advance(-2 * time.Minute) // another replica's clock is behind
	w.must(w.event("4", 4, 1))
	w.Machine.Advance(2 * time.Minute)
	if at(known) != 5 || at(w.Clock.Now()) != 13 {
		t.Errorf("%d then, %d now", at(known), at(w.Clock.Now()))
	}
	for _, sql := range []string{"UPDATE usage_windows SET quantity = 1", "DELETE FROM usage_windows", "UPDATE usage_windows SET superseded_at = NULL", "UPDATE usage_events SET quantity = 1", "DELETE FROM usage_marks"} {
		tx, err := w.SuperuserTx(t)
		if err != nil {
			t.Fatal(err)
		}
		w.must(w.event("mark", 5, 1, func(e *usage.Event) { e.Complete = true }))
		if _, err := tx.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s was carried out", sql)
		}
		_ = tx.Rollback(t.Context())
	}
}

// No data is not zero: what nobody said to be complete is a gap, and only that.
func TestGaps(t *testing.T) {
	w := newWorld(t)
	until := func() time.Time { return w.Clock.Now().Add(-90 * time.Minute) }
	ready := w.db.CreatedAt
	if g := w.meter("queries").Gaps; len(g) != 1 || !g[0].From.Equal(ready) || !g[0].To.Equal(until()) {
		t.Fatalf("nothing was sent: %v", g)
	}
	w.must(w.event("1", 3, 5)) // says nothing of what is complete
	if g := w.meter("queries").Gaps; len(g) != 1 {
		t.Fatalf("one quantity was sent: %v", g)
	}
	w.must(w.event("2", 5, 0, func(e *usage.Event) { e.Complete = true }))
	five := w.Clock.Now().Truncate(time.Hour).Add(-5 * time.Hour)
	if g := w.meter("queries").Gaps; len(g) != 2 || !g[0].To.Equal(five) || !g[1].From.Equal(five.Add(time.Hour)) {
		t.Fatalf("an hour is complete: %v", g)
	}
	w.must(w.event("3", 0, 0, func(e *usage.Event) { e.Quantity, e.From, e.To, e.Complete = nil, time.Time{}, w.Clock.Now(), true }))
	if g := w.meter("queries").Gaps; len(g) != 0 {
		t.Fatalf("all is complete: %v", g)
	}
	if g := w.meter("connections").Gaps; len(g) != 1 {
		t.Fatalf("of another meter: %v", g)
	}
	w.Act(t, "db1", w.Suspend)
	w.Machine.Advance(5 * time.Hour)
	if g := w.meter("queries").Gaps; len(g) != 0 {
		t.Fatalf("it was suspended: %v", g)
	}
}
