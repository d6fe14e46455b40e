package probe

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"souk/internal/driver"
)

var start = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

// checks are those of a service: a read each second, a connection, a write.
var checks = []driver.ProbeCheck{
	{Name: "read", Every: time.Second, Timeout: 5 * time.Second},
	{Name: "connect", Every: 10 * time.Second, Timeout: 10 * time.Second},
	{Name: "write", Every: 30 * time.Second, Timeout: 10 * time.Second},
}

// outage is what a target does from one moment to another.
type outage struct {
	from, to time.Duration
	how      string // "refuses", "hangs", "slow": answers after 3 s
	of       string // one check only; "": all
}

// answer is when a try that begins at a moment ends, and how.
func answer(c driver.ProbeCheck, began time.Duration, outages []outage) (time.Duration, state) {
	for _, o := range outages {
		if began < o.from || began >= o.to || o.of != "" && o.of != c.Name {
			continue
		}
		switch {
		case o.how == "refuses":
			return began + time.Millisecond, down
		case o.how == "slow":
			return began + 3*time.Second, up
		case o.how == "unknown":
			return began + time.Millisecond, unknown
		case o.to-began <= c.Timeout: // it hangs, and is answered when that is over
			return o.to, up
		default:
			return began + c.Timeout, down
		}
	}
	return began + time.Millisecond, up
}

// play lets a prober with a clock of its own meet outages, and returns what it takes
// at the end; taking in between changes nothing.
func play(lasts time.Duration, outages []outage, takeEach time.Duration) []span {
	t := newTracker(checks, start)
	type try struct {
		due, end time.Duration
		running  bool
		outcome  state
	}
	tries := make([]try, len(checks))
	var spans []span
	collect := func(at time.Duration) {
		for _, s := range t.take(start.Add(at)) {
			if n := len(spans); n > 0 && spans[n-1].state == s.state && spans[n-1].to.Equal(s.from) {
				spans[n-1].to = s.to
				continue
			}
			spans = append(spans, s)
		}
	}
	for at := time.Duration(0); at <= lasts; at += time.Millisecond {
		for i := range tries {
			if tries[i].running && at >= tries[i].end {
				tries[i].due = t.end(i, start.Add(at), tries[i].outcome).Sub(start)
				tries[i].running = false
			}
			if !tries[i].running && at >= tries[i].due {
				t.begin(i, start.Add(at))
				tries[i].running = true
				tries[i].end, tries[i].outcome = answer(checks[i], at, outages)
			}
		}
		if takeEach > 0 && at%takeEach == 0 {
			collect(at)
		}
	}
	collect(lasts)
	return spans
}

func downs(spans []span) (list [][2]time.Duration) {
	for _, s := range spans {
		if s.state == down {
			list = append(list, [2]time.Duration{s.from.Sub(start), s.to.Sub(start)})
		}
	}
	return list
}

