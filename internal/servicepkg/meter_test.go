package servicepkg_test

import (
	"testing"

	"souk/internal/servicepkg"
)

// A package whose meters are not whole is not published.
func TestMetersAreChecked(t *testing.T) {
	good := servicepkg.Meter{Name: "requests", Title: "Requests", Unit: "request", Aggregation: servicepkg.AggregateSum, Description: "Answered."}
	for name, c := range map[string]struct {
		change func(*servicepkg.Meter)
		ok     bool
	}{
		"as it should be":        {func(*servicepkg.Meter) {}, true},
		"maximum":                {func(m *servicepkg.Meter) { m.Aggregation = servicepkg.AggregateMaximum }, true},
		"no name":                {func(m *servicepkg.Meter) { m.Name = "" }, false},
		"a name with spaces":     {func(m *servicepkg.Meter) { m.Name = "my requests" }, false},
		"the name of an item":    {func(m *servicepkg.Meter) { m.Name = "storage" }, false},
		"no title":               {func(m *servicepkg.Meter) { m.Title = "" }, false},
		"no description":         {func(m *servicepkg.Meter) { m.Description = "" }, false},
		"a unit that is too big": {func(m *servicepkg.Meter) { m.Unit = "GiB" }, false},
		"another aggregation":    {func(m *servicepkg.Meter) { m.Aggregation = "mean" }, false},
	} {
		m := good
		c.change(&m)
		if err := (servicepkg.Definition{Meters: []servicepkg.Meter{m}}).CheckMeters(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if (servicepkg.Definition{Meters: []servicepkg.Meter{good, good}}).CheckMeters() == nil {
		t.Error("one that is there twice was taken")
	}
}
