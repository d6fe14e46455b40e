package portal_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

// staff is somebody of the operator's with the role.
func (s *site) staff(t testing.TB, role api.Role) *browser {
	t.Helper()
	email := string(role) + "@operator.example"
	if s.people[email] != "" {
		return &browser{s, email}
	}
	return s.person(t, httpapitest.Operator, email, role)
}

// The operator's pages are for its staff: others see no link to them, and are
// refused.
func TestWhoSeesTheOperatorsPages(t *testing.T) {
	s := newSite(t)
	i := s.Ready(t, httpapitest.Own, httpapitest.OwnProject)
	pages := []string{"/operator/instances", "/operator/instances.csv", "/operator/instances/" + i.ID.String(), "/operator/stuck", "/operator/zones", "/operator/organizations", "/operator/organizations/" + httpapitest.Own}
	for _, path := range pages {
		for _, role := range []api.Role{api.RoleOwner, api.RoleAdmin, api.RoleEditor, api.RoleViewer} {
			s.staff(t, role).get(t, path).want(t, http.StatusOK)
		}
		s.staff(t, api.RoleBilling).get(t, path).want(t, http.StatusForbidden)
		for _, who := range []string{"owner", "viewer", "stranger"} {
			s.as(who).get(t, path).want(t, http.StatusForbidden)
		}
		s.as("").get(t, path).leads(t, "/login?return="+url.QueryEscape(path))
	}
	s.as("owner").get(t, own).lacks(t, `href="/operator`)
	s.staff(t, api.RoleViewer).get(t, "/").want(t, http.StatusOK, `href="/operator/instances"`)
}

func TestInventoryPages(t *testing.T) {
	s := newSite(t)
	viewer := s.staff(t, api.RoleViewer)
	viewer.get(t, "/operator/instances").want(t, http.StatusOK).says(t, "Nothing runs anywhere yet")
	i := s.Order(t, httpapitest.Own, httpapitest.OwnProject, "orders")
	s.Report(t, i, driver.StateRunning)
	s.Order(t, httpapitest.Other, httpapitest.OtherProject, "waiting")
	s.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE instances SET display_name = $1, blocked_by = 'operator', message = 'No room.' WHERE id = $2", hostile, i.ID)
		return err
	})
	viewer.get(t, "/operator/instances").want(t, http.StatusOK).says(t, "orders", "waiting", httpapitest.Own, httpapitest.Other, hostile, "No room.").lacks(t, "<script>alert")
	for query, want := range map[string]string{
		"organization=" + httpapitest.Own: "orders", "phase=Pending": "waiting", "provider=souk&zone=" + httpapitest.Zone: "orders waiting", "age=hour": "orders waiting",
		"age=over-year": "", "level=guaranteed": "", "plan=small&service=postgresql&q=ait": "waiting", "project=" + url.QueryEscape(hostile): "",
	} {
		got := viewer.get(t, "/operator/instances?"+query).want(t, http.StatusOK).lacks(t, "<script>alert")
		for _, name := range []string{"orders", "waiting"} {
			if shown := strings.Contains(got.main(), ">"+name+"</a>"); shown != strings.Contains(want, name) {
				t.Errorf("%s shows %s: %v", query, name, shown)
			}
		}
		table := viewer.get(t, strings.TrimPrefix(got.between(t, `class="button plain" href="`, `"`), "")).want(t, http.StatusOK)
		if n := strings.Count(table.text, "\r\n"); n != 1+len(strings.Fields(want)) {
			t.Errorf("%s: the table has %d lines: %s", query, n, table.text)
		}
	}
	page := viewer.get(t, "/operator/instances/"+i.ID.String()).want(t, http.StatusOK).
		says(t, "orders", "The operator has to act", "No room.", "Zone reachable", "souk", hostile).lacks(t, "<script>alert", `type="password"`, "PGPASSWORD", `method="post" action="/o`)
	if !strings.Contains(page.text, "<time") {
		t.Error("it has no timeline")
	}
	viewer.get(t, "/operator/instances/nonsense").want(t, http.StatusNotFound)
	viewer.get(t, "/operator/instances?cursor=nonsense").want(t, http.StatusUnprocessableEntity)
}
