package counters

import (
	"context"
	"hash/fnv"
	"log/slog"
	"slices"
	"sync"
	"time"

	"souk/internal/driver"
)

// Key names a counter.
type Key struct{ Instance, Meter string }

// Records is where accounts outlive the process.
type Records interface {
	// IDs are the instances of the zone.
	IDs() ([]string, error)
	// Accounts are all that are kept, and which of them cannot be read.
	Accounts() (known map[Key]Account, damaged map[Key]bool, err error)
	// Began is since when (real time) accounts have been kept here.
	Began() time.Time
	// ReportUsage reports what was used, and keeps the accounts, in one write. Of an
	// instance that is not of the zone any more neither is done.
	ReportUsage(all []Report) error
	// SoukTime is a moment of the machine's clock by Souk's.
	SoukTime(real time.Time) time.Time
}

// Report is what is told of a counter, and its account from then on.
type Report struct {
	Key
	Used []Used
	Account
}

// Options of a Collector.
type Options struct {
	Driver   driver.Counting
	Records  Records
	Interval time.Duration    // in which each instance is asked once
	Now      func() time.Time // the machine's clock
	Logger   *slog.Logger
}

// Collector asks instances what they have counted.
type Collector struct {
	Options
	moved chan struct{} // has a token when Souk's clock was moved

	mu       sync.Mutex
	due      map[string]time.Time // by instance, when it is asked next
	asked    map[string]time.Time // by instance, when it was asked last, by Souk's clock
	own      map[Key]int64        // what Souk's own sessions had taken at the last reading
	accounts map[Key]Account      // as they are kept; nil: not read yet
	damaged  map[Key]bool
}

// answer is what an instance said.
type answer struct {
	id   string
	at   time.Time // by the machine's clock
	read []driver.Counter
}

const (
	look      = time.Second
	askWithin = 5 * time.Second // one instance
	// readWithin is how long a change of an instance waits for it.
	readWithin = time.Second
	askAtOnce  = 8
	// soon is after which one that told nothing is asked again, unless the interval is
	// shorter: it may have been on its way.
	soon = 2 * time.Second
	// mostReports is how many go into one write.
	mostReports = 100
)

// New returns a collector that works once it runs.
func New(o Options) *Collector {
	return &Collector{Options: o, moved: make(chan struct{}, 1), due: map[string]time.Time{}, asked: map[string]time.Time{}, own: map[Key]int64{}}
}

// ClockMoved says that Souk's clock was moved: all are asked at once.
func (c *Collector) ClockMoved() {
	select {
	case c.moved <- struct{}{}:
	default:
	}
}

// Run collects until ctx ends.
func (c *Collector) Run(ctx context.Context) error {
	tick := time.NewTicker(min(look, c.Interval))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.moved:
			c.mu.Lock()
			clear(c.due)
			c.mu.Unlock()
		case <-tick.C:
		}
		c.Look(ctx)
	}
}

// Look asks those that are due, and reports what is of hours that are over.
func (c *Collector) Look(ctx context.Context) {
	var asking sync.WaitGroup
	due := c.dueBy(c.Now())
	answers, turn := make([]answer, len(due)), make(chan struct{}, askAtOnce)
	for n, id := range due {
		turn <- struct{}{}
		asking.Go(func() {
			defer func() { <-turn }()
			answers[n] = c.ask(ctx, id)
		})
	}
	asking.Wait()
	c.account(answers, true)
}

// Read asks an instance now, for a moment: it is about to be stopped, or may be.
func (c *Collector) Read(ctx context.Context, id string) {
	c.mu.Lock()
	ready := c.accounts != nil
	c.mu.Unlock()
	if ready {
		ctx, cancel := context.WithTimeout(ctx, readWithin)
		defer cancel()
		c.account([]answer{c.ask(ctx, id)}, false)
	}
}

