package process

import "encoding/hex"

// Secret returns a secret of the agent's for this instance, always the same for a
// purpose. It is derived from the zone authority's key and on no disk; an engine
// keeps at most a hash of it.
func (h *Host) Secret(purpose string) string {
	return hex.EncodeToString(h.ca.Derive("instance " + h.unit.id + " " + purpose))
}
