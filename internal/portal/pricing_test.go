package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestPricing(t *testing.T) {
	s := newSite(t)
	nobody := s.as("")
	const postgresql = "service=postgresql&place=local%2Fbest-effort&plan=small"
	first := nobody.get(t, "/pricing").want(t, http.StatusOK).says(t, "PostgreSQL", "All together", "CHF ")
	catalog := nobody.get(t, "/catalog/postgresql").want(t, http.StatusOK)
	_, month, _ := strings.Cut(catalog.text[strings.Index(catalog.text, `<th scope="row">small</th>`):], `<td class="number">`)
	_, month, _ = strings.Cut(month, `<td class="number">`)
	month, _, _ = strings.Cut(month, "<")
	first.says(t, month)
	const backups = "Backups: CHF 0.05 a GiB and month, by what they take"
	catalog.says(t, backups)
	first.says(t, backups)
	// Two lines add up; the URL has them both.
	nobody.get(t, "/pricing?"+postgresql+"&storage=10&hours=100&"+postgresql+"&storage=10&hours=100").want(t, http.StatusOK).says(t, "For 100 hours", "1. PostgreSQL", "2. PostgreSQL")
	nobody.get(t, "/pricing?"+postgresql+"&storage=10&hours=100&add=1").leads(t, "/pricing?"+url.Values{
		"service": {"postgresql", "postgresql"}, "place": {"local/best-effort", "local/best-effort"}, "plan": {"small", "small"}, "storage": {"10", ""}, "hours": {"100", ""}}.Encode())
	nobody.get(t, "/pricing?"+postgresql+"&storage=10&hours=100&"+postgresql+"&storage=20&hours=200&remove=0").leads(t, "/pricing?"+url.Values{
		"service": {"postgresql"}, "place": {"local/best-effort"}, "plan": {"small"}, "storage": {"20"}, "hours": {"200"}}.Encode())
	// What cannot be is said beside the field.
	for field, typed := range map[string]string{"storage": "1", "hours": "99999"} {
		got := nobody.get(t, "/pricing?"+postgresql+"&"+field+"="+typed).want(t, http.StatusOK)
		got.between(t, `id="line-0-`+field+`-problem">`, "<")
	}
	for _, typed := range []string{"-1", "0", "x", hostile, "9223372036854775808"} {
		nobody.get(t, "/pricing?"+postgresql+"&storage="+url.QueryEscape(typed)).want(t, http.StatusOK).lacks(t, "<script>alert").between(t, `id="line-0-storage-problem">`, "<")
	}
	nobody.get(t, "/pricing?service="+url.QueryEscape(hostile)+"&place=mars&plan=huge").want(t, http.StatusOK).lacks(t, "<script>alert")
	nobody.get(t, "/pricing?"+strings.Repeat("service=postgresql&", 500)).want(t, http.StatusOK)
}