// Outages of known length are found with an error of less than a probe's interval and
// timeout at each edge, whatever the target does while it lasts.
func TestInjectedOutagesAreMeasuredWithinIntervalAndTimeout(t *testing.T) {
	const s = time.Second
	for name, c := range map[string]struct {
		outages []outage
		want    [][2]time.Duration
		edge    time.Duration
	}{
		"none":             {nil, nil, 0},
		"killed":           {[]outage{{60 * s, 90 * s, "refuses", ""}}, [][2]time.Duration{{60 * s, 90 * s}}, s},
		"hangs":            {[]outage{{60*s + 300*time.Millisecond, 95 * s, "hangs", ""}}, [][2]time.Duration{{60*s + 300*time.Millisecond, 95 * s}}, s},
		"hangs briefly":    {[]outage{{60 * s, 63 * s, "hangs", ""}}, nil, 0}, // shorter than the timeout: clients wait as long
		"slow":             {[]outage{{60 * s, 90 * s, "slow", ""}}, nil, 0},
		"flaps":            {[]outage{{60 * s, 64 * s, "refuses", ""}, {70 * s, 73 * s, "refuses", ""}}, [][2]time.Duration{{60 * s, 64 * s}, {70 * s, 73 * s}}, s},
		"lets nobody in":   {[]outage{{65 * s, 105 * s, "refuses", "connect"}}, [][2]time.Duration{{65 * s, 105 * s}}, 10 * s},
		"takes no writes":  {[]outage{{61 * s, 200 * s, "refuses", "write"}}, [][2]time.Duration{{61 * s, 200 * s}}, 30 * s},
		"hangs in writing": {[]outage{{61 * s, 200 * s, "hangs", "write"}}, [][2]time.Duration{{61 * s, 200 * s}}, 40 * s},
	} {
		t.Run(name, func(t *testing.T) {
			for _, each := range []time.Duration{0, time.Second, 700 * time.Millisecond} {
				got := downs(play(300*time.Second, c.outages, each))
				if len(got) != len(c.want) {
					t.Fatalf("taken each %s: down %v, want %v", each, got, c.want)
				}
				for i, w := range c.want {
					if early, late := got[i][0]-w[0], got[i][1]-w[1]; early.Abs() > c.edge || late.Abs() > c.edge {
						t.Errorf("down %v, want %v within %s at each edge", got[i], w, c.edge)
					}
				}
			}
		})
	}
}

// A hang counts from the beginning of the try that hung, and nothing of it is told
// before it is known.
func TestAHangCountsFromItsBeginningAndIsNotToldBefore(t *testing.T) {
	k := newTracker(checks[:1], start)
	k.begin(0, start)
	k.end(0, start.Add(time.Millisecond), up)
	k.begin(0, start.Add(time.Second))
	spans := k.take(start.Add(4 * time.Second))
	if len(spans) != 1 || spans[0].state != up || !spans[0].to.Equal(start.Add(time.Second)) {
		t.Fatalf("while it hangs %v is told", spans)
	}
	k.end(0, start.Add(6*time.Second), down)
	if spans = k.take(start.Add(6 * time.Second)); len(spans) != 1 || spans[0].state != down || !spans[0].from.Equal(start.Add(time.Second)) {
		t.Errorf("afterwards %v", spans)
	}
}

// A prober that is held up, or does not get in itself, has measured nothing: that is
// neither up nor down.
func TestWhatIsNotMeasuredIsInNoSpan(t *testing.T) {
	k := newTracker(checks[:1], start)
	k.begin(0, start)
	k.end(0, start, up)
	k.begin(0, start.Add(time.Minute)) // due after a second
	k.end(0, start.Add(time.Minute+time.Second), up)
	got := k.take(start.Add(time.Minute + time.Second))
	if len(got) != 1 || got[0].to.Sub(start) != time.Second+late {
		t.Errorf("after the pause %v", got)
	}
	if got = play(100*time.Second, []outage{{20 * time.Second, 50 * time.Second, "unknown", ""}}, 0); len(got) != 2 || got[1].from.Sub(got[0].to) < 29*time.Second {
		t.Errorf("with a log-in that is not set up %v", got)
	}
}

// Whatever happens, spans follow each other in time, overlap nowhere, and no two that
// touch are in the same state.
func TestSpansNeverOverlap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ways := []string{"refuses", "hangs", "slow", "unknown"}
	for range 30 {
		var outages []outage
		for range random.IntN(6) {
			from := time.Duration(random.IntN(90_000)) * time.Millisecond
			outages = append(outages, outage{from, from + time.Duration(random.IntN(20_000))*time.Millisecond, ways[random.IntN(4)], []string{"", "read", "connect", "write"}[random.IntN(4)]})
		}
		spans := play(120*time.Second, outages, time.Duration(1+random.IntN(3000))*time.Millisecond)
		for i, s := range spans {
			if !s.to.After(s.from) || i > 0 && s.from.Before(spans[i-1].to) || i > 0 && s.from.Equal(spans[i-1].to) && s.state == spans[i-1].state {
				t.Fatal(fmt.Sprint(outages, spans))
			}
		}
	}
}
