package controlplane

import (
	"context"

	"souk/internal/clock"
	"souk/internal/store"
	"souk/internal/tenancy"
	"souk/internal/zone"
)

// Bootstrap makes the operator of a Souk that has none.
func Bootstrap(ctx context.Context, c Config, first tenancy.FirstOperator) (made tenancy.Planted, err error) {
	st, err := store.Open(ctx, c.Record)
	if err != nil {
		return made, err
	}
	defer st.Close()
	at := &clock.Offset{}
	if err := zone.LoadClock(ctx, st, at); err != nil {
		return made, err
	}
	err = st.System(ctx, func(tx store.Tx) (err error) {
		made, err = first.Plant(ctx, tx, at.Now())
		return err
	})
	return made, err
}
