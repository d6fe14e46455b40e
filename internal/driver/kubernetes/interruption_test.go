package kubernetes

import (
	"errors"
	"testing"
	"time"

	"souk/internal/driver"
)

func TestInterruptions(t *testing.T) {
	start := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	gone := errors.New("connection refused")
	type try struct {
		from, to int
		err      error
	}
	const asked = 10
	for _, test := range []struct {
		name  string
		tries []try
		want  time.Duration
		from  int
		ok    bool
	}{
		{"nothing was tried", nil, 0, 0, false},
		{"it answered all the time", []try{{1, 1, nil}, {2, 2, nil}, {11, 11, nil}}, 0, 0, true},
		{"it answered before, and hangs", []try{{1, 1, nil}, {2, 2, nil}}, 0, 0, false},
		{"what hung is answered", []try{{1, 1, nil}, {9, 11, nil}}, 0, 0, false},
		{"what hung was none", []try{{1, 1, nil}, {9, 14, gone}, {15, 15, nil}}, 6 * time.Second, 9, true},
		{"from the first try that failed to the first that did not", []try{{1, 1, nil}, {2, 4, gone}, {4, 4, gone}, {5, 6, nil}, {11, 11, nil}}, 4 * time.Second, 2, true},
		{"it is not over", []try{{1, 1, nil}, {2, 4, gone}, {11, 11, gone}}, 0, 0, false},
		{"the longest of two", []try{{1, 1, nil}, {2, 2, gone}, {3, 3, nil}, {4, 4, gone}, {9, 9, nil}, {11, 11, nil}}, 5 * time.Second, 4, true},
		{"begun by an agent that was killed", []try{{7, 7, gone}, {9, 9, nil}, {11, 11, nil}}, 9 * time.Second, 0, true},
		{"the probe cannot tell", []try{{1, 1, driver.ErrCannotTell}, {11, 11, driver.ErrCannotTell}}, 0, 0, true},
	} {
		tr := &trial{began: start}
		told := false
		for _, one := range test.tries {
			if one.to > asked {
				if _, ok := tr.over(at(asked)); ok {
					t.Errorf("%s: it is known before anything was tried since", test.name)
				}
			}
			told = tr.note(at(one.from), at(one.to), one.err)
		}
		is, ok := tr.over(at(asked + 6))
		if ok != test.ok || is.Until.Sub(is.From) != test.want || test.want > 0 && !is.From.Equal(at(test.from)) {
			t.Errorf("%s: %+v, %v", test.name, is, ok)
		}
		if ok != told {
			t.Errorf("%s: told of it: %v", test.name, told)
		}
		if _, ok := tr.over(at(asked + 6).Add(answerPatience)); !ok {
			t.Errorf("%s: it is waited for without end", test.name)
		}
	}
}
