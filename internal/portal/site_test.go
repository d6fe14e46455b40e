package portal_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

// browser is one person's.
type browser struct {
	*site
	who string
}

// person is somebody with the role; without one, somebody with an account only.
func (s *site) person(t testing.TB, organization, email string, role api.Role) *browser {
	t.Helper()
	if role == "" {
		s.Account(t, email)
	} else {
		s.Member(t, organization, email, role)
	}
	s.people[email] = s.Session(t, email)
	return &browser{s, email}
}

// as is one of those that every site has; "" is nobody.
func (s *site) as(who string) *browser { return &browser{s, who} }

func (b *browser) get(t testing.TB, path string) page {
	t.Helper()
	return b.site.get(t, b.who, path)
}

func (b *browser) post(t testing.TB, path string, form url.Values) page {
	t.Helper()
	if form == nil {
		form = url.Values{}
	}
	return b.site.post(t, b.who, path, form)
}

// leads fails the test unless the answer leads there.
func (p page) leads(t testing.TB, to string) {
	t.Helper()
	if p.want(t, http.StatusSeeOther); p.location != to {
		t.Fatalf("leads to %s, want %s", p.location, to)
	}
}

// says fails the test unless the page's main part has all the texts.
func (p page) says(t testing.TB, texts ...string) page {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.main(), html.EscapeString(text)) {
			t.Errorf("the page does not say %q: %s", text, p.main())
		}
	}
	return p
}

// between returns what stands between two texts, or fails the test.
func (p page) between(t testing.TB, before, after string) string {
	t.Helper()
	_, rest, found := strings.Cut(p.text, before)
	text, _, ended := strings.Cut(rest, after)
	if !found || !ended {
		t.Fatalf("there is nothing between %q and %q: %s", before, after, p.main())
	}
	return html.UnescapeString(text)
}

const own = "/o/" + httpapitest.Own

// hostile is HTML with script, as somebody would type it into any text field.
const hostile = `"><script>alert(1)</script><img src=x onerror='alert(2)'>`
