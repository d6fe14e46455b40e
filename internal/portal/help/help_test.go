package help

import (
	"strings"
	"testing"
)

func TestEveryPageInEveryLanguage(t *testing.T) {
	for _, language := range []string{"en", "de"} {
		for _, p := range Pages(language) {
			page, err := p.HTML(Example{"acme", "shop", "orders", "https://souk.example"}, "Copy", "Copied")
			if err != nil || p.Title == "" || strings.HasPrefix(p.Title, "#") || strings.Contains(page, "{{") || strings.Contains(page, "<h1") || !strings.Contains(page, "<pre") {
				t.Errorf("%s/%s: %v: %s", language, p.Name, err, page)
			}
		}
	}
}

func TestNamesOfExamplesAreNoHTML(t *testing.T) {
	p, _ := Find("en", "cli")
	page, err := p.HTML(Example{`<script>`, `"><img>`, "<b>", "</code><script>"}, "<i>", "<u>")
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"<script", "<img", "<b>", "<i>", "<u>"} {
		if strings.Contains(page, tag) {
			t.Errorf("the page has %s: %s", tag, page)
		}
	}
}

func TestSearch(t *testing.T) {
	for words, want := range map[string]string{"rotate overlap": "bindings", "undelete": "delete", "nothing of the kind anywhere": ""} {
		found := Search("en", words)
		if (len(found) > 0) != (want != "") || want != "" && found[0].Name != want {
			t.Errorf("%q finds %v, want %s", words, found, want)
		}
	}
	if n := len(Search("de", "")); n != len(Names) {
		t.Errorf("no words find %d pages", n)
	}
}
