package postgresql

import "testing"

func TestNumbersOfControlGroups(t *testing.T) {
	text := func(s string) *string { return &s }
	for name, test := range map[string]struct {
		file *string
		line string
		want int64
		ok   bool
	}{
		"a file that is not there":          {nil, "", 0, false},
		"a number alone":                    {text("1234\n"), "", 1234, true},
		"a line of many":                    {text("user_usec 1\nusage_usec 22\n"), "usage_usec", 22, true},
		"a name that only ends like it":     {text("total_inactive_file 7\n"), "inactive_file", 0, false},
		"a line that is not there":          {text("cache 1\n"), "inactive_file", 0, false},
		"what is no number":                 {text("max\n"), "", 0, false},
		"a file with nothing in it":         {text(""), "", 0, false},
		"what is longer than was asked for": {text("inactive_file 12\nactive_f"), "inactive_file", 12, true},
	} {
		if got, ok := counted(test.file, test.line); got != test.want || ok != test.ok {
			t.Errorf("%s: %d, %v", name, got, ok)
		}
	}
}
