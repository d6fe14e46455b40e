package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/store"
	"souk/internal/usage"
)

const (
	// senders is how many send usage at the same time.
	senders = 2
	// metered is how many instances the events are of.
	metered = 1000
	// every is how often an instance is told of.
	every = 3 * time.Minute
)

// usageEvents measures taking in events of usage from their JSON on, each once, beside
// copying the same rows into a table with the same key and indexes; and the same events
// again, of which none counts.
func usageEvents(ctx context.Context, e *env) ([]row, error) {
	b, err := openBooks(ctx, e, "usage", senders, metered/senders)
	if err != nil {
		return nil, err
	}
	defer b.close()
	batches, err := b.eventBatches(ctx, e.sizes.events)
	if err != nil {
		return nil, err
	}
	b.clock.Set(b.opened.Add(24 * time.Hour))
	fresh, err := b.takeAll(ctx, batches)
	if err != nil {
		return nil, err
	}
	copied, err := b.copyAll(ctx)
	if err != nil {
		return nil, err
	}
	again, err := b.takeAll(ctx, batches)
	if err != nil {
		return nil, err
	}
	n, err := b.count(ctx, "usage_events")
	if err == nil && n != e.sizes.events {
		err = fmt.Errorf("%d of %d events were counted", n, e.sizes.events)
	}
	rate := func(took time.Duration) float64 { return float64(e.sizes.events) / took.Seconds() }
	r := row{what: fmt.Sprintf("events of usage a second, of %d for %d instances: read, told apart, added up", e.sizes.events, metered), measured: fmt.Sprintf("%.0f", rate(fresh)), baseline: fmt.Sprintf("%.0f", rate(copied)),
		ratio: times(copied.Seconds() / fresh.Seconds())}
	if e.sizes.events >= fullSize.events {
		r.goal, r.verdict = "≥ 20000", reached(rate(fresh) >= 20000)
	}
	return []row{r, {what: "the same events again, of which none counts", measured: fmt.Sprintf("%.0f", rate(again))}}, err
}

// eventBatches are events of the first hours, as JSON of so many as a request may hold:
// each instance is told of every three minutes. Batches are of each sender's own instances
// in turn.
func (b *books) eventBatches(ctx context.Context, events int) (batches [][]byte, err error) {
	rows, err := b.conn.Query(ctx, "SELECT id FROM instances ORDER BY organization_id, id")
	if err != nil {
		return nil, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, err
	}
	each := len(ids) / senders
	for begin := 0; begin < events; begin += usage.MaxEvents {
		var batch []map[string]any
		sender, sent := begin/usage.MaxEvents%senders, begin/usage.MaxEvents/senders*usage.MaxEvents
		for n := begin; n < min(begin+usage.MaxEvents, events); n++ {
			nth := sent + n - begin // of the sender's
			from, id := b.opened.Add(time.Duration(nth/each)*every), ids[sender*each+nth%each]
			batch = append(batch, map[string]any{"specversion": "1.0", "id": fmt.Sprintf("event-%d", n), "source": "/bench", "type": "queries", "subject": id, "time": from.Add(every), "datacontenttype": "application/json",
				"data": map[string]any{"from": from, "to": from.Add(every), "quantity": n % 5000}})
		}
		text, err := json.Marshal(batch)
		if err != nil {
			return nil, err
		}
		batches = append(batches, text)
	}
	return batches, nil
}

// takeAll takes the batches in, each in a transaction of its own.
func (b *books) takeAll(ctx context.Context, batches [][]byte) (time.Duration, error) {
	k, header := usage.Keeper{Catalog: b.catalog}, http.Header{"Content-Type": {"application/cloudevents-batch+json"}}
	began := time.Now()
	err := together(senders, func(worker int) error {
		for n := worker; n < len(batches); n += senders {
			events, err := usage.Parse(header, batches[n])
			if err != nil {
				return err
			}
			if err := b.st.System(ctx, func(tx store.Tx) error {
				_, err := k.Take(ctx, tx, b.provider, events, b.clock.Now())
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	})
	return time.Since(began), err
}

// copyAll copies the rows that are there into a table like theirs, as many a transaction.
func (b *books) copyAll(ctx context.Context) (time.Duration, error) {
	if _, err := b.conn.Exec(ctx, "CREATE TABLE copied (LIKE usage_events INCLUDING ALL)"); err != nil {
		return 0, err
	}
	rows, err := b.conn.Query(ctx, "SELECT * FROM usage_events ORDER BY sender_id, source, event_id")
	if err != nil {
		return 0, err
	}
	var columns []string
	for _, f := range rows.FieldDescriptions() {
		columns = append(columns, f.Name)
	}
	var all [][]any
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return 0, err
		}
		all = append(all, values)
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	began := time.Now()
	err = together(senders, func(worker int) error {
		conn, err := pgx.Connect(ctx, b.superuser())
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		for n := worker * usage.MaxEvents; n < len(all); n += senders * usage.MaxEvents {
			if _, err := conn.CopyFrom(ctx, pgx.Identifier{"copied"}, columns, pgx.CopyFromRows(all[n:min(n+usage.MaxEvents, len(all))])); err != nil {
				return err
			}
		}
		return nil
	})
	return time.Since(began), err
}
