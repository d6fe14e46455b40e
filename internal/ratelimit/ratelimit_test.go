package ratelimit

import (
	"fmt"
	"testing"
	"time"
)

func newTest(r Rate) (*Limiter, *time.Time) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := New(r)
	l.now = func() time.Time { return now }
	return l, &now
}

func TestBurstThenRate(t *testing.T) {
	l, now := newTest(Rate{PerSecond: 2, Burst: 3})
	for i := range 3 {
		if ok, _ := l.Allow("a"); !ok {
			t.Fatalf("request %d of a burst of 3 is refused", i+1)
		}
	}
	ok, wait := l.Allow("a")
	if ok || wait != time.Second {
		t.Errorf("the fourth: allowed %v, wait %s; want refused, a second", ok, wait)
	}
	if ok, _ := l.Allow("b"); !ok {
		t.Error("another asker is refused as well")
	}
	*now = now.Add(500 * time.Millisecond)
	if ok, _ := l.Allow("a"); !ok {
		t.Error("refused when the next was due")
	}
}

func TestRefusalsCostNothing(t *testing.T) {
	l, now := newTest(Rate{PerSecond: 0.1, Burst: 1})
	l.Allow("a")
	for range 100 {
		l.Allow("a")
	}
	if _, wait := l.Allow("a"); wait != 10*time.Second {
		t.Errorf("wait %s, want 10 s whatever was refused", wait)
	}
	*now = now.Add(10 * time.Second)
	if ok, _ := l.Allow("a"); !ok {
		t.Error("refused after the wait")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	l, _ := newTest(Rate{PerSecond: 0.001, Burst: 1})
	l.max = 10
	l.Allow("steady")
	for i := range 1000 {
		l.Allow(fmt.Sprint("asker ", i))
		if ok, _ := l.Allow("steady"); ok {
			t.Fatal("an asker that goes on asking was forgotten")
		}
	}
	if len(l.keys) != 10 || l.order.Len() != 10 {
		t.Errorf("%d keys, %d in order; want 10", len(l.keys), l.order.Len())
	}
}
