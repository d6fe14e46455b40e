//go:build docs

package docs

import (
	"regexp"
	"strings"
)

// What differs from run to run and from month to month; the pages show it as it
// once was.
var varying = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| UTC)?`), "TIME"},
	{regexp.MustCompile(`\b\d{4}-\d\d(-\d\d)?\b`), "DATE"},
	{regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), "ID"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
	{regexp.MustCompile(`\bport \d+`), "PORT"},
	{regexp.MustCompile(`\b\d+[smhd]( ago)?\b`), "AGE"},
	{regexp.MustCompile(`\b\d+ (commands|facts|segments)\b`), "SOME $1"},
	{regexp.MustCompile(`\b\d+(\.\d+)? (hour|GiB-month|seconds accounted)\b`), "AMOUNT $2"},
	{regexp.MustCompile(`CHF \d+\.\d+`), "CHF 0"}, // a month is not as long as the next
	{regexp.MustCompile(`\bused \d+(\.\d+)? [KMG]iB\b`), "USED"},
	{regexp.MustCompile(`  +`), "  "},
	{regexp.MustCompile(`-{3,}`), "---"},
}

// progress is what --wait says of the way, on stderr: which steps are seen is a
// matter of speed.
var progress = regexp.MustCompile(`^[a-z0-9-]+: (Pending|Provisioning|Ready|Updating|Degraded|Suspended|Deleting|Deleted): `)

func plain(lines []string) []string {
	var out []string
	for _, line := range lines {
		if progress.MatchString(line) {
			continue
		}
		for _, v := range varying {
			line = v.pattern.ReplaceAllString(line, v.instead)
		}
		out = append(out, strings.TrimSpace(line))
	}
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}

// matches compares what was printed with what a page shows, where "…" stands
// for anything within a line, and alone on a line for any lines.
func matches(want, got []string) bool {
	return match(plain(want), plain(got))
}

func match(want, got []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if want[0] == "…" {
		for skip := range len(got) + 1 {
			if match(want[1:], got[skip:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && matchLine(want[0], got[0]) && match(want[1:], got[1:])
}

func matchLine(want, got string) bool {
	pieces := strings.Split(want, "…")
	for i := range pieces {
		pieces[i] = regexp.QuoteMeta(pieces[i])
	}
	return regexp.MustCompile("^" + strings.Join(pieces, ".*") + "$").MatchString(got)
}
