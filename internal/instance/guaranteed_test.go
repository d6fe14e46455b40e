package instance_test

import (
	"strings"
	"testing"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
)

func guaranteed(s *api.InstanceSpec) { s.ServiceLevel = "guaranteed" }

// What the agent reports now counts, whatever the zone declares: to offer, and to
// order. What runs already is left alone.
func TestGuaranteedNeedsThreeFailureDomains(t *testing.T) {
	w := instancetest.New(t) // each zone declares one
	offers := func(want bool) {
		t.Helper()
		if err := w.OfferGuaranteed(t); (err == nil) != want || (err != nil && store.ErrorCode(err) != "23514") {
			t.Fatalf("offering it ended with %v", err)
		}
	}
	offers(false)
	w.Superuser(t, false, "UPDATE zones SET failure_domains = '{one,two,three}'")
	w.Domains(t, "a", "b")
	offers(false)
	w.Superuser(t, false, "UPDATE zones SET failure_domains = '{}'")
	w.Domains(t, "a", "b", "c")
	offers(true)

	v := w.Ready(t, "db1", guaranteed)
	if v.ServiceLevel != "guaranteed" {
		t.Errorf("ordered %s", v.ServiceLevel)
	}
	for _, c := range []struct {
		what    string
		domains []string
		says    string
	}{
		{"two are left", []string{"a", "b"}, "only 2 of them are there now (a, b)"},
		{"none is left", []string{}, "none is there now"},
	} {
		t.Run(c.what, func(t *testing.T) {
			w.Domains(t, c.domains...)
			order := ordering(instancetest.Order("db2", guaranteed), w.Service)
			mustRefuse(t, w, "too-few-failure-domains", "body.spec.serviceLevel", order)
			if _, err := w.Do(t, order); !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "best effort") {
				t.Errorf("it says %v", err)
			}
		})
	}
	t.Run("the engine can no longer", func(t *testing.T) {
		w.Domains(t, "a", "b", "c")
		w.Superuser(t, false, `UPDATE zone_agents SET info = jsonb_set(info, '{engines,0,noGuaranteed}', '"it has a single member."')`)
		order := ordering(instancetest.Order("db2", guaranteed), w.Service)
		mustRefuse(t, w, "not-guaranteed", "body.spec.serviceLevel", order)
		if _, err := w.Do(t, order); !strings.Contains(err.Error(), "It has a single member. Order it with best effort") {
			t.Errorf("it says %v", err)
		}
	})
	grown := w.Act(t, "db1", w.Update(guaranteed, func(s *api.InstanceSpec) { s.StorageGiB = 20 }))
	if grown.StorageGib != 20 {
		t.Errorf("what runs already cannot grow: %+v", grown.StorageGib)
	}
	w.Order(t, "db3")
}

func TestMembersAreShownAsReported(t *testing.T) {
	w := instancetest.New(t)
	w.Domains(t, "a", "b", "c")
	if err := w.OfferGuaranteed(t); err != nil {
		t.Fatal(err)
	}
	v := w.Order(t, "db1", guaranteed)
	members := func(primary string) []driver.Member {
		var all []driver.Member
		for _, domain := range []string{"a", "b", "c"} {
			m := driver.Member{Name: "db-" + domain, Role: driver.RoleReplica, Ready: true, FailureDomain: domain}
			if domain == primary {
				m.Role = driver.RolePrimary
			}
			all = append(all, m)
		}
		return all
	}
	shown := func(want ...api.InstanceMember) {
		t.Helper()
		doc := w.View(t, v.ID).API(w.Machine.Now())
		if len(doc.Status.Members) != len(want) || doc.Status.Driver != "fake" {
			t.Fatalf("shown are %+v on %s", doc.Status.Members, doc.Status.Driver)
		}
		for n, m := range doc.Status.Members {
			if m != want[n] {
				t.Errorf("member %d is %+v, want %+v", n, m, want[n])
			}
		}
	}
	shown()
	report := func(state driver.State, m []driver.Member) {
		f := w.Fact(t, v.ID, state)
		f.Observation.Members = m
		w.Apply(t, f)
	}
	report(driver.StateRunning, members("a"))
	shown(api.InstanceMember{Name: "db-a", Role: "primary", Ready: true, FailureDomain: "a"}, api.InstanceMember{Name: "db-b", Role: "replica", Ready: true, FailureDomain: "b"},
		api.InstanceMember{Name: "db-c", Role: "replica", Ready: true, FailureDomain: "c"})
	lost := members("b")
	lost[0].Ready, lost[0].Name = false, "db-a\x00"+strings.Repeat("x", 2000)
	report(driver.StateDegraded, lost)
	if got := w.View(t, v.ID).API(w.Machine.Now()).Status.Members[0]; got.Ready || len(got.Name) != 1000 {
		t.Errorf("what a zone says too much of a member is kept: %+v", got)
	}
	report(driver.StateRunning, make([]driver.Member, 1000))
	if n := len(w.View(t, v.ID).API(w.Machine.Now()).Status.Members); n != 32 {
		t.Errorf("%d members are kept", n)
	}
	report(driver.StateStopped, nil)
	shown()
}
