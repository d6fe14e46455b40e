package portal_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/portal"
	"souk/internal/store"
	"souk/internal/tenancy"
)

// looks begins a view of httpapitest.Own and returns the cookie that keeps it.
func (b *browser) looks(t testing.TB, reason string) *http.Cookie {
	t.Helper()
	got := b.post(t, "/operator/organizations/"+httpapitest.Own+"/view", url.Values{"reason": {reason}})
	got.leads(t, own)
	for _, c := range (&http.Response{Header: got.header}).Cookies() {
		if c.Name == "souk-view" && c.HttpOnly && c.SameSite == http.SameSiteLaxMode {
			return c
		}
	}
	t.Fatalf("no cookie was set: %v", got.header)
	return nil
}

// in asks for a page with the cookie of a view.
func (b *browser) in(t testing.TB, view *http.Cookie, method, path string, form url.Values) page {
	t.Helper()
	session := &http.Cookie{Name: "souk", Value: b.people[b.who]}
	return b.site.ask(t, "", method, path, form, map[string]string{"Cookie": session.String() + "; " + view.Name + "=" + view.Value})
}

func TestLookingAsAnOrganization(t *testing.T) {
	s := newSite(t)
	i := s.Ready(t, httpapitest.Own, httpapitest.OwnProject)
	owner := s.staff(t, api.RoleOwner)
	owner.get(t, own).want(t, http.StatusNotFound)
	start := "/operator/organizations/" + httpapitest.Own + "/view"
	owner.post(t, start, url.Values{"reason": {"x"}}).want(t, http.StatusUnprocessableEntity).between(t, `id="reason-problem">`, "<")
	for _, role := range []api.Role{api.RoleEditor, api.RoleViewer} {
		s.staff(t, role).post(t, start, url.Values{"reason": {"out of curiosity"}}).want(t, http.StatusForbidden)
		s.staff(t, role).get(t, "/operator/organizations/"+httpapitest.Own).lacks(t, start)
	}
	view := owner.looks(t, hostile)
	for path, order := range map[string]string{own: own + "/order", own + "/instances": own + "/order", "/catalog/" + httpapitest.Service: "/order/" + httpapitest.Service} {
		owner.in(t, view, "GET", path, nil).want(t, http.StatusOK).lacks(t, order)
		s.as("editor").get(t, path).want(t, http.StatusOK, order)
	}
	for _, path := range []string{own, own + "/instances", own + "/members", own + "/audit", own + "/costs", "/operator/zones", "/catalog"} {
		got := owner.in(t, view, "GET", path, nil).want(t, http.StatusOK, "You look as "+httpapitest.Own+" does", `action="/operator/view/stop"`).lacks(t, "<script>alert")
		if strings.HasPrefix(path, own) && strings.Contains(got.text, `href="`+own+`/settings"`) {
			t.Errorf("%s offers what cannot be done", path)
		}
	}
	owner.in(t, view, "GET", "/o/"+httpapitest.Other, nil).want(t, http.StatusNotFound)
	owner.in(t, view, "GET", own+"/order", nil)
	instance := own + "/p/" + httpapitest.OwnProject + "/instances/" + i.Name
	owner.in(t, view, "GET", instance, nil).want(t, http.StatusOK, i.Name)
	// The customer reads who looked, and why.
	s.as("owner").get(t, own+"/audit?action=view.start").want(t, http.StatusOK).says(t, "owner@operator.example", hostile).lacks(t, "<script>alert")
	// A cookie is of no use to anybody else.
	s.as("stranger").in(t, view, "GET", own, nil).leads(t, "/operator/organizations/acme?done=view-ended")
	owner.in(t, view, "POST", "/operator/view/stop", url.Values{}).leads(t, "/operator/organizations/"+httpapitest.Own+"?done=view-ended")
	owner.in(t, view, "GET", own, nil).leads(t, "/operator/organizations/acme?done=view-ended")
	s.as("owner").get(t, own+"/audit?action=view.end").want(t, http.StatusOK).says(t, "owner@operator.example")

	view = owner.looks(t, "a ticket of theirs")
	s.Clock.Advance(tenancy.ViewLasts)
	owner.in(t, view, "GET", own, nil).leads(t, "/operator/organizations/acme?done=view-ended")
}

// Whoever looks as an organization does sends every form of its pages in vain.
func TestLookingChangesNothing(t *testing.T) {
	s := newSite(t)
	i := s.Ready(t, httpapitest.Own, httpapitest.OwnProject)
	owner := s.staff(t, api.RoleOwner)
	view := owner.looks(t, "a ticket of theirs")
	audited := func() (n int) {
		s.System(t, func(ctx context.Context, tx store.Tx) error {
			return tx.QueryRow(ctx, "SELECT count(*) FROM audit_events").Scan(&n)
		})
		return n
	}
	before, tried := audited(), 0
	for _, route := range s.pages.Routes() {
		method, path, _ := strings.Cut(route.Pattern, " ")
		if method != http.MethodPost || !strings.HasPrefix(path, "/o/{org}/") || route.Access != portal.SignedIn {
			continue
		}
		path = strings.NewReplacer("{org}", httpapitest.Own, "{project}", httpapitest.OwnProject, "{name}", i.Name, "{service}", httpapitest.Service,
			"{binding}", "default", "{id}", i.ID.String()).Replace(path)
		form := url.Values{"name": {"more"}, "displayName": {"x"}, "timeZone": {"UTC"}, "email": {"a@example.org"}, "role": {"viewer"}, "days": {"30"}, "sure": {"yes"}, "confirm": {i.Name}}
		got := owner.in(t, view, "POST", path, form)
		if got.status < 400 || strings.Contains(got.text, "postgresql://") {
			t.Errorf("%s: status %d", route.Pattern, got.status)
		}
		tried++
	}
	if after := audited(); after != before {
		t.Errorf("the audit log grew by %d", after-before)
	}
	if tried < 8 {
		t.Errorf("only %d forms were tried", tried)
	}
}
