package clock

import (
	"testing"
	"time"
)

func TestMachineClockSteppingBack(t *testing.T) {
	real := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := &Offset{Real: func() time.Time { return real }}
	first := c.Now()
	real = real.Add(-time.Hour)
	if got := c.Now(); got.Before(first) {
		t.Errorf("Souk's clock went back from %s to %s", first, got)
	}
	real = real.Add(2 * time.Hour)
	if got, want := c.Now(), first.Add(time.Hour); !got.Equal(want) {
		t.Errorf("after the machine's clock caught up it is %s, want %s", got, want)
	}
}

func TestRaiseNeverLowers(t *testing.T) {
	real := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := &Offset{Real: func() time.Time { return real }}
	c.Raise(24*time.Hour, time.Time{})
	c.Raise(time.Hour, real)
	if got, want := c.Now(), real.Add(24*time.Hour); !got.Equal(want) {
		t.Errorf("now is %s, want %s", got, want)
	}
	c.Raise(0, real.Add(48*time.Hour))
	if got, want := c.Now(), real.Add(48*time.Hour); !got.Equal(want) {
		t.Errorf("with a floor in the record it is %s, want %s", got, want)
	}
}
