package driver

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

var format = LogFormat{
	Line:   regexp.MustCompile(`^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?P<level>[A-Z]+):`),
	Layout: time.DateTime, Levels: map[string]string{"LOG": "info", "WARNING": "warning", "ERROR": "error"},
}

const written = `what came before any entry
2026-03-02 11:00:00 LOG: begins
2026-03-02 11:01:00 ERROR: no such Table
2026-03-02 11:01:00 STATEMENT: select
	from nowhere
2026-03-02 11:02:00 WARNING: nearly full
2026-03-02 11:03:00 LOG: ends
`

func TestLinesAreChosen(t *testing.T) {
	minute := func(n int) time.Time { return time.Date(2026, 3, 2, 11, n, 0, 0, time.UTC) }
	for about, c := range map[string]struct {
		opt  LogOptions
		want string // a word of each line
	}{
		"all":              {LogOptions{}, "before begins Table STATEMENT nowhere full ends"},
		"a text":           {LogOptions{Grep: "no"}, "Table nowhere"},
		"in any case":      {LogOptions{Grep: "TABLE"}, "Table"},
		"a level":          {LogOptions{Level: "warning"}, "Table STATEMENT nowhere full"},
		"the gravest":      {LogOptions{Level: "error"}, "Table STATEMENT nowhere"},
		"from a time on":   {LogOptions{Since: minute(1)}, "Table STATEMENT nowhere full ends"},
		"up to a time":     {LogOptions{Until: minute(2)}, "before begins Table STATEMENT nowhere"},
		"a span and text":  {LogOptions{Since: minute(1), Until: minute(2), Grep: "select"}, "STATEMENT"},
		"nothing like it":  {LogOptions{Grep: "x.*y"}, ""},
		"later than all":   {LogOptions{Since: minute(4)}, ""},
		"earlier than all": {LogOptions{Until: minute(0)}, "before"},
	} {
		var out strings.Builder
		w := &LogWriter{To: &out, Filter: format.Filter(c.opt)}
		for part := range strings.SplitSeq(written, "e") { // in any pieces
			if out.Len() == 0 && part == "what cam" {
				_, _ = w.Write([]byte(part))
				continue
			}
			_, _ = w.Write([]byte("e" + part))
		}
		words := strings.Fields(c.want)
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if c.want == "" {
			lines = nil
			if out.Len() > 0 {
				t.Errorf("%s: %q", about, out.String())
			}
		}
		if len(lines) != len(words) {
			t.Errorf("%s: %q, want lines with %s", about, lines, c.want)
			continue
		}
		for i, word := range words {
			if !strings.Contains(lines[i], word) {
				t.Errorf("%s: line %d is %q, want one with %s", about, i, lines[i], word)
			}
		}
	}
}
