package lang

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

func TestEveryLanguageSaysTheSame(t *testing.T) {
	for _, tag := range Languages[1:] {
		for _, id := range slices.Sorted(maps.Keys(known["en"])) {
			if !known[tag.String()][id] {
				t.Errorf("%s is not said in %s", id, tag)
			}
		}
		for _, id := range slices.Sorted(maps.Keys(known[tag.String()])) {
			if !known["en"][id] {
				t.Errorf("%s is said in %s only", id, tag)
			}
		}
	}
}

// Every text that a page names is there. Names that are put together at run time
// end with a dot in the source, and at least one has to begin so.
func TestWhatPagesSayIsThere(t *testing.T) {
	calls := regexp.MustCompile(`\.T\("([^"]+)"`)
	pages, err := filepath.Glob("../*.templ")
	if err != nil || len(pages) == 0 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	code, _ := filepath.Glob("../*.go")
	for _, page := range append(pages, code...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range calls.FindAllStringSubmatch(string(text), -1) {
			id := call[1]
			if id[len(id)-1] == '.' || id[len(id)-1] == '-' {
				if !slices.ContainsFunc(slices.Collect(maps.Keys(known["en"])), func(k string) bool { return len(k) > len(id) && k[:len(id)] == id }) {
					t.Errorf("%s: nothing begins with %q", filepath.Base(page), id)
				}
			} else if !Known(id) {
				t.Errorf("%s: there is no text %q", filepath.Base(page), id)
			}
		}
	}
}

func TestFor(t *testing.T) {
	for _, c := range []struct{ chosen, accept, want string }{
		{"", "", "en"}, {"", "de-CH,de;q=0.9,en;q=0.8", "de"}, {"en", "de", "en"}, {"de", "en", "de"}, {"xx", "fr", "en"}, {"", "\"<script>", "en"},
	} {
		if got := For(c.chosen, c.accept).Lang; got != c.want {
			t.Errorf("For(%q, %q) is %s, want %s", c.chosen, c.accept, got, c.want)
		}
	}
}
