package reconcile

import (
	"slices"
	"testing"
	"time"
)

func popAll(l *lanes) []string {
	var all []string
	for l.Len() > 0 {
		all = append(all, l.Pop())
	}
	return all
}

func TestWhatChangedGoesFirst(t *testing.T) {
	l := newLanes()
	l.Push("calm1")
	l.Push("calm2")
	l.Push("calm3")
	l.urge("new")
	l.Push("new")
	l.urge("calm2") // changes while it waits
	l.Touch("calm2")
	l.Touch("calm3") // looked at again: stays where it is
	if got, want := popAll(l), []string{"new", "calm2", "calm1", "calm3"}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
	l.Push("new")
	l.Push("calm2")
	if got, want := popAll(l), []string{"new", "calm2"}; !slices.Equal(got, want) {
		t.Errorf("later, order %v, want %v", got, want)
	}
}

func TestPausesGrowWithJitterAndBeginAnew(t *testing.T) {
	r := newRetries(time.Second, time.Minute)
	for n, whole := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		whole *= time.Second
		if got := r.When("db1"); got < whole/2 || got > whole {
			t.Errorf("pause %d is %v, want between %v and %v", n+1, got, whole/2, whole)
		}
	}
	for range 100 {
		if got := r.When("db1"); got > time.Minute || got < 30*time.Second {
			t.Fatalf("pause %v", got)
		}
	}
	if r.NumRequeues("db1") != 109 || r.NumRequeues("db2") != 0 {
		t.Error("failures are miscounted")
	}
	r.Forget("db1")
	if got := r.When("db1"); got > time.Second {
		t.Errorf("after a success the pause is %v", got)
	}
}
