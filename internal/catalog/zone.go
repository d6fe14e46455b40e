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

// FailureDomains are those that the zone's agent reports, or else those that the
// zone declares.
func FailureDomains(z catalogdb.ZonesRow) []string {
	if reported := Reported(z).FailureDomains; reported != nil {
		return reported
	}
	return append([]string{}, z.FailureDomains...)
}
