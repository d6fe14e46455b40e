package tenancy

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"

	"souk/internal/problem"
)

// linkPrefix keeps what is in the links of mails apart from what can be used as a
// token.
const linkPrefix = "soukmail_"

// newLinkToken returns a secret of 256 random bits, for a link. Only its hash is
// kept.
func newLinkToken() string {
	bits := make([]byte, 32)
	rand.Read(bits) // never fails
	return linkPrefix + base64.RawURLEncoding.EncodeToString(bits)
}

// Why a link does not work.
func linkUnknown() error {
	return &problem.Error{Status: http.StatusNotFound, Code: "link-unknown", Detail: "This link is not one of Souk's any more, or is not whole. Open the link of the newest mail, and all of it."}
}

func linkUsed() error {
	return &problem.Error{Status: http.StatusGone, Code: "link-used", Detail: "This link has been used, and works only once. Log in, or ask for another mail."}
}

func linkExpired() error {
	return &problem.Error{Status: http.StatusGone, Code: "link-expired", Detail: "This link is too old. Ask for another mail."}
}
