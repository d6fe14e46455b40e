package usage

import (
	"bytes"
	"context"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/internal/catalog"
	"souk/internal/problem"
	"souk/internal/servicepkg"
	"souk/internal/store"
	"souk/internal/usage/usagedb"
)

// Keeper takes in events.
type Keeper struct{ Catalog *catalog.Catalog }

// Take takes in the events that a provider's organization sent, all or none: an error
// is a problem that names the field. An event that was taken in before counts no
// second time; one of the same source and ID that says something else is a conflict. The
// transaction is a system one.
func (k Keeper) Take(ctx context.Context, tx store.Tx, provider uuid.UUID, events []Event, now time.Time) (Receipt, error) {
	q := usagedb.New(tx)
	subjects, err := subjectsOf(ctx, q, provider, events)
	if err != nil {
		return Receipt{}, err
	}
	list := make([]counted, len(events))
	for n, e := range events {
		s, found := subjects[strings.ToLower(e.Subject)]
		if !found {
			return Receipt{}, problem.InvalidField(e.attribute("subject"), e.Subject, "It is the ID of no instance of a service that this organization provides.")
		}
		d, err := k.Catalog.Definition(ctx, tx, s.PackageRevisionID)
		if err != nil {
			return Receipt{}, err
		}
		m, found := d.Meter(e.Meter)
		if !found || m.Measured {
			return Receipt{}, unknownMeter(e, d.Definition)
		}
		if err := e.within(s, now); err != nil {
			return Receipt{}, err
		}
		if e.From.IsZero() {
			e.From = s.CreatedAt.UTC()
		}
		list[n] = counted{Event: e, sum: events[n].digest(), organization: s.OrganizationID, instance: s.ID, maximum: m.Aggregation == servicepkg.AggregateMaximum}
	}
	return record(ctx, q, provider, list, now)
}

// subjectsOf are the instances that the events are about, by their IDs, locked.
func subjectsOf(ctx context.Context, q *usagedb.Queries, provider uuid.UUID, events []Event) (map[string]usagedb.SubjectsRow, error) {
	ids := map[uuid.UUID]bool{}
	for _, e := range events {
		if id, err := uuid.Parse(e.Subject); err == nil && len(e.Subject) == len(id.String()) {
			ids[id] = true
		}
	}
	var list []uuid.UUID
	for id := range ids {
		list = append(list, id)
	}
	rows, err := q.Subjects(ctx, usagedb.SubjectsParams{Ids: list, Provider: provider})
	of := make(map[string]usagedb.SubjectsRow, len(rows))
	for _, r := range rows {
		of[r.ID.String()] = r
	}
	return of, err
}

func unknownMeter(e Event, d servicepkg.Definition) error {
	var own []string
	for _, m := range d.Meters {
		if m.Name == e.Meter {
			return problem.InvalidField(e.attribute("type"), e.Meter, "The zone itself measures it: nobody else sends it.")
		}
		if !m.Measured {
			own = append(own, m.Name)
		}
	}
	if len(own) == 0 {
		return problem.InvalidField(e.attribute("type"), e.Meter, "The instance's service, as it was when it was ordered, has no meter that is sent.")
	}
	return problem.InvalidField(e.attribute("type"), e.Meter, "It is a meter of the instance's service, one of: %s.", strings.Join(own, ", "))
}

// within says what is wrong with the time of an event.
func (e Event) within(s usagedb.SubjectsRow, now time.Time) error {
	field := e.data("to")
	if e.To.Equal(e.From) {
		field = e.attribute("time")
	}
	switch {
	case e.To.After(now.Add(Skew)):
		return problem.InvalidField(field, e.To, "It lies in the future.")
	case e.To.Before(now.Add(-Oldest)):
		return problem.InvalidField(field, e.To, "It is more than %d days ago; what is as late is no longer billed.", int(Oldest.Hours()/24))
	case e.To.Before(s.CreatedAt) || e.To.Equal(s.CreatedAt) && e.From.Before(e.To):
		return problem.InvalidField(field, e.To, "It is before the instance was ordered.")
	case s.PurgedAt != nil && !e.From.Before(*s.PurgedAt):
		return problem.InvalidField(field, e.To, "The instance had been removed for good by then.")
	}
	return nil
}

type key struct{ source, id string }

// record stores checked events of a sender, and what follows of those that are new.
func record(ctx context.Context, q *usagedb.Queries, sender uuid.UUID, list []counted, at time.Time) (Receipt, error) {
	distinct, err := distinctOf(list)
	if err != nil {
		return Receipt{}, err
	}
	fresh, err := insert(ctx, q, sender, distinct, at)
	if err != nil {
		return Receipt{}, err
	}
	if len(fresh) < len(distinct) {
		if err := compare(ctx, q, sender, distinct, fresh); err != nil {
			return Receipt{}, err
		}
	}
	if err := addUp(ctx, q, fresh, at); err != nil {
		return Receipt{}, err
	}
	return Receipt{Accepted: len(fresh), Repeated: len(list) - len(fresh)}, mark(ctx, q, fresh, at)
}

