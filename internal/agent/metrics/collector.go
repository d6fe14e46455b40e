// Package metrics collects the figures of a zone's instances, and keeps them on
// disk until the control plane has them.
package metrics

import (
	"context"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"

	"souk/internal/driver"
)

// labelID names the instance to the control plane, which adds whose it is.
const labelID = "instance_id"

// Options of a Collector.
type Options struct {
	Sampler   driver.Sampler
	Instances func() ([]string, error) // those of the zone
	Interval  time.Duration            // in which each is asked once; at least a second
	Spool     *Spool
	Now       func() time.Time // real time
	Logger    *slog.Logger
}

// Collector asks each instance once in every interval, at a moment of its own, so
// that they are not all asked at once.
type Collector struct {
	Options
	mu    sync.Mutex
	off   bool
	asked map[string]bool // that have not answered yet
}

const (
	askWithin = 5 * time.Second // one instance
	askAtOnce = 8
)

// New returns a collector that works once it runs.
func New(o Options) *Collector {
	return &Collector{Options: o, asked: map[string]bool{}}
}

// Pause has the collector ask nobody, as nobody keeps what it would learn, until it
// is called with false.
func (c *Collector) Pause(off bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = off
}

// Run collects until ctx ends.
func (c *Collector) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	turn := make(chan struct{}, askAtOnce)
	var asking sync.WaitGroup
	defer asking.Wait()
	began, first := time.Now(), c.Now().Unix()
	for last := first; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := first + int64(time.Since(began)/time.Second) // no clock that is put back stops it
		due := c.due(last, now)
		last = now
		if len(due) > 0 {
			asking.Go(func() { c.keep(c.Collect(ctx, due, turn)) })
		}
	}
}

// due are the instances whose moment is after one second and not after another.
func (c *Collector) due(after, until int64) (ids []string) {
	c.mu.Lock()
	off := c.off
	c.mu.Unlock()
	if off || until <= after {
		return nil
	}
	all, err := c.Instances()
	if err != nil {
		c.Logger.Error("the list of instances cannot be read, so their figures are not collected", "error", err)
		return nil
	}
	every := int64(c.Interval / time.Second)
	after = max(after, until-every) // once is enough after a long pause
	for _, id := range all {
		if at := offset(id, every); (until-at)/every > (after-at)/every {
			ids = append(ids, id)
		}
	}
	return ids
}

// offset is an instance's moment within the interval, in seconds.
func offset(id string, every int64) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int64(h.Sum32()) % every
}

// Collect asks instances, each once, no more at one time than turn has room for.
// One that has not answered the last time yet is left out.
func (c *Collector) Collect(ctx context.Context, ids []string, turn chan struct{}) []prompb.TimeSeries {
	var mu sync.Mutex
	var all []prompb.TimeSeries
	var asking sync.WaitGroup
	for _, id := range ids {
		if !c.begin(id) {
			continue
		}
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			c.end(id)
			continue
		}
		asking.Go(func() {
			defer func() { <-turn; c.end(id) }()
			series := c.ask(ctx, id)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, series...)
		})
	}
	asking.Wait()
	return all
}

func (c *Collector) begin(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked[id] {
		return false
	}
	c.asked[id] = true
	return true
}

func (c *Collector) end(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.asked, id)
}

// ask asks one instance.
func (c *Collector) ask(ctx context.Context, id string) []prompb.TimeSeries {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	at := c.Now().UnixMilli()
	samples, err := c.Sampler.Sample(ctx, id)
	if err != nil {
		c.Logger.Debug("an instance's figures cannot be collected", "instance", id, "error", err)
		return nil
	}
	series := make([]prompb.TimeSeries, len(samples))
	for i, s := range samples {
		set := []prompb.Label{{Name: "__name__", Value: s.Name}, {Name: labelID, Value: id}}
		for name, value := range s.Labels {
			set = append(set, prompb.Label{Name: name, Value: value})
		}
		series[i] = prompb.TimeSeries{Labels: set, Samples: []prompb.Sample{{Value: s.Value, Timestamp: at}}}
	}
	return series
}

// keep puts what was collected on disk.
func (c *Collector) keep(series []prompb.TimeSeries) {
	if len(series) == 0 {
		return
	}
	raw, err := (&prompb.WriteRequest{Timeseries: series}).Marshal()
	if err == nil {
		err = c.Spool.Add(snappy.Encode(nil, raw))
	}
	if err != nil {
		c.Logger.Error("figures that were collected cannot be kept", "error", err)
	}
}
