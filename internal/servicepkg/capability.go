package servicepkg

import "souk/api"

// Capability is an optional part of a service. It may hold otherwise where another
// driver carries the service out.
type Capability struct {
	api.Capability
	Drivers map[string]DriverCapability `json:"drivers,omitempty"`
	// Restart says that the server restarts when an instance gets the capability
	// or loses it.
	Restart bool `json:"restart,omitempty"`
}

// DriverCapability is what holds of a capability with one driver.
type DriverCapability struct {
	Offered bool   `json:"offered"`
	Note    string `json:"note,omitempty"`
}

// CapabilitiesWith are the service's capabilities as they hold with a driver; "" is
// for what holds with any that is not named.
func (d Definition) CapabilitiesWith(driver string) []api.Capability {
	out := make([]api.Capability, 0, len(d.Capabilities))
	for _, c := range d.Capabilities {
		holds := c.Capability
		if own, ok := c.Drivers[driver]; ok {
			holds.Offered, holds.Note = own.Offered, own.Note
		}
		out = append(out, holds)
	}
	return out
}

// RestartsFor says whether turning a capability on or off restarts the server.
func (d Definition) RestartsFor(capability string) bool {
	for _, c := range d.Capabilities {
		if c.Name == capability {
			return c.Restart
		}
	}
	return false
}

// CapabilityNetworks is that some networks can be let in and others kept out. A
// service that says nothing of it has it.
const CapabilityNetworks = "networks"

// Lacks says whether the service names a capability as one that it does not have
// with a driver, and what it says of it.
func (d Definition) Lacks(capability, driver string) (note string, lacks bool) {
	for _, c := range d.CapabilitiesWith(driver) {
		if c.Name == capability && !c.Offered {
			return c.Note, true
		}
	}
	return "", false
}
