package controlplane

import (
	"slices"
	"strings"
	"testing"

	"souk/api"
	"souk/api/client"
	"souk/internal/tenancy"
)

func first() tenancy.FirstOperator {
	return tenancy.FirstOperator{Organization: "operator", DisplayName: "The operator", TimeZone: "UTC", Email: "ann@operator.example", Name: "Ann", Password: "the-first-password"}
}

// A Souk without demonstration data gets its first operator, who can log in, once.
func TestBootstrap(t *testing.T) {
	c := config(t)
	c.Demo = nil
	made, err := Bootstrap(t.Context(), c, first())
	if err != nil || made != (tenancy.Planted{Organization: "operator", Made: true}) {
		t.Fatalf("got %+v, %v", made, err)
	}
	before := rows(t, c, everything)
	again := first()
	again.Organization, again.Email, again.Password = "other", "mallory@example.org", "another-password"
	if made, err = Bootstrap(t.Context(), c, again); err != nil || made != (tenancy.Planted{Organization: "operator"}) {
		t.Errorf("the second time: %+v, %v", made, err)
	}
	if after := rows(t, c, everything); !slices.Equal(after, before) {
		t.Error("the second time changed the record")
	}

	cp := replica(t, c, nil, packages())
	url, stop, ended := front(t, cp)
	anybody, err := client.New(url)
	if err != nil {
		t.Fatal(err)
	}
	session, err := anybody.Login(t.Context(), api.LoginRequest{Email: "ann@operator.example", Password: "the-first-password"})
	if err != nil {
		t.Fatal(err)
	}
	ann, err := client.New(url, client.WithToken(session.Token))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ann.Operator().Zones(t.Context()); err != nil {
		t.Errorf("the operator cannot see the zones: %v", err)
	}
	stop()
	<-ended
}

func TestBootstrapRefused(t *testing.T) {
	c := config(t)
	cp := replica(t, c, nil, packages()) // with an organization acme
	if _, err := cp.store.SystemPool().Exec(t.Context(), "UPDATE organizations SET kinds = '{customer}' WHERE name = 'operator'"); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		change func(*tenancy.FirstOperator)
		says   string
	}{
		"address":   {func(f *tenancy.FirstOperator) { f.Email = "nobody" }, "email"},
		"name":      {func(f *tenancy.FirstOperator) { f.Organization = "Not A Name" }, "organization"},
		"time zone": {func(f *tenancy.FirstOperator) { f.TimeZone = "Mars" }, "timeZone"},
		"taken":     {func(f *tenancy.FirstOperator) { f.Organization = "acme" }, "acme"},
	} {
		t.Run(name, func(t *testing.T) {
			f := first()
			x.change(&f)
			if _, err := Bootstrap(t.Context(), c, f); err == nil || !strings.Contains(err.Error(), x.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	f := first()
	f.Organization, f.Email = "us", "owner@acme.example"
	if made, err := Bootstrap(t.Context(), c, f); err != nil || made != (tenancy.Planted{Organization: "us", Made: true, HadAccount: true}) {
		t.Errorf("somebody with an account: %+v, %v", made, err)
	}
}
