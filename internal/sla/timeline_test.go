package sla

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

func after(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

func TestTimelineOfEachState(t *testing.T) {
	got := Timeline(noon, after(100),
		[]Span{{after(10), after(40), Up}, {after(40), after(50), Down}, {after(50), after(60), Up}, {after(70), after(80), Down}},
		[]Window{{after(5), after(90)}}, []Window{{after(45), after(55)}})
	want := []Span{{noon, after(5), Outside}, {after(5), after(10), NoData}, {after(10), after(40), Up}, {after(40), after(45), Down}, {after(45), after(50), Agreed},
		{after(50), after(60), Up}, {after(60), after(70), NoData}, {after(70), after(80), Down}, {after(80), after(90), NoData}, {after(90), after(100), Outside}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	totals := Add(got)
	if want := (Totals{40 * time.Second, 15 * time.Second, 5 * time.Second, 25 * time.Second, 15 * time.Second}); totals != want {
		t.Errorf("totals %+v", totals)
	}
	if is, known := totals.Availability(); !known || is != 727_272 {
		t.Errorf("availability %d, %v", is, known)
	}
}

// Whatever was measured, the states add up to the period, without gap or overlap.
func TestStatesAddUpToThePeriod(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	windows := func(n int) (list []Window) {
		at := noon.Add(-time.Hour)
		for range random.IntN(n) {
			from := at.Add(time.Duration(random.Int64N(int64(time.Hour))))
			at = from.Add(time.Duration(random.Int64N(int64(time.Hour))))
			list = append(list, Window{from, at})
		}
		return list
	}
	for range 2000 {
		var measured []Span
		for _, w := range windows(12) {
			measured = append(measured, Span{w.From, w.To, []State{Up, Down}[random.IntN(2)]})
		}
		from := noon.Add(time.Duration(random.Int64N(int64(time.Hour))))
		to := from.Add(time.Duration(random.Int64N(int64(6 * time.Hour))))
		spans := Timeline(from, to, measured, windows(5), windows(5))
		at := whole(from)
		for i, s := range spans {
			if !s.From.Equal(at) || !s.To.After(s.From) || i > 0 && s.State == spans[i-1].State {
				t.Fatalf("%v from %s to %s", spans, from, to)
			}
			at = s.To
		}
		sum := Add(spans)
		if all := sum.Up + sum.Down + sum.Agreed + sum.NoData + sum.Outside; all != whole(to).Sub(whole(from)) {
			t.Fatalf("they add up to %s of %s", all, to.Sub(from))
		}
	}
}

func TestPercentages(t *testing.T) {
	for text, want := range map[string]int64{"99.9": 999_000, "100": 1_000_000, "99.95": 999_500, "0": 0, "99.9999": 999_999} {
		if got, err := Millionths(text); err != nil || got != want {
			t.Errorf("%s is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "a", "99.99999", "101", "-1"} {
		if got, err := Millionths(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
	if got := Percent(999_731); got != "99.9731" {
		t.Error(got)
	}
	if got := Budget(30*24*time.Hour, 999_000); got != 2592*time.Second {
		t.Error(got)
	}
}

func TestMonthsAreThoseOfTheOrganizationsZone(t *testing.T) {
	m, err := monthOf("2026-03", "Europe/Zurich", noon)
	if err != nil || m.to.Sub(m.from) != 31*24*time.Hour-time.Hour || m.from.Hour() != 23 {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err = monthOf("", "UTC", noon); err != nil || m.name != "2026-11" {
		t.Errorf("%+v, %v", m, err)
	}
	for _, period := range []string{"2026-12", "2026", "nonsense"} {
		if _, err := monthOf(period, "UTC", noon); err == nil {
			t.Errorf("%s is taken", period)
		}
	}
}
