package zone

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/internal/clock"
	"souk/internal/store"
	"souk/internal/zone/zonedb"
)

// LoadClock raises the process's clock to what the record says, so that it never
// tells an earlier time than any replica has written down.
func LoadClock(ctx context.Context, st *store.Store, c *clock.Offset) error {
	return st.System(ctx, func(tx store.Tx) error {
		row, err := zonedb.New(tx).LoadClock(ctx)
		if err == pgx.ErrNoRows {
			return nil
		}
		if err == nil {
			c.Raise(time.Duration(row.OffsetMicroseconds)*time.Microsecond, row.FloorAt)
		}
		return err
	})
}

// KeepClock writes down how far the clock has come, and learns of an offset that
// another replica has set.
func (z *Zones) KeepClock(ctx context.Context) error {
	before := z.Clock.Offset()
	err := z.Store.System(ctx, func(tx store.Tx) error {
		row, err := zonedb.New(tx).PutClock(ctx, zonedb.PutClockParams{OffsetMicroseconds: before.Microseconds(), FloorAt: z.Clock.Now()})
		if err == nil {
			z.Clock.Raise(time.Duration(row.OffsetMicroseconds)*time.Microsecond, row.FloorAt)
		}
		return err
	})
	if err == nil && z.Clock.Offset() != before {
		z.tellClock()
	}
	return err
}

// AdvanceClock moves Souk's clock forward for everybody. The transaction is a
// system one; call ClockAdvanced once it has committed.
func (z *Zones) AdvanceClock(ctx context.Context, tx store.Tx, d time.Duration) (time.Duration, error) {
	q := zonedb.New(tx)
	if _, err := q.PutClock(ctx, zonedb.PutClockParams{OffsetMicroseconds: z.Clock.Offset().Microseconds(), FloorAt: z.Clock.Now()}); err != nil {
		return 0, err
	}
	row, err := q.AdvanceClock(ctx, d.Microseconds())
	return time.Duration(row.OffsetMicroseconds) * time.Microsecond, err
}

// ClockAdvanced puts a committed offset in force here and tells the agents.
func (z *Zones) ClockAdvanced(offset time.Duration) {
	z.Clock.Raise(offset, time.Time{})
	z.tellClock()
}

func (z *Zones) watchClock() chan struct{} {
	c := make(chan struct{}, 1)
	z.mu.Lock()
	defer z.mu.Unlock()
	z.clocks[c] = struct{}{}
	return c
}

func (z *Zones) unwatchClock(c chan struct{}) {
	z.mu.Lock()
	defer z.mu.Unlock()
	delete(z.clocks, c)
}

func (z *Zones) tellClock() {
	z.mu.Lock()
	defer z.mu.Unlock()
	for c := range z.clocks {
		select {
		case c <- struct{}{}:
		default: // told already
		}
	}
}
