package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/httpapi/httpapitest"
)

func TestWhoSeesWhichPage(t *testing.T) {
	s := newSite(t)
	people := map[string]*browser{}
	for _, role := range []string{"owner", "admin", "editor", "viewer", "billing"} {
		people[role] = s.as(role)
	}
	readers, admins := "owner admin editor viewer", "owner admin"
	for path, may := range map[string]string{
		own + "/projects": readers, own + "/members": readers, own + "/tokens": admins, own + "/audit": admins,
		own + "/costs": readers + " billing", own + "/costs/total": readers + " billing", own + "/quota": readers + " billing", own + "/settings": admins, own + "/sso": "owner",
	} {
		for role, who := range people {
			want := http.StatusForbidden
			if strings.Contains(may, role) {
				want = http.StatusOK
			}
			got := who.get(t, path)
			if got.status != want {
				t.Errorf("%s as %s: status %d, want %d", path, role, got.status, want)
			}
			if strings.HasSuffix(path, "/total") {
				continue // a part of the overview, fetched only where it takes long
			}
			// What is not allowed is not offered either.
			if offered := strings.Contains(who.get(t, own).text, `href="`+path+`"`); offered != (want == http.StatusOK) {
				t.Errorf("%s as %s: offered: %v", path, role, offered)
			}
		}
		s.as("stranger").get(t, path).want(t, http.StatusNotFound)
		s.as("").get(t, path).leads(t, "/login?return="+url.QueryEscape(path))
	}
}

// A viewer who makes the requests all the same changes nothing.
func TestViewerChangesNothing(t *testing.T) {
	s := newSite(t)
	viewer := s.as("viewer")
	stranger := s.as("stranger")
	member := s.Member(t, httpapitest.Own, "ann@example.org", api.RoleEditor).String()
	s.Account(t, "new@example.org")
	before := counts(t, s)
	for path, form := range map[string]url.Values{
		own + "/projects": {"name": {"more"}}, own + "/projects/empty/delete": {},
		own + "/members": {"email": {"new@example.org"}, "role": {"viewer"}}, own + "/members/" + member + "/remove": {},
		own + "/tokens": {"name": {"ci"}, "role": {"viewer"}, "days": {"30"}}, own + "/tokens/" + member + "/revoke": {},
		own + "/settings": {"displayName": {"Mine"}, "timeZone": {"UTC"}},
	} {
		viewer.post(t, path, form).want(t, http.StatusForbidden)
		stranger.post(t, path, form).want(t, http.StatusNotFound)
		s.as("").post(t, path, form).leads(t, "/login?return=%2F")
	}
	if after := counts(t, s); after != before {
		t.Errorf("there were %+v, and now are %+v", before, after)
	}
	for _, path := range []string{"/projects", "/members"} {
		viewer.get(t, own+path).want(t, http.StatusOK).lacks(t, `action="`+own+path)
	}
}

type held struct{ Projects, Members, Tokens, Settings int }

