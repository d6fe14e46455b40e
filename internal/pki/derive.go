package pki

import (
	"crypto/hmac"
	"crypto/sha256"
)

// Derive returns a secret that only who has the authority's key can tell, always
// the same for a label: 32 bytes.
func (c *CA) Derive(label string) []byte {
	mac := hmac.New(sha256.New, c.key.D.Bytes())
	mac.Write([]byte("souk derived secret\x00" + label))
	return mac.Sum(nil)
}
