package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"

	"souk/internal/driver"
)

var quiet = slog.New(slog.DiscardHandler)

func spool(t *testing.T, folder string, most int64) *Spool {
	t.Helper()
	s, err := OpenSpool(folder, most, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// contents takes everything out, oldest first.
func contents(s *Spool) (all []string) {
	for {
		number, request, ok := s.Oldest()
		if !ok {
			return all
		}
		all = append(all, string(request))
		s.Done(number)
	}
}

func add(t *testing.T, s *Spool, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := s.Add([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
}

// What was kept outlives the process, in order.
func TestSpoolOutlivesTheProcess(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "m")
	first := spool(t, folder, 1000)
	add(t, first, "one", "two")
	if err := os.WriteFile(filepath.Join(folder, "00000000000000000009.snappy.new"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := spool(t, folder, 1000)
	select {
	case <-second.News():
	default:
		t.Error("nobody is told of what is there")
	}
	add(t, second, "three")
	if got := contents(second); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Error(got)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Error(left, err)
	}
}

// A full spool gives up the oldest.
func TestFullSpoolGivesUpTheOldest(t *testing.T) {
	s := spool(t, t.TempDir(), 10)
	add(t, s, "aaaa", "bbbb", "cccc")
	if got := contents(s); !slices.Equal(got, []string{"bbbb", "cccc"}) {
		t.Error(got)
	}
}

// A file that cannot be read does not hold up the rest.
func TestSpoolGoesOnPastAnUnreadableFile(t *testing.T) {
	folder := t.TempDir()
	s := spool(t, folder, 1000)
	add(t, s, "one", "two")
	if err := os.Remove(s.path(0)); err != nil {
		t.Fatal(err)
	}
	if got := contents(s); !slices.Equal(got, []string{"two"}) {
		t.Error(got)
	}
}

// sampler answers for instances.
type sampler func(ctx context.Context, id string) ([]driver.Sample, error)

func (s sampler) Sample(ctx context.Context, id string) ([]driver.Sample, error) { return s(ctx, id) }

// Each instance is asked once in an interval, and not all at one moment.
func TestInstancesAreAskedInTurn(t *testing.T) {
	var ids []string
	for i := range 300 {
		ids = append(ids, fmt.Sprintf("instance-%d", i))
	}
	c := New(Options{Instances: func() ([]string, error) { return ids, nil }, Interval: 15 * time.Second, Logger: quiet})
	asked, most := map[string]int{}, 0
	for second := int64(1000); second < 1030; second++ {
		due := c.due(second, second+1)
		most = max(most, len(due))
		for _, id := range due {
			asked[id]++
		}
	}
	for _, id := range ids {
		if asked[id] != 2 {
			t.Errorf("%s was asked %d times in two intervals", id, asked[id])
		}
	}
	if most > 60 {
		t.Errorf("%d of 300 are asked at one moment", most)
	}
	if late := c.due(2000, 3000); len(late) != 300 {
		t.Errorf("after a long pause %d are asked", len(late))
	}
	if again := c.due(1000, 1000); again != nil {
		t.Errorf("the same moment twice: %d", len(again))
	}
	c.Pause(true)
	if due := c.due(0, 100); due != nil {
		t.Errorf("%d are asked while nobody keeps anything", len(due))
	}
}

// One instance that hangs or fails holds up no other, and is not asked again before
// it has answered.
func TestAnInstanceThatHangsHoldsUpNoOther(t *testing.T) {
	hanging, asked := make(chan struct{}), make(chan string, 10)
	c := New(Options{Interval: time.Second, Now: time.Now, Logger: quiet, Sampler: sampler(func(_ context.Context, id string) ([]driver.Sample, error) {
		asked <- id
		switch id {
		case "hangs":
			<-hanging
		case "fails":
			return nil, errors.New("no")
		}
		return []driver.Sample{{Name: "up", Value: 1, Labels: map[string]string{"a": "b"}}}, nil
	})})
	turn := make(chan struct{}, 2)
	done := make(chan []prompb.TimeSeries)
	go func() { done <- c.Collect(t.Context(), []string{"hangs"}, turn) }()
	<-asked
	got := c.Collect(t.Context(), []string{"hangs", "fails", "answers"}, turn)
	if len(got) != 1 || got[0].Labels[1].Value != "answers" || got[0].Labels[2].Name != "a" {
		t.Errorf("%+v", got)
	}
	close(hanging)
	if got := <-done; len(got) != 1 {
		t.Errorf("%+v", got)
	}
	if len(asked) != 2 {
		t.Errorf("%d were asked beside the one that hung", len(asked))
	}
}

// What is collected is a remote write request.
func TestCollectedIsKeptAsRemoteWrite(t *testing.T) {
	s := spool(t, t.TempDir(), 1000)
	c := New(Options{Interval: time.Second, Now: func() time.Time { return time.UnixMilli(5000) }, Logger: quiet, Spool: s, Sampler: sampler(func(context.Context, string) ([]driver.Sample, error) {
		return []driver.Sample{{Name: "up", Value: 1}}, nil
	})})
	c.keep(c.Collect(t.Context(), []string{"one"}, make(chan struct{}, 1)))
	_, packed, ok := s.Oldest()
	raw, err := snappy.Decode(nil, packed)
	var request prompb.WriteRequest
	if !ok || err != nil || request.Unmarshal(raw) != nil {
		t.Fatal(ok, err)
	}
	if got := request.Timeseries[0]; got.Samples[0].Timestamp != 5000 || got.Samples[0].Value != 1 || got.Labels[1].Value != "one" {
		t.Errorf("%+v", got)
	}
}
