package changes

import (
	"slices"
	"testing"
)

func TestEventsCoalesce(t *testing.T) {
	e, stop := NewFeed(), make(chan struct{})
	for range 1000 {
		e.Add("a")
		e.Add("b")
	}
	if len(e.order) != 2 {
		t.Fatalf("%d events wait", len(e.order))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.Pump(stop)
	}()
	got := []string{<-e.Out, <-e.Out}
	e.Add("a")
	got = append(got, <-e.Out)
	close(stop)
	<-done
	if !slices.Equal(got, []string{"a", "b", "a"}) {
		t.Errorf("events %v", got)
	}
}
