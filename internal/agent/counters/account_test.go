package counters

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func minute(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

func same(t *testing.T, what string, got, want []Used) {
	t.Helper()
	ok := len(got) == len(want)
	for n := 0; ok && n < len(got); n++ {
		ok = got[n].From.Equal(want[n].From) && got[n].To.Equal(want[n].To) && got[n].Quantity == want[n].Quantity
	}
	if !ok {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// What is used between two readings is what an engine counted between them beside Souk's
// own, in parts by the hour; of the time before a restart nothing is said.
func TestAccountFollowsACounter(t *testing.T) {
	before := Account{At: minute(5), Run: "a", Value: 100, Open: []Used{{minute(0), minute(5), 40}}}
	began := minute(-10)
	for name, c := range map[string]struct {
		reading    Reading
		open, over []Used
	}{
		"one more":          {Reading{minute(6), began, "a", 130, 0}, []Used{{minute(0), minute(6), 70}}, nil},
		"nothing":           {Reading{minute(6), began, "a", 100, 0}, []Used{{minute(0), minute(6), 40}}, nil},
		"only Souk's own":   {Reading{minute(6), began, "a", 130, 30}, []Used{{minute(0), minute(6), 40}}, nil},
		"across an hour":    {Reading{minute(65), began, "a", 160, 0}, []Used{{minute(60), minute(65), 5}}, []Used{{minute(0), minute(60), 95}}},
		"to the hour":       {Reading{minute(60), began, "a", 160, 0}, nil, []Used{{minute(0), minute(60), 100}}},
		"hours later":       {Reading{minute(185), began, "a", 280, 0}, []Used{{minute(180), minute(185), 5}}, []Used{{minute(0), minute(60), 95}, {minute(60), minute(120), 60}, {minute(120), minute(180), 60}}},
		"started again":     {Reading{minute(9), minute(7), "b", 7, 0}, []Used{{minute(0), minute(5), 40}, {minute(7), minute(9), 7}}, nil},
		"again, and busier": {Reading{minute(9), minute(7), "b", 500, 0}, []Used{{minute(0), minute(5), 40}, {minute(7), minute(9), 500}}, nil},
		"again, at once":    {Reading{minute(9), minute(4), "b", 500, 0}, []Used{{minute(0), minute(9), 540}}, nil},
		"less than before":  {Reading{minute(6), began, "a", 3, 0}, []Used{{minute(0), minute(6), 43}}, nil},
		"a clock put back":  {Reading{minute(4), began, "a", 120, 0}, []Used{{minute(0), minute(5), 40}}, nil},
	} {
		after, over := before.Next(c.reading)
		same(t, name+": left", after.Open, c.open)
		same(t, name+": over", over, c.over)
		if len(before.Open) != 1 || before.Open[0].Quantity != 40 {
			t.Fatalf("%s: the account before was changed: %v", name, before)
		}
	}
	after, _ := before.Next(Reading{minute(6), began, "a", 110, 30})
	after, _ = after.Next(Reading{minute(7), began, "a", 150, 5})
	same(t, "what Souk took before it was counted", after.Open, []Used{{minute(0), minute(7), 55}})
	left, over := after.Over(minute(59))
	same(t, "the hour goes on", over, nil)
	left, over = left.Over(minute(60))
	same(t, "the hour is over", over, []Used{{minute(0), minute(7), 55}})
	same(t, "the hour is over, and reported", left.Open, nil)
}

// The first reading is the engine's whole run where nothing of it was accounted for.
func TestAccountBegins(t *testing.T) {
	first := Reading{minute(-5), minute(-10), "a", 70, 20}
	is, over := Begin(first, true)
	same(t, "the first of an instance", append(over, is.Open...), []Used{{minute(-10), minute(-5), 50}})
	is, over = Begin(first, false)
	same(t, "of one that was there before", append(over, is.Open...), nil)
	is, _ = is.Next(Reading{minute(-4), minute(-10), "a", 75, 1})
	same(t, "and what comes then", is.Open, []Used{{minute(-5), minute(-4), 4}})
}

// Whenever a counter is read, and however often its engine starts again: what is told is
// what was counted by the last reading of each run, no moment is told twice, and each part
// lies within an hour.
func TestNothingIsLostOrToldTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at, began, run, value, total := noon, noon, 0, int64(0), int64(0)
		is, told := Begin(Reading{noon.Add(time.Microsecond), noon, "0", 0, 0}, true)
		at = at.Add(time.Microsecond)
		for range rapid.IntRange(1, 30).Draw(t, "readings") {
			step := time.Duration(rapid.Int64Range(1, 40000).Draw(t, "seconds")) * time.Second
			if rapid.IntRange(0, 4).Draw(t, "starts again") == 0 {
				run, value, began = run+1, 0, at.Add(step/2)
			}
			more := rapid.Int64Range(0, 1<<40).Draw(t, "counted")
			at, value, total = at.Add(step), value+more, total+more
			var over []Used
			is, over = is.Next(Reading{at, began, string(rune('0' + run)), value, 0})
			told = append(told, over...)
		}
		_, over := is.Over(at.Add(2 * time.Hour))
		last, sum := noon, int64(0)
		for _, u := range append(told, over...) {
			if u.From.Before(last) || !u.To.After(u.From) || u.To.After(hourOf(u.From).Add(time.Hour)) || u.Quantity < 0 {
				t.Fatalf("%v after %s", u, last)
			}
			last, sum = u.To, sum+u.Quantity
		}
		if sum != total || !last.Equal(at) {
			t.Fatalf("told %d until %s, counted %d until %s", sum, last, total, at)
		}
	})
}
