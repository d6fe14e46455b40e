package zone_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/prometheus/prompb"

	"souk/internal/agent"
	"souk/internal/driver"
	"souk/internal/driver/fake"
	"souk/internal/metrics"
)

// counter is a zone whose instances count how often they were asked.
type counter struct {
	*fake.Driver
	mu    sync.Mutex
	count int
}

func (d *counter) Sample(_ context.Context, id string) ([]driver.Sample, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	return []driver.Sample{{Name: "asked_total", Value: float64(d.count)}}, nil
}

func (d *counter) asked() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count
}

// shelf is a metrics store that can be away.
type shelf struct {
	metrics.Store
	mu     sync.Mutex
	err    error
	tries  int
	series []prompb.TimeSeries
}

func (s *shelf) Append(_ context.Context, series []prompb.TimeSeries) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	if s.err == nil {
		s.series = append(s.series, series...)
	}
	return s.err
}

func (s *shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.tries = err, 0
}

func (s *shelf) tried() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries
}

// values that were kept, each once.
func (s *shelf) values() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []int
	for _, series := range s.series {
		for _, sample := range series.Samples {
			all = append(all, int(sample.Value))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// measuring is a plane with a store, an agent that asks each second, and an
// instance.
func measuring(t *testing.T) (*plane, *machine, *counter, *shelf, uuid.UUID) {
	t.Helper()
	store := &shelf{}
	receiver := &metrics.Receiver{Store: store}
	p := newPlane(t)
	receiver.Now = p.Machine.Now
	receiver.Owners = func(ctx context.Context, zone uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]metrics.Owner, error) {
		return p.zones.Owners(ctx, zone, ids)
	}
	p.away()
	p.config.Metrics = receiver
	p.start()
	d := &counter{Driver: newDriver()}
	m := p.machine(d)
	m.config.Metrics.Interval = agent.Duration(time.Second)
	m.Start()
	p.awaitHello()
	return p, m, d, store, p.order()
}

// whole waits until all that was collected is kept, and more of it than n.
func (p *plane) whole(d *counter, store *shelf, n int) {
	p.t.Helper()
	p.eventually("all that was collected is kept", func() bool {
		got := store.values()
		return len(got) > n && got[0] == 1 && got[len(got)-1] == len(got) && len(got) >= d.asked()-1
	})
}

// What is collected while the store is away, or the control plane, is kept on disk,
// and nothing is lost when the agent is started anew meanwhile.
func TestNothingIsLostWhileMetricsCannotBeKept(t *testing.T) {
	p, m, d, store, _ := measuring(t)
	p.whole(d, store, 0)
	t.Run("the store away", func(t *testing.T) {
		before := d.asked()
		store.fail(metrics.ErrAway)
		p.eventually("it was tried in vain", func() bool { return store.tried() > 1 && d.asked() > before+1 })
		m.Stop()
		m.Start()
		p.eventually("it was tried by the next agent", func() bool { return store.tried() > 3 && d.asked() > before+2 })
		if got := store.values(); len(got) > before {
			t.Errorf("%d are kept by a store that is away", len(got)-before)
		}
		store.fail(nil)
		p.whole(d, store, before+2)
	})
	t.Run("the agent cut off", func(t *testing.T) {
		before := d.asked()
		p.away()
		p.eventually("it goes on collecting", func() bool { return d.asked() > before+2 })
		p.start()
		p.whole(d, store, before+2)
	})
	t.Run("what the store refuses holds up nothing", func(t *testing.T) {
		before := d.asked()
		store.fail(metrics.ErrRefused)
		p.eventually("it was refused", func() bool { return store.tried() > 0 })
		store.fail(nil)
		p.eventually("what came after is kept", func() bool { got := store.values(); return got[len(got)-1] > before+1 })
		m.awaitLog("they are given up", 1)
	})
}

// Whose an instance's figures are is what the record says, and only of a zone's own.
func TestFiguresAreStampedFromTheRecord(t *testing.T) {
	p, _, d, store, id := measuring(t)
	p.whole(d, store, 0)
	got := map[string]string{}
	for _, l := range store.series[0].Labels {
		got[l.Name] = l.Value
	}
	v := p.View(t, id)
	if got["instance_id"] != id.String() || got["instance"] != v.Name || got["organization"] != v.Organization || got["project"] != v.Project || got["zone"] != "local" || got["service"] != v.Service {
		t.Errorf("%v", got)
	}
	own, err := p.zones.Owners(t.Context(), v.ZoneID, []uuid.UUID{id, uuid.New()})
	if err != nil || len(own) != 1 {
		t.Errorf("%v, %v", own, err)
	}
	if others, err := p.zones.Owners(t.Context(), p.Abroad, []uuid.UUID{id}); err != nil || len(others) != 0 {
		t.Errorf("another zone's: %v, %v", others, err)
	}
}

// An agent whose control plane keeps no metrics collects none for a while.
func TestAControlPlaneWithoutMetrics(t *testing.T) {
	p := newPlane(t)
	d := &counter{Driver: newDriver()}
	m := p.machine(d)
	m.config.Metrics.Interval = agent.Duration(time.Second)
	m.Start()
	p.awaitHello()
	p.order()
	m.awaitLog("keeps no metrics", 1)
	if strings.Contains(m.log.String(), "level=ERROR") {
		t.Error("that is no error")
	}
}
