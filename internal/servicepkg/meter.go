package servicepkg

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Meter is something that is counted of an instance and may be billed.
type Meter struct {
	Name  string `json:"name"` // "traffic-out"
	Title string `json:"title"`
	// Unit is one of MeterUnits: the smallest, as quantities are whole numbers of it.
	Unit string `json:"unit"`
	// Aggregation says what an hour's events come to: AggregateSum or AggregateMaximum.
	Aggregation string `json:"aggregation"`
	Description string `json:"description"`
	// Measured says that the zone measures it by the engine's own counters. Others are
	// sent by the provider.
	Measured bool `json:"measured,omitempty"`
}

// What an hour's events come to.
const (
	AggregateSum     = "sum"
	AggregateMaximum = "maximum"
)

// MeterUnits are what meters count.
var MeterUnits = []string{"byte", "request", "message", "second", "item"}

// takenNames are those of other items in price lists and on invoices.
var takenNames = []string{"compute", "storage", "backup-storage", "setup", "minimum", "discount", "service-credit"}

var meterName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// Meter returns the meter of that name, or false.
func (d Definition) Meter(name string) (Meter, bool) {
	i := slices.IndexFunc(d.Meters, func(m Meter) bool { return m.Name == name })
	if i < 0 {
		return Meter{}, false
	}
	return d.Meters[i], true
}

// CheckMeters says what is wrong with the meters of a definition.
func (d Definition) CheckMeters() error {
	for n, m := range d.Meters {
		switch {
		case !meterName.MatchString(m.Name):
			return fmt.Errorf("meters: %q is no name of small letters, digits and hyphens", m.Name)
		case slices.ContainsFunc(d.Meters[:n], func(o Meter) bool { return o.Name == m.Name }):
			return fmt.Errorf("meters: %s is there twice", m.Name)
		case slices.Contains(takenNames, m.Name):
			return fmt.Errorf("meters: %s means something else in price lists", m.Name)
		case m.Title == "" || m.Description == "":
			return fmt.Errorf("meters: %s needs a title and a description", m.Name)
		case !slices.Contains(MeterUnits, m.Unit):
			return fmt.Errorf("meters: the unit of %s is one of %s", m.Name, strings.Join(MeterUnits, ", "))
		case m.Aggregation != AggregateSum && m.Aggregation != AggregateMaximum:
			return fmt.Errorf("meters: the aggregation of %s is %s or %s", m.Name, AggregateSum, AggregateMaximum)
		}
	}
	return nil
}
