package api

import "slices"

// ZoneCapability is what holds of a capability in a zone.
type ZoneCapability struct {
	Zone string
	Capability
}

// Otherwise lists the zones in which a capability of the service holds otherwise
// than in most, each once.
func (s Service) Otherwise(c Capability) []ZoneCapability {
	var all []ZoneCapability
	for _, o := range s.Offerings {
		for _, holds := range o.Capabilities {
			known := slices.ContainsFunc(all, func(z ZoneCapability) bool { return z.Zone == o.Zone })
			if holds.Name == c.Name && holds != c && !known {
				all = append(all, ZoneCapability{o.Zone, holds})
			}
		}
	}
	return all
}
