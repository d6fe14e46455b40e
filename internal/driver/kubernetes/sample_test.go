package kubernetes

import (
	"testing"
	"time"

	"souk/internal/driver"
	"souk/internal/driver/changes"
	"souk/internal/pki"
)

// It is told for how long the server's certificate is good, but of those only that last
// as long as the alert counts on.
func TestCertificatesAreToldOf(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	ca, err := pki.NewCA("zone", at)
	if err != nil {
		t.Fatal(err)
	}
	issued := func(validity time.Duration) []byte {
		t.Helper()
		pair, err := ca.IssueServer([]string{"db1.example"}, at, validity)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Cert
	}
	const day = 24 * time.Hour
	for name, test := range map[string]struct {
		text []byte
		at   time.Time
		want time.Duration // 0: nothing is told
	}{
		"fresh":         {issued(pki.ServerValidity), at, pki.ServerValidity},
		"not renewed":   {issued(pki.ServerValidity), at.Add(pki.ServerValidity - 20*day), 20 * day},
		"at its end":    {issued(pki.ServerValidity), at.Add(pki.ServerValidity + day), -day},
		"short by rule": {issued(day), at, 0},
		"none":          {nil, at, 0},
	} {
		t.Run(name, func(t *testing.T) {
			told := certified(test.text, test.at)
			if (len(told) == 0) != (test.want == 0) {
				t.Fatalf("told %v", told)
			}
			if len(told) > 0 && (told[0].Name != driver.MetricCertificate || told[0].Value != test.want.Seconds()) {
				t.Errorf("told %v, want %v", told, test.want.Seconds())
			}
		})
	}
}

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
