package portal_test

import (
	"net/http"
	"net/url"
	"os"
	"regexp"
	"testing"

	"souk/internal/httpapi/httpapitest"
	"souk/internal/portal/help"
)

func TestDocumentation(t *testing.T) {
	s := newSite(t)
	s.Ready(t, httpapitest.Own, httpapitest.EmptyProject)
	for _, p := range help.Pages("en") {
		s.as("").get(t, "/docs/"+p.Name).want(t, http.StatusOK).says(t, p.Title, "Log in, and the examples")
		for _, who := range []string{"owner", "billing"} {
			s.as(who).get(t, "/docs/"+p.Name).want(t, http.StatusOK)
		}
	}
	s.as("").get(t, "/docs/cli").says(t, "souk login --server http://127.0.0.1:", "souk context use my-organization")
	s.as("viewer").get(t, "/docs/cli").says(t, "souk context use acme", "souk describe ready --project "+httpapitest.EmptyProject)
	s.as("stranger").get(t, "/docs/api?organization=acme").says(t, "/organizations/globex/").lacks(t, "/organizations/acme/")
	s.as("").get(t, "/docs").want(t, http.StatusOK).says(t, "Order a service", "API tokens")
	s.as("").get(t, "/docs?q=rotate").says(t, "Bindings").lacks(t, "Order a service")
	s.as("").get(t, "/docs?q="+url.QueryEscape(hostile)).want(t, http.StatusOK).lacks(t, "<script>alert")
	s.as("").get(t, "/docs/nothing").want(t, http.StatusNotFound)
}

// What the help leads to is there, in each language.
func TestDocumentationLeadsSomewhere(t *testing.T) {
	s := newSite(t)
	links := regexp.MustCompile(`\]\((/[^)#\s]*)`)
	for _, language := range []string{"en", "de"} {
		for _, p := range help.Pages(language) {
			text, err := os.ReadFile("help/" + language + "/" + p.Name + ".md")
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range links.FindAllSubmatch(text, -1) {
				if got := s.as("owner").get(t, string(m[1])); got.status >= http.StatusBadRequest {
					t.Errorf("%s/%s.md: %s answers %d", language, p.Name, m[1], got.status)
				}
			}
		}
	}
}