func counts(t *testing.T, s *site) (h held) {
	t.Helper()
	row := s.Store.SystemPool().QueryRow(t.Context(), `SELECT (SELECT count(*) FROM projects), (SELECT count(*) FROM members), (SELECT count(*) FROM tokens),
		(SELECT count(*) FROM organizations WHERE display_name <> '' OR time_zone <> 'Europe/Zurich')`)
	if err := row.Scan(&h.Projects, &h.Members, &h.Tokens, &h.Settings); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestProjects(t *testing.T) {
	s := newSite(t)
	admin := s.as("admin")
	admin.post(t, own+"/projects", url.Values{"name": {"Not a name"}, "displayName": {hostile}}).want(t, http.StatusUnprocessableEntity).
		says(t, hostile, "Not a name").lacks(t, "<script>alert").between(t, `id="name-problem">`, "<")
	admin.post(t, own+"/projects", url.Values{"name": {"archive"}, "displayName": {hostile}}).leads(t, own+"/projects?done=project-created")
	admin.get(t, own+"/projects?done=project-created").want(t, http.StatusOK).says(t, "archive", hostile, "The project is made.").lacks(t, "<script>alert", "<img src=x")
	admin.post(t, own+"/projects", url.Values{"name": {"archive"}}).want(t, http.StatusUnprocessableEntity).says(t, `There is a project named "archive" already.`)
	admin.post(t, own+"/projects/archive/delete", nil).leads(t, own+"/projects?done=project-deleted")
	admin.get(t, own+"/projects").lacks(t, "archive")
	s.Ready(t, httpapitest.Own, httpapitest.OwnProject)
	admin.post(t, own+"/projects/"+httpapitest.OwnProject+"/delete", nil).want(t, http.StatusUnprocessableEntity)
	admin.get(t, own+"/projects").says(t, httpapitest.OwnProject)
}

func TestMembers(t *testing.T) {
	s := newSite(t)
	owner := s.as("owner")
	admin := s.as("admin")
	ann := s.person(t, "", "ann@example.org", "")
	add := func(who *browser, email, role, project string) page {
		return who.post(t, own+"/members", url.Values{"email": {email}, "role": {role}, "project": {project}})
	}
	ann.get(t, own).want(t, http.StatusNotFound)
	add(admin, "ann@example.org", "viewer", "").leads(t, own+"/members?done=member-kept")
	ann.get(t, own).want(t, http.StatusOK)
	add(admin, "ann@example.org", "editor", "").leads(t, own+"/members?done=member-kept")
	admin.get(t, own+"/members").says(t, "ann@example.org", "Editor").lacks(t, `<option value="owner"`)
	owner.get(t, own+"/members").between(t, `<input type="radio" name="role" value="owner"`, ">")
	add(admin, "ann@example.org", "owner", "").want(t, http.StatusForbidden)
	add(admin, hostile, "viewer", "").want(t, http.StatusUnprocessableEntity).says(t, hostile).lacks(t, "<script>alert")
	add(admin, "nobody@example.org", "viewer", "").want(t, http.StatusUnprocessableEntity).between(t, `id="email-problem">`, "<")

	id := admin.get(t, own+"/members").memberID(t, "ann@example.org")
	admin.post(t, own+"/members/"+id+"/remove", nil).leads(t, own+"/members?done=member-removed")
	ann.get(t, own).want(t, http.StatusNotFound)
	// The last owner stays.
	id = owner.get(t, own+"/members").memberID(t, "owner@acme.example")
	owner.post(t, own+"/members/"+id+"/remove", nil).want(t, http.StatusUnprocessableEntity)
	owner.get(t, own+"/members").want(t, http.StatusOK)
}

func (p page) memberID(t *testing.T, email string) string {
	t.Helper()
	_, rest, _ := strings.Cut(p.text, `name="email" value="`+email+`"`)
	return page{text: rest}.between(t, `action="`+own+`/members/`, "/remove")
}

// A token's secret is shown by the page that makes it, and by no other: the same
// form sent again makes nothing and shows nothing.
func TestTokenSecretIsShownOnce(t *testing.T) {
	s := newSite(t)
	admin := s.as("admin")
	form := url.Values{"name": {hostile}, "role": {"viewer"}, "days": {"30"}, "key": {admin.get(t, own+"/tokens").between(t, `name="key" value="`, `"`)}}
	made := admin.post(t, own+"/tokens", form).want(t, http.StatusOK).says(t, hostile).lacks(t, "<script>alert", "<img src=x")
	secret := made.between(t, "<code>souk_", "</code>")
	if len(secret) < 40 {
		t.Fatalf("the secret is %q", secret)
	}
	if made.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the page with the secret may be kept: %v", made.header)
	}
	admin.post(t, own+"/tokens", form).want(t, http.StatusOK).lacks(t, secret)
	admin.get(t, own+"/tokens").want(t, http.StatusOK).says(t, hostile).lacks(t, secret, "<script>alert")
	if n := strings.Count(admin.get(t, own+"/tokens").text, "/revoke"); n != 1 {
		t.Errorf("there are %d tokens", n)
	}
	if got := s.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/whoami", Token: "souk_" + secret}); got.Status != http.StatusOK {
		t.Errorf("the token does not work: %s", got.Body)
	}
	id := admin.get(t, own+"/tokens").between(t, `action="`+own+`/tokens/`, "/revoke")
	admin.post(t, own+"/tokens/"+id+"/revoke", nil).leads(t, own+"/tokens?done=token-revoked")
	if got := s.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/whoami", Token: "souk_" + secret}); got.Status != http.StatusUnauthorized {
		t.Errorf("the revoked token works: %s", got.Body)
	}
	admin.post(t, own+"/tokens", url.Values{"name": {"x"}, "role": {"owner"}, "days": {"30"}}).want(t, http.StatusForbidden)
	admin.post(t, own+"/tokens", url.Values{"name": {""}, "role": {"viewer"}, "days": {"9999"}}).want(t, http.StatusUnprocessableEntity).between(t, `id="days-problem">`, "<")
}

func TestAuditLog(t *testing.T) {
	s := newSite(t)
	admin := s.as("admin")
	owner := s.as("owner")
	admin.post(t, own+"/projects", url.Values{"name": {"one"}, "displayName": {hostile}})
	owner.post(t, own+"/projects", url.Values{"name": {"two"}})
	owner.post(t, own+"/projects/two/delete", nil)
	today := s.Clock.Now().Format("2006-01-02")
	for query, want := range map[string]string{
		"": "one two project.create project.delete", "?actor=admin@acme.example": "one project.create", "?action=project.delete": "two project.delete",
		"?object=one": "one project.create", "?from=" + today + "&to=" + today: "one two project.create project.delete", "?to=2001-01-01": "", "?from=9000-01-01": "",
		"?actor=" + url.QueryEscape(hostile): "", "?actor=admin": "",
	} {
		got := admin.get(t, own+"/audit"+query).want(t, http.StatusOK).lacks(t, "<script>alert")
		for _, text := range []string{"one", "two", "project.create", "project.delete"} {
			if shown := strings.Contains(got.main(), ">"+text+"<"); shown != strings.Contains(want, text) {
				t.Errorf("%q shows %s: %v", query, text, shown)
			}
		}
	}
	admin.get(t, own+"/audit?object=one").says(t, hostile)
	admin.get(t, own+"/audit?from=yesterday").want(t, http.StatusUnprocessableEntity).between(t, `id="from-problem">`, "<")
	admin.get(t, own+"/audit?cursor=nonsense").want(t, http.StatusUnprocessableEntity)
}

