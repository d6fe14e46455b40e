package link

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestBackoffGrowsWithJitter(t *testing.T) {
	b := Backoff{Min: time.Second, Max: 10 * time.Second}
	for _, whole := range []time.Duration{1, 2, 4, 8, 10, 10} {
		whole *= time.Second
		if got := b.Next(); got < whole/2 || got > whole {
			t.Errorf("pause %v, want between %v and %v", got, whole/2, whole)
		}
	}
	b.Reset()
	if got := b.Next(); got > time.Second {
		t.Errorf("after a success the pause is %v", got)
	}
}

func TestWhatARefusalMeans(t *testing.T) {
	cases := []struct {
		status int
		code   string
		is     error
	}{
		{http.StatusConflict, "superseded", ErrSuperseded},
		{http.StatusConflict, "fact-conflict", ErrConflict},
		{http.StatusConflict, "gap", nil},
		{http.StatusGone, "compacted", ErrListAgain},
		{http.StatusUnauthorized, "", ErrRefused},
		{http.StatusForbidden, "", ErrRefused},
		{http.StatusInternalServerError, "superseded", nil},
	}
	for _, c := range cases {
		for _, target := range []error{ErrSuperseded, ErrConflict, ErrListAgain, ErrRefused} {
			if got := errors.Is(&Problem{Status: c.status, Code: c.code}, target); got != (target == c.is) {
				t.Errorf("%d %q is %q: %v", c.status, c.code, target, got)
			}
		}
	}
}

func TestLinesAreReadExactlyAndWithoutLimitOfTime(t *testing.T) {
	in := newLines(strings.NewReader("{\"n\":9007199254740993}\n\n{\"n\":1}\n"), 0, nil)
	var first, empty, second map[string]any
	for _, into := range []*map[string]any{&first, &empty, &second} {
		if err := in.next(into); err != nil {
			t.Fatal(err)
		}
	}
	if text := first["n"]; text == nil || text.(interface{ String() string }).String() != "9007199254740993" {
		t.Errorf("read %v", text)
	}
	if empty != nil || second == nil {
		t.Errorf("read %v, %v", empty, second)
	}
}

func TestOnlyAnHTTPSServerWillDo(t *testing.T) {
	for _, server := range []string{"", "souk.example", "http://souk.example", "https://", "::"} {
		if _, err := New(Options{Server: server}, nil); err == nil {
			t.Errorf("%q was taken", server)
		}
	}
}
