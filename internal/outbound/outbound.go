// Package outbound is the way to addresses that customers name: it leads to no
// place that only this machine or the operator's network can reach, and bounds what
// comes back.
package outbound

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"
)

// What a server may take, and send.
const (
	// Patience is how long a request may take.
	Patience    = 10 * time.Second
	longestBody = 1 << 20 // bytes
)

// Why an address is not used, or its answer not read.
var (
	ErrPrivate  = errors.New("the address is in a private network")
	ErrPlain    = errors.New("the address is not https")
	ErrRedirect = errors.New("the server sends requests elsewhere")
	ErrTooLarge = errors.New("the server's answer is too large")
)

var notForPublics = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10")

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// Rules say which addresses may be reached.
type Rules struct {
	// Networks are private ones that may be; public addresses always may.
	Networks []netip.Prefix
	// Dev allows this machine, without TLS.
	Dev bool
}

// Client returns a client that keeps to the rules. It follows no redirect.
func (r Rules) Client() *http.Client {
	dialer := &net.Dialer{Timeout: Patience / 2, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if !r.MayReach(at.Addr()) { // after the name was resolved: no name leads around it
			return ErrPrivate
		}
		return nil
	}}
	return &http.Client{
		Timeout: Patience,
		Transport: careful{r, &http.Transport{ // through no proxy, which would not look at addresses
			DialContext: dialer.DialContext, TLSHandshakeTimeout: Patience / 2, ResponseHeaderTimeout: Patience,
			MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return ErrRedirect },
	}
}

// MayReach says whether the rules allow an address.
func (r Rules) MayReach(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	within := func(p netip.Prefix) bool { return p.Contains(a) }
	switch {
	case slices.ContainsFunc(r.Networks, within), r.Dev && a.IsLoopback():
		return true
	}
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(notForPublics, within)
}

// CheckURL refuses with ErrPlain what is no address to ask: it has to be https, but
// on the machine of a developer.
func (r Rules) CheckURL(u *url.URL) error {
	switch {
	case u.Host == "" || u.User != nil || u.Opaque != "":
		return ErrPlain
	case u.Scheme == "https", u.Scheme == "http" && r.Dev && loopback(u.Hostname()):
		return nil
	}
	return ErrPlain
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && a.IsLoopback())
}

// careful looks at each request, and bounds each answer.
type careful struct {
	rules Rules
	base  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (c careful) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := c.rules.CheckURL(r.URL); err != nil {
		return nil, err
	}
	resp, err := c.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &bounded{resp.Body, longestBody}
	return resp, nil
}

// bounded is a body that fails where it gets too long.
type bounded struct {
	io.ReadCloser
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}
