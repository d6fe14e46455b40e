package kubernetes

import (
	"testing"
	"time"

	"souk/internal/driver"
	"souk/internal/driver/changes"
)

// What the data takes is part of the next observation, and worth one once it has moved.
func TestMeasuredStorageIsObserved(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	d := &Driver{cfg: Config{Now: func() time.Time { return at }}, events: changes.NewFeed(), measured: map[string]measured{}}
	go d.events.Pump(t.Context().Done())
	rec := record{Initialised: true, StorageGiB: 1}
	told := func() bool {
		select {
		case <-d.Events():
			return true
		case <-time.After(20 * time.Millisecond):
			return false
		}
	}
	for _, test := range []struct {
		used int64
		news bool
	}{{100 << 20, true}, {101 << 20, false}, {120 << 20, true}, {119 << 20, false}} {
		d.measure("i", rec, []driver.Sample{{Name: "other", Value: 1}, {Name: driver.MetricStorage, Value: float64(test.used)}})
		if got := d.observation(oneMember{}, "i", rec, Seen{}, nil); got.StorageUsedBytes != test.used || !got.MeasuredAt.Equal(at) {
			t.Errorf("%d are observed as %d at %v", test.used, got.StorageUsedBytes, got.MeasuredAt)
		}
		if news := told(); news != test.news {
			t.Errorf("%d: news %v", test.used, news)
		}
	}
	d.forgetMeasured("i")
	if got := d.observation(oneMember{}, "i", rec, Seen{}, nil); got.StorageUsedBytes != 0 {
		t.Errorf("of a removed one %d are observed", got.StorageUsedBytes)
	}
}