// distinctOf leaves out what is in the list before, in an order that is the same
// whoever sends, so that two transactions do not wait for each other.
func distinctOf(list []counted) ([]counted, error) {
	seen := make(map[key][]byte, len(list))
	out := make([]counted, 0, len(list))
	for _, e := range list {
		before, known := seen[key{e.Source, e.ID}]
		switch {
		case known && !bytes.Equal(before, e.sum):
			return nil, conflict(e.Event)
		case !known:
			seen[key{e.Source, e.ID}] = e.sum
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b counted) int {
		if c := strings.Compare(a.Source, b.Source); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out, nil
}

func conflict(e Event) error {
	return &problem.Error{Status: http.StatusConflict, Code: "event-differs", Detail: "An event of this source and ID was taken before that says something else. Events are never changed: send a new one. Nothing of this request was taken.",
		Fields: []problem.Field{{Location: e.attribute("id"), Value: e.ID, Message: "It was used for another event."}}}
}

// insert stores the events and returns those that were not there.
func insert(ctx context.Context, q *usagedb.Queries, sender uuid.UUID, list []counted, at time.Time) ([]counted, error) {
	p := usagedb.InsertEventsParams{SenderID: sender, RecordedAt: at}
	for _, e := range list {
		p.Sources, p.EventIds, p.Digests = append(p.Sources, e.Source), append(p.EventIds, e.ID), append(p.Digests, e.sum)
		p.Organizations, p.Instances, p.Meters = append(p.Organizations, e.organization), append(p.Instances, e.instance), append(p.Meters, e.Meter)
		p.FromAts, p.ToAts, p.Completes = append(p.FromAts, e.From), append(p.ToAts, e.To), append(p.Completes, e.Complete)
		quantity := int64(-1) // none
		if e.Quantity != nil {
			quantity = *e.Quantity
		}
		p.Quantities = append(p.Quantities, quantity)
	}
	rows, err := q.InsertEvents(ctx, p)
	if err != nil || len(rows) == len(list) {
		return list, err
	}
	stored := make(map[key]bool, len(rows))
	for _, r := range rows {
		stored[key{r.Source, r.EventID}] = true
	}
	fresh := make([]counted, 0, len(rows))
	for _, e := range list {
		if stored[key{e.Source, e.ID}] {
			fresh = append(fresh, e)
		}
	}
	return fresh, nil
}

// compare refuses those that were there before and said something else.
func compare(ctx context.Context, q *usagedb.Queries, sender uuid.UUID, list, fresh []counted) error {
	p := usagedb.DigestsParams{SenderID: sender}
	now := make(map[key]bool, len(fresh))
	for _, e := range fresh {
		now[key{e.Source, e.ID}] = true
	}
	for _, e := range list {
		if !now[key{e.Source, e.ID}] {
			p.Sources, p.EventIds = append(p.Sources, e.Source), append(p.EventIds, e.ID)
		}
	}
	rows, err := q.Digests(ctx, p)
	if err != nil {
		return err
	}
	before := make(map[key][]byte, len(rows))
	for _, r := range rows {
		before[key{r.Source, r.EventID}] = r.Digest
	}
	for _, e := range list {
		if k := (key{e.Source, e.ID}); !now[k] && !bytes.Equal(before[k], e.sum) {
			return conflict(e.Event)
		}
	}
	return nil
}

type window struct {
	instance uuid.UUID
	meter    string
	hour     time.Time
}

// addUp adds the events to their hours.
func addUp(ctx context.Context, q *usagedb.Queries, fresh []counted, at time.Time) error {
	index := map[window]int{}
	p := usagedb.AddToWindowsParams{RecordedAt: at}
	for _, e := range fresh {
		if e.Quantity == nil {
			continue
		}
		w := window{e.instance, e.Meter, e.hour()}
		n, known := index[w]
		if !known {
			n = len(p.Hours)
			index[w] = n
			p.Organizations, p.Instances, p.Meters, p.Hours = append(p.Organizations, e.organization), append(p.Instances, e.instance), append(p.Meters, e.Meter), append(p.Hours, w.hour)
			p.Quantities, p.Events, p.Maxima = append(p.Quantities, 0), append(p.Events, 0), append(p.Maxima, e.maximum)
		}
		p.Events[n]++
		switch {
		case e.maximum:
			p.Quantities[n] = max(p.Quantities[n], *e.Quantity)
		case *e.Quantity > math.MaxInt64-p.Quantities[n]:
			return tooMuch(e.Event)
		default:
			p.Quantities[n] += *e.Quantity
		}
	}
	if len(p.Hours) == 0 {
		return nil
	}
	err := q.AddToWindows(ctx, p)
	if store.ErrorCode(err) == numericOutOfRange {
		return tooMuch(fresh[0].Event)
	}
	return err
}

const numericOutOfRange = "22003"

func tooMuch(e Event) error {
	return problem.InvalidField(e.data("quantity"), nil, "With what is there already it is more than an hour can hold.")
}

// mark notes which times are complete.
func mark(ctx context.Context, q *usagedb.Queries, fresh []counted, at time.Time) error {
	p := usagedb.InsertMarksParams{RecordedAt: at}
	for _, e := range fresh {
		if e.Complete {
			p.Organizations, p.Instances, p.Meters = append(p.Organizations, e.organization), append(p.Instances, e.instance), append(p.Meters, e.Meter)
			p.FromAts, p.ToAts = append(p.FromAts, e.From), append(p.ToAts, e.To)
		}
	}
	if len(p.Meters) == 0 {
		return nil
	}
	return q.InsertMarks(ctx, p)
}
