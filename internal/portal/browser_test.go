package portal_test

import (
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/portal"
)

// site is the portal on the real API.
type site struct {
	*httpapitest.Env
	pages  *portal.Portal
	people map[string]string // sessions by role, or by organization for a stranger
}

// newSite has people of each role in httpapitest.Own, and a stranger: the owner
// of httpapitest.Other.
func newSite(t testing.TB, change ...func(*httpapi.Config)) *site {
	t.Helper()
	s := &site{Env: httpapitest.New(t, change...), people: map[string]string{}}
	s.pages = portal.New(portal.Config{API: s.Server.Handler(), Dev: true, Caught: true, Now: s.Clock.Now, Logger: slog.New(slog.DiscardHandler)})
	s.pages.Mount(s.Server.Mux())
	s.Server.AllowBody(portal.BankUpload, portal.MostUploaded)
	s.Server.ServeMissing(s.pages.Missing())
	for _, role := range []api.Role{api.RoleOwner, api.RoleAdmin, api.RoleEditor, api.RoleViewer, api.RoleBilling} {
		s.Member(t, httpapitest.Own, string(role)+"@acme.example", role)
		s.people[string(role)] = s.Session(t, string(role)+"@acme.example")
	}
	s.Member(t, httpapitest.Other, "stranger@globex.example", api.RoleOwner)
	s.people["stranger"] = s.Session(t, "stranger@globex.example")
	return s
}

// page is an answer as a browser has it.
type page struct {
	status   int
	location string
	text     string
	header   http.Header
}

// get asks for a page as somebody; "" is nobody.
func (s *site) get(t testing.TB, who, path string) page { return s.ask(t, who, "GET", path, nil, nil) }

// post sends a form.
func (s *site) post(t testing.TB, who, path string, form url.Values) page {
	return s.ask(t, who, "POST", path, form, nil)
}

func (s *site) ask(t testing.TB, who, method, path string, form url.Values, header map[string]string) page {
	t.Helper()
	c := &http.Client{Transport: s.Client.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return s.askBy(t, c, who, method, path, form, header)
}

// askBy asks by a browser, which may have cookies of its own.
func (s *site) askBy(t testing.TB, c *http.Client, who, method, path string, form url.Values, header map[string]string) page {
	t.Helper()
	if form == nil {
		return s.send(t, c, who, method, path, "", nil, header)
	}
	return s.send(t, c, who, method, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()), header)
}

// send is askBy with a body of any kind.
func (s *site) send(t testing.TB, c *http.Client, who, method, path, contentType string, body io.Reader, header map[string]string) page {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	if who != "" {
		r.AddCookie(&http.Cookie{Name: "souk", Value: s.people[who]})
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page{resp.StatusCode, resp.Header.Get("Location"), string(text), resp.Header}
}

// want fails the test when the status is another, or one of the texts is not there.
func (p page) want(t testing.TB, status int, texts ...string) page {
	t.Helper()
	if p.status != status {
		t.Fatalf("status is %d, want %d: %s", p.status, status, p.main())
	}
	for _, text := range texts {
		if !strings.Contains(p.text, text) {
			t.Errorf("the page does not say %q: %s", text, p.main())
		}
	}
	return p
}

// lacks fails the test when one of the texts is there.
func (p page) lacks(t testing.TB, texts ...string) page {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(p.text, text) {
			t.Errorf("the page says %q: %s", text, p.main())
		}
	}
	return p
}

func (p page) main() string {
	_, main, _ := strings.Cut(p.text, "<main")
	main, _, _ = strings.Cut(main, "</main>")
	return main
}

// field is the value of a named input.
func (p page) field(t testing.TB, name string) string {
	t.Helper()
	for _, tag := range regexp.MustCompile(`<input[^>]*>`).FindAllString(p.text, -1) {
		if strings.Contains(tag, `name="`+name+`"`) {
			m := regexp.MustCompile(` value="([^"]*)"`).FindStringSubmatch(tag)
			if m == nil {
				return ""
			}
			return html.UnescapeString(m[1])
		}
	}
	t.Fatalf("the page has no field %q: %s", name, p.main())
	return ""
}
