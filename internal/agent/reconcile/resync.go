package reconcile

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"souk/internal/pause"
)

// slices of a resync period, in each of which a share of the instances is
// looked at.
const shares = 64

// resync looks at every instance at once at the start, and then at each once in
// every period, a share at a time.
func (r *Reconciler) resync(ctx context.Context) {
	r.Revisit(r.all()...)
	for ctx.Err() == nil {
		ids := r.all()
		rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		share := len(ids)/shares + 1
		batches := slices.Collect(slices.Chunk(ids, share))
		for i := range shares {
			if pause.For(ctx, jittered(r.opt.Resync/shares)) != nil {
				return
			}
			if i < len(batches) {
				r.Revisit(batches[i]...)
			}
		}
	}
}

// Revisit has instances looked at once more, after those that have changed.
func (r *Reconciler) Revisit(ids ...string) {
	for _, id := range ids {
		r.queue.Add(id)
	}
}

func (r *Reconciler) all() []string {
	ids, err := r.opt.Store.IDs()
	if err != nil {
		r.opt.Logger.Error("the list of instances cannot be read from disk", "error", err)
	}
	return ids
}

// Orphans names what exists in the zone although the control plane has said
// nothing of it. It is left alone: deleting is always said.
func (r *Reconciler) Orphans(ctx context.Context) {
	here, err := r.opt.Driver.List(ctx)
	if err != nil {
		r.opt.Logger.Warn("the zone's instances cannot be listed", "error", err)
		return
	}
	known := make(map[string]bool)
	for _, id := range r.all() {
		known[id] = true
	}
	drilled, err := r.opt.Store.ThrowAways()
	if err != nil {
		r.opt.Logger.Error("the list of what restore drills make cannot be read from disk", "error", err)
	}
	for _, id := range drilled {
		known[id] = true
	}
	for _, id := range here {
		if !known[id] {
			r.opt.Logger.Warn("an instance exists in this zone that the control plane does not know; it is left alone", "instance", id)
		}
	}
}

// jittered is d, give or take a tenth.
func jittered(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1)
}
