package metrics

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/google/uuid"
	"github.com/prometheus/prometheus/prompb"
)

// kept is a store that remembers what it was given.
type kept struct {
	Store
	mu     sync.Mutex
	series []prompb.TimeSeries
	err    error
}

func (k *kept) Append(_ context.Context, series []prompb.TimeSeries) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		k.series = append(k.series, series...)
	}
	return k.err
}

func (k *kept) names() (names []string) {
	for _, s := range k.series {
		names = append(names, value(s.Labels, "__name__"))
	}
	return names
}

func request(t *testing.T, series ...prompb.TimeSeries) []byte {
	t.Helper()
	raw, err := (&prompb.WriteRequest{Timeseries: series}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return snappy.Encode(nil, raw)
}

// figure is a series of one sample.
func figure(id uuid.UUID, name string, at time.Time, labels ...string) prompb.TimeSeries {
	s := prompb.TimeSeries{Labels: []prompb.Label{{Name: "__name__", Value: name}, {Name: LabelID, Value: id.String()}}, Samples: []prompb.Sample{{Timestamp: at.UnixMilli(), Value: 1}}}
	for i := 0; i+1 < len(labels); i += 2 {
		s.Labels = append(s.Labels, prompb.Label{Name: labels[i], Value: labels[i+1]})
	}
	return s
}

func receiver(store Store, own ...uuid.UUID) *Receiver {
	return &Receiver{Store: store, Now: func() time.Time { return noon }, Owners: func(_ context.Context, zone uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]Owner, error) {
		found := map[uuid.UUID]Owner{}
		for _, id := range ids {
			for _, o := range own {
				if o == id {
					found[id] = Owner{Organization: "acme", Project: "default", Instance: "db1", Zone: "local", Service: "postgresql"}
				}
			}
		}
		return found, nil
	}}
}

// Whose a series is says the control plane; what a zone says of it, or of what is
// not its own, is set aside and holds nothing else up.
func TestSamplesAreStampedOrSetAside(t *testing.T) {
	own, foreign, zone := newID(), newID(), newID()
	store := &kept{}
	r := receiver(store, own)
	receipt, err := r.Receive(t.Context(), zone, request(t,
		figure(own, "good", noon, "state", "idle"),
		figure(foreign, "foreign", noon),
		figure(own, "claims_an_organization", noon, "organization", "globex"),
		figure(own, "claims_a_zone", noon, "zone", "other"),
		figure(own, "twice", noon, "a", "1", "a", "2"),
		figure(own, "reserved", noon, "__tenant__", "globex"),
		figure(own, "bad-name", noon),
		figure(own, "long", noon, "a", strings.Repeat("x", 501)),
		figure(own, "not_utf8", noon, "a", "\xff"),
		figure(own, "yesterday", noon.Add(-25*time.Hour)),
		figure(own, "tomorrow", noon.Add(time.Hour)),
		figure(own, "an_hour_late", noon.Add(-time.Hour)),
		prompb.TimeSeries{Labels: []prompb.Label{{Name: "__name__", Value: "nobodys"}}, Samples: []prompb.Sample{{}}},
	))
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(store.names()) != "[good an_hour_late]" || receipt != (Receipt{Accepted: 2, SetAside: 11}) {
		t.Errorf("kept %v, %+v", store.names(), receipt)
	}
	want := fmt.Sprintf("[__name__=good instance=db1 instance_id=%s organization=acme project=default service=postgresql state=idle zone=local]", own)
	var got []string
	for _, l := range store.series[0].Labels {
		got = append(got, l.Name+"="+l.Value)
	}
	if fmt.Sprint(got) != want {
		t.Errorf("stamped %v, want %s", got, want)
	}
}

// A zone that sends without end, or makes up series, is held to what it may.
func TestAFloodOfSamplesIsHeldBack(t *testing.T) {
	own, zone := newID(), newID()
	t.Run("series of one instance", func(t *testing.T) {
		store := &kept{}
		var all []prompb.TimeSeries
		for i := range 3000 {
			all = append(all, figure(own, "made_up", noon, "n", fmt.Sprint(i)))
		}
		receipt, err := receiver(store, own).Receive(t.Context(), zone, request(t, all...))
		if err != nil || receipt.Accepted != maxOfOne || receipt.SetAside != 2000 {
			t.Errorf("%+v, %v", receipt, err)
		}
	})
	t.Run("samples of one zone", func(t *testing.T) {
		r := receiver(&kept{}, own)
		many := figure(own, "many", noon)
		for i := range 500_000 {
			many.Samples = append(many.Samples, prompb.Sample{Timestamp: noon.UnixMilli(), Value: float64(i)})
		}
		body := request(t, many)
		var slow *SlowError
		for range 5 {
			if _, err := r.Receive(t.Context(), zone, body); errors.As(err, &slow) {
				break
			}
		}
		if slow == nil || slow.Wait <= 0 {
			t.Error("2.5 million samples at once were taken in")
		}
		if _, err := r.Receive(t.Context(), newID(), request(t, figure(own, "x", noon))); err != nil {
			t.Errorf("another zone is held back too: %v", err)
		}
	})
	t.Run("instances that are not there", func(t *testing.T) {
		r := receiver(&kept{}, own)
		var all []prompb.TimeSeries
		for range 1000 {
			all = append(all, figure(newID(), "x", noon))
		}
		if _, err := r.Receive(t.Context(), zone, request(t, all...)); err != nil {
			t.Fatal(err)
		}
		if n := len(r.zones[zone].known); n != 0 {
			t.Errorf("%d that a zone made up are remembered", n)
		}
	})
	t.Run("a small body that is large inside", func(t *testing.T) {
		if _, err := receiver(&kept{}, own).Receive(t.Context(), zone, snappy.Encode(nil, make([]byte, maxUnpacked+1))); !errors.Is(err, ErrMalformed) {
			t.Error(err)
		}
	})
	t.Run("nonsense", func(t *testing.T) {
		for _, body := range [][]byte{nil, []byte("nonsense"), snappy.Encode(nil, []byte("nonsense"))} {
			if receipt, err := receiver(&kept{}, own).Receive(t.Context(), zone, body); err != nil && !errors.Is(err, ErrMalformed) || receipt.Accepted != 0 {
				t.Error(receipt, err)
			}
		}
	})
}
