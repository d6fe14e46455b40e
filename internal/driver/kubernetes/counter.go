package kubernetes

import (
	"context"

	"souk/internal/driver"
)

// Counting is an Engine whose server counts what is billed.
type Counting interface {
	// Counters asks the pod that clients are led to once. It waits for nothing that is
	// starting.
	Counters(ctx context.Context, job *Job, primary string) ([]driver.Counter, error)
}

var _ driver.Counting = (*Driver)(nil)

// Counters implements driver.Counting, by the way that figures come.
func (d *Driver) Counters(ctx context.Context, id string) ([]driver.Counter, error) {
	rec, err := d.cached(ctx, id)
	if err != nil {
		return nil, err
	}
	engine, err := d.engine(rec.Service)
	if err != nil {
		return nil, err
	}
	engine = madeBy(engine, rec)
	counting, ok := engine.(Counting)
	if !ok || rec.Stopped || !rec.Initialised {
		return nil, nil
	}
	want := rec.instance(id)
	if err := d.seen(ctx, engine); err != nil {
		return nil, err
	}
	seen := engine.Look(d.view(ctx, engine, want))
	if !seen.Serving {
		return nil, nil
	}
	return counting.Counters(ctx, d.job(want), seen.Primary)
}