// dueBy are the instances that are to be asked by now.
func (c *Collector) dueBy(now time.Time) (due []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids, err := c.Records.IDs()
	if err == nil && c.accounts == nil {
		err = c.load(now)
	}
	if err != nil {
		c.Logger.Error("the list of instances cannot be read, so that what they have counted is not collected", "error", err)
		return nil
	}
	c.forget(ids)
	for _, id := range ids {
		if at, known := c.due[id]; !known || !now.Before(at) || at.Sub(now) > c.Interval {
			due = append(due, id)
		}
	}
	return due
}

// ask asks one instance.
func (c *Collector) ask(ctx context.Context, id string) answer {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	read, err := c.Driver.Counters(ctx, id)
	if err != nil && ctx.Err() == nil {
		c.Logger.Debug("what an instance has counted cannot be collected", "instance", id, "error", err)
	}
	return answer{id, c.Now(), read}
}

// account accounts for what instances said; with all, also for hours that are over of
// those that tell nothing any more.
func (c *Collector) account(answers []answer, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := map[Key]int64{}
	var reports []Report
	for _, a := range answers {
		c.due[a.id], c.asked[a.id] = a.at.Add(c.Interval), c.Records.SoukTime(a.at)
		if len(a.read) == 0 {
			c.due[a.id] = a.at.Add(min(c.Interval, soon))
		}
		for _, read := range a.read {
			k := Key{a.id, read.Meter}
			if r, ok := c.next(k, read, a.at); ok {
				reports, own[k] = append(reports, r), read.Own
			}
		}
	}
	if all {
		reports = append(reports, c.over(own)...)
	}
	for part := range slices.Chunk(reports, mostReports) {
		if err := c.Records.ReportUsage(part); err != nil {
			c.Logger.Error("what was counted of instances cannot be written to disk; it is tried again", "error", err)
			return
		}
		for _, r := range part {
			c.accounts[r.Key] = r.Account
			if taken, read := own[r.Key]; read {
				c.own[r.Key] = taken
				delete(c.damaged, r.Key)
			}
		}
	}
}

// next is what follows of a reading that was made at a moment of the machine's clock;
// false: nothing, for a clock was put back.
func (c *Collector) next(k Key, read driver.Counter, at time.Time) (Report, bool) {
	r := Reading{At: c.Records.SoukTime(at), Since: c.Records.SoukTime(read.Since), Run: read.Run, Value: read.Value, Own: read.Own - c.own[k]}
	is, found := c.accounts[k]
	var over []Used
	if found {
		is, over = is.Next(r)
	} else { // what an engine counted that was there before the records is nobody's
		is, over = Begin(r, !c.damaged[k] && !read.Since.Before(c.Records.Began()))
	}
	return Report{k, over, is}, is.At.Equal(r.At)
}

// over reports what is of hours that had been over for a while when instances were asked
// that tell nothing any more.
func (c *Collector) over(told map[Key]int64) (reports []Report) {
	for k, is := range c.accounts {
		if _, now := told[k]; now {
			continue
		}
		if left, over := is.Over(c.asked[k.Instance].Add(-2 * c.Interval)); len(over) > 0 {
			reports = append(reports, Report{k, over, left})
		}
	}
	return reports
}

// load reads the accounts, and spreads when their instances are asked.
func (c *Collector) load(now time.Time) (err error) {
	if c.accounts, c.damaged, err = c.Records.Accounts(); err != nil {
		c.accounts = nil
		return err
	}
	for k := range c.accounts {
		h := fnv.New64a()
		_, _ = h.Write([]byte(k.Instance))
		c.due[k.Instance] = now.Add(time.Duration(h.Sum64() % uint64(c.Interval)))
	}
	return nil
}

// forget drops what is remembered of instances that are not there any more.
func (c *Collector) forget(ids []string) {
	there := make(map[string]bool, len(ids))
	for _, id := range ids {
		there[id] = true
	}
	for id := range c.due {
		if !there[id] {
			delete(c.due, id)
			delete(c.asked, id)
		}
	}
	for k := range c.accounts {
		if !there[k.Instance] {
			delete(c.accounts, k)
			delete(c.own, k)
		}
	}
}
