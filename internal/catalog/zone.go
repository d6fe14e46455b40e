package catalog

import (
	"encoding/json"

	"souk/internal/catalog/catalogdb"
	"souk/internal/driver"
)

// Guaranteed is the service level that survives the loss of a failure domain, and
// DomainsOfGuaranteed how many of them it needs.
const (
	BestEffort          = "best-effort"
	Guaranteed          = "guaranteed"
	DomainsOfGuaranteed = 3
)

// Reported is what the zone's agent says that the zone can do; empty before its
// first hello.
func Reported(z catalogdb.ZonesRow) driver.Info {
	var info driver.Info
	_ = json.Unmarshal(z.Info, &info)
	return info
}

// NoGuaranteed says in plain words why a service cannot have guaranteed availability
// in a zone, however many failure domains there are, or "".
func NoGuaranteed(z catalogdb.ZonesRow, service string) string {
	for _, e := range Reported(z).Engines {
		if e.Service == service && e.Problem == "" {
			return e.NoGuaranteed
		}
	}
	return ""
}

// FailureDomains are those that the zone's agent reports, or else those that the
// zone declares.
func FailureDomains(z catalogdb.ZonesRow) []string {
	if reported := Reported(z).FailureDomains; reported != nil {
		return reported
	}
	return append([]string{}, z.FailureDomains...)
}