func TestAuditLogHasPages(t *testing.T) {
	s := newSite(t)
	admin := s.as("admin")
	for range 51 {
		admin.post(t, own+"/settings", url.Values{"displayName": {"Acme"}, "timeZone": {"UTC"}}).leads(t, own+"/settings?done=organization-kept")
	}
	first := admin.get(t, own+"/audit?action=organization.update").want(t, http.StatusOK)
	if n := strings.Count(first.main(), "<code>organization.update</code>"); n != 50 {
		t.Errorf("the first page has %d entries", n)
	}
	next := first.between(t, `rel="next" href="`, `"`)
	second := admin.get(t, own+"/audit"+next).want(t, http.StatusOK)
	if n := strings.Count(second.main(), "<code>organization.update</code>"); n != 1 {
		t.Errorf("the second page has %d entries", n)
	}
}

func TestCostsAndQuota(t *testing.T) {
	s := newSite(t)
	billing := s.as("billing")
	billing.get(t, own+"/costs").want(t, http.StatusOK).says(t, "Nothing was billed this month")
	for _, project := range []string{httpapitest.OwnProject, httpapitest.SecondProject} {
		i := s.Order(t, httpapitest.Own, project, "db")
		s.Report(t, i, driver.StateRunning)
	}
	s.Clock.Advance(3600e9)
	var cost api.Cost
	s.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/organizations/acme/cost", Token: s.Token(t, httpapitest.Own, "", api.RoleBilling)}).Want(t, 200).Decode(t, &cost)
	if cost.Total.Amount != "0.04" {
		t.Fatalf("the API says %s", cost.Total.Amount)
	}
	got := billing.get(t, own+"/costs").want(t, http.StatusOK).says(t, "CHF 0.04", "postgresql", "Forecast of", "Lines of the invoice so far")
	projects := billing.get(t, own+"/costs?by=project").want(t, http.StatusOK).says(t, httpapitest.OwnProject, httpapitest.SecondProject)
	if n := strings.Count(projects.main(), `value="0.02"`); n != 2 {
		t.Errorf("%d projects have cost 0.02: %s", n, projects.main())
	}
	one := billing.get(t, own+"/costs?by=instance&project="+httpapitest.OwnProject).want(t, http.StatusOK)
	if !strings.Contains(one.main(), "CHF 0.02") || strings.Contains(one.main(), "CHF 0.04") || !strings.Contains(one.main(), "by=instance&amp;project="+httpapitest.OwnProject) {
		t.Errorf("of one project: %s", one.main())
	}
	billing.get(t, own+"/costs?from=2999-01").want(t, http.StatusUnprocessableEntity).says(t, "This month has not begun")
	billing.get(t, own+"/costs?by=label").want(t, http.StatusOK, `id="filter-key"`)
	billing.get(t, own+"/costs?by=elsewhere").want(t, http.StatusUnprocessableEntity).says(t, "Costs are seen by")
	if table := billing.get(t, own+"/costs.csv?by=project").want(t, http.StatusOK).text; !strings.HasPrefix(table, "project,amount,currency,forecast\r\n") {
		t.Errorf("as a table: %q", table)
	}
	if days := got.between(t, "<h2 id=\"days\">", "</section>"); strings.Count(days, "<rect") != s.Clock.Now().Day() || !strings.Contains(days, "CHF 0.04") {
		t.Errorf("not a bar for each day so far: %s", days)
	}
	if total := billing.get(t, own+"/costs/total").want(t, http.StatusOK).text; !strings.Contains(total, "CHF 0.04") {
		t.Errorf("the total alone: %s", total)
	}
	billing.get(t, own+"/quota").want(t, http.StatusOK).says(t, "2 of ")
}

func TestOrganizationSettings(t *testing.T) {
	s := newSite(t)
	admin := s.as("admin")
	admin.post(t, own+"/settings", url.Values{"displayName": {hostile}, "timeZone": {"Mars/Olympus"}}).want(t, http.StatusUnprocessableEntity).
		says(t, hostile).lacks(t, "<script>alert").between(t, `id="timeZone-problem">`, "<")
	admin.post(t, own+"/settings", url.Values{"displayName": {hostile}, "timeZone": {"Asia/Tokyo"}}).leads(t, own+"/settings?done=organization-kept")
	admin.get(t, own+"/settings?done=organization-kept").says(t, hostile, "Asia/Tokyo", "Settings kept.").lacks(t, "<script>alert")
	admin.get(t, own).want(t, http.StatusOK).says(t, hostile).lacks(t, "<script>alert")
}
