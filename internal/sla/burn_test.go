package sla

import (
	"math/rand/v2"
	"testing"
	"time"
)

// ago makes spans that end now, the last one the newest.
func ago(parts ...any) (spans []Span) {
	at := noon
	for i := len(parts) - 1; i > 0; i -= 2 {
		length := parts[i].(time.Duration)
		spans = append([]Span{{at.Add(-length), at, parts[i-1].(State)}}, spans...)
		at = at.Add(-length)
	}
	return spans
}

func TestBurns(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	for name, c := range map[string]struct {
		spans      []Span
		objective  string
		fast, slow bool
	}{
		"always up":                             {ago(Up, 72*h), "99.5", false, false},
		"not long enough":                       {ago(Up, 71*h, Down, 4*m), "99.5", false, false},
		"for long enough":                       {ago(Up, 71*h, Down, 5*m), "99.5", true, false},
		"sooner where more is aimed at":         {ago(Up, 71*h, Down, 30*s), "99.95", true, false},
		"over for five minutes":                 {ago(Up, 71*h, Down, 10*m, Up, 5*m), "99.5", false, false},
		"over for two minutes":                  {ago(Up, 71*h, Down, 10*m, Up, 2*m), "99.5", true, false},
		"a little, again and again":             {ago(Down, 4*m, Up, h, Down, 4*m, Up, h, Down, 3*m, Up, 20*m), "99.5", true, false},
		"slowly over days":                      {ago(Down, 8*m, Up, 24*h, Down, 8*m, Up, 24*h, Down, 8*m, Up, 2*h), "99.5", false, true},
		"slowly, and then not for hours":        {ago(Down, 8*m, Up, 24*h, Down, 16*m, Up, 7*h), "99.5", false, false},
		"half an hour, and three hours since":   {ago(Up, 60*h, Down, 30*m, Up, 3*h), "99.5", false, true},
		"agreed":                                {ago(Up, 60*h, Agreed, 5*h), "99.5", false, false},
		"not measured":                          {ago(Up, 60*h, NoData, 5*h), "99.5", false, false},
		"a short while, and not measured since": {ago(Up, 60*h, Down, 2*m, NoData, 5*h), "99.5", false, false},
		"no objective":                          {ago(Down, 72*h), "", false, false},
		"no budget":                             {ago(Down, 72*h), "100", false, false},
		"more than all":                         {ago(Down, 72*h), "80", true, true},
	} {
		holding, latest, err := burns(c.spans, noon, c.objective)
		if err != nil {
			t.Fatal(err)
		}
		_, fast := holding[Fast]
		_, slow := holding[Slow]
		if fast != c.fast || slow != c.slow {
			t.Errorf("%s: fast %v, slow %v; latest %+v", name, fast, slow, latest)
		}
	}
	holding, _, err := burns(ago(Up, time.Hour, Down, 6*time.Minute), noon, "99.5")
	if is := holding[Fast]; err != nil || is.Times < 19.99 || is.Times > 20.01 || is.Window != time.Hour || is.Down != 6*time.Minute {
		t.Errorf("%+v, %v", is, err)
	}
}

// Whatever is up, not measured, agreed or outside of its service time burns nothing, in
// whatever order; and not measuring more never makes a budget burn faster.
func TestOnlyWhatIsDownBurns(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		var calm, mixed []Span
		for at := noon.Add(-longestBurn); at.Before(noon); {
			end := at.Add(time.Duration(1 + r.Int64N(int64(time.Hour))))
			if end.After(noon) {
				end = noon
			}
			calm = append(calm, Span{at, end, []State{Up, NoData, Agreed, Outside}[r.IntN(4)]})
			mixed = append(mixed, Span{at, end, []State{Up, Up, Down, NoData}[r.IntN(4)]})
			at = end
		}
		if holding, _, err := burns(calm, noon, "99.95"); err != nil || len(holding) > 0 {
			t.Fatalf("seed %d: %+v, %v", seed, holding, err)
		}
		_, before, _ := burns(mixed, noon, "99.5")
		for i := range mixed {
			if r.IntN(3) == 0 {
				mixed[i].State = NoData
			}
		}
		_, after, _ := burns(mixed, noon, "99.5")
		for pace, is := range before {
			if after[pace].Window == is.Window && after[pace].Times > is.Times {
				t.Fatalf("seed %d: %s from %v to %v", seed, pace, is, after[pace])
			}
		}
	}
}
