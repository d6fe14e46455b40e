package fake

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"souk/internal/driver"
)

var _ driver.Counting = (*Driver)(nil)

// Count has a meter of an instance count so much more.
func (d *Driver) Count(id, meter string, more int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if found := d.instances[id]; found != nil && found.state == driver.StateRunning {
		found.counted[meter] += more
	}
}

// Counters implements driver.Counting: those that Count was called for since the
// instance was started.
func (d *Driver) Counters(ctx context.Context, id string) ([]driver.Counter, error) {
	if err := d.before(ctx, OpCounters, id); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	found := d.instances[id]
	if found == nil {
		return nil, driver.ErrNotFound
	}
	if found.state == driver.StateStopped {
		return nil, nil
	}
	var all []driver.Counter
	for _, meter := range slices.Sorted(maps.Keys(found.counted)) {
		all = append(all, driver.Counter{Meter: meter, Value: found.counted[meter], Run: strconv.Itoa(found.run), Since: found.since})
	}
	return all, nil
}
