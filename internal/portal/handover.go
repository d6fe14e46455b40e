package portal

import (
	"net/http"
	"net/url"
)

// What one page hands over to the next without naming it in an address: cookies
// that scripts cannot read, for an hour, below the path of those pages.
const (
	mailedToken   = "souk-token"   // of a link that was mailed
	mailedAddress = "souk-address" // that a mail was sent to
)

func (p *Portal) handOver(w http.ResponseWriter, path, name, value string) {
	c := &http.Cookie{Name: name, Value: url.QueryEscape(value), Path: path, MaxAge: 3600, HttpOnly: true, Secure: p.Secure, SameSite: http.SameSiteLaxMode}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

func handedOver(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	value, err := url.QueryUnescape(c.Value)
	if err != nil {
		return ""
	}
	return value
}

// arrive takes the token out of the address that a mail led to, so that it stays
// in no history and no screenshot, and says whether it did: the page is then
// asked for anew. A link that a mail filter opens is not used up by that.
func (p *Portal) arrive(w http.ResponseWriter, r *http.Request, v *visit) bool {
	token := v.query.Get("token")
	if token == "" {
		return false
	}
	p.handOver(w, r.URL.Path, mailedToken, token)
	redirect(w, r, r.URL.Path)
	return true
}
