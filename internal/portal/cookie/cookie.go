// Package cookie keeps a person's session in the browser: in one host-only
// cookie that scripts cannot read and other sites cannot send along.
package cookie

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Names of the cookie: over TLS it carries the prefix by which browsers hold it
// to its host, to every path and to TLS (RFC 6265bis, section 4.1.3.2).
const (
	plainName  = "souk"
	secureName = "__Host-souk"
)

// Session sets and reads the cookie.
type Session struct {
	// Secure is set where the portal's public address is https.
	Secure bool
	Of     string // what it keeps, where that is not a session of its own
}

func (s Session) name() string {
	name := plainName
	if s.Secure {
		name = secureName
	}
	if s.Of != "" {
		name += "-" + s.Of
	}
	return name
}

// Set begins a session: secret is the bearer secret of a tenancy.Session. A
// secret that the browser had before is replaced, so that none can be planted.
func (s Session) Set(w http.ResponseWriter, secret string, expires time.Time) {
	http.SetCookie(w, s.cookie(secret, expires))
}

// Clear ends it in the browser; the caller ends it in the record.
func (s Session) Clear(w http.ResponseWriter) {
	c := s.cookie("", time.Unix(1, 0))
	c.MaxAge = -1
	http.SetCookie(w, c)
}

// Secret returns what Set put there, or "".
func (s Session) Secret(r *http.Request) string {
	c, err := r.Cookie(s.name())
	if err != nil {
		return ""
	}
	return c.Value
}

func (s Session) cookie(value string, expires time.Time) *http.Cookie {
	return &http.Cookie{
		Name: s.name(), Value: value, Path: "/", Expires: expires,
		HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode,
	}
}

// LocalPath returns where to go after a log-in: path if it is one of this site's
// own, or else fallback. Browsers take "//host" and "/\host" for other sites.
func LocalPath(path, fallback string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(path, "/") ||
		strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t\x00") {
		return fallback
	}
	return path
}
