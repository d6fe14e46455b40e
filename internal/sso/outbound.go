package sso

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

// What a provider may take, and send.
const (
	patience   = 10 * time.Second
	longestDoc = 1 << 20
)

var (
	errPrivate    = errors.New("the address is in a private network")
	errPlain      = errors.New("the address is not https")
	errRedirect   = errors.New("the provider sends requests elsewhere")
	errTooLarge   = errors.New("the provider's answer is too large")
	notForPublics = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10")
)

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// outbound is the client for providers: whoever names a provider must not reach
// what only this machine can reach.
func (s *Service) outbound() *http.Client {
	dialer := &net.Dialer{Timeout: patience / 2, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if !s.mayReach(at.Addr()) { // after the name was resolved: no name leads around it
			return errPrivate
		}
		return nil
	}}
	return &http.Client{
		Timeout: patience,
		Transport: careful{s, &http.Transport{ // through no proxy, which would not look at addresses
			DialContext: dialer.DialContext, TLSHandshakeTimeout: patience / 2, ResponseHeaderTimeout: patience,
			MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect },
	}
}

func (s *Service) mayReach(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	within := func(p netip.Prefix) bool { return p.Contains(a) }
	switch {
	case slices.ContainsFunc(s.Networks, within), s.Dev && a.IsLoopback():
		return true
	}
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(notForPublics, within)
}

// checkURL refuses what is no address of a provider's: it has to be https, but on
// the machine of a developer.
func (s *Service) checkURL(u *url.URL) error {
	switch {
	case u.Host == "" || u.User != nil || u.Opaque != "":
		return errPlain
	case u.Scheme == "https", u.Scheme == "http" && s.Dev && loopback(u.Hostname()):
		return nil
	}
	return errPlain
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && a.IsLoopback())
}

// careful looks at each request, and bounds each answer.
type careful struct {
	service *Service
	base    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (c careful) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := c.service.checkURL(r.URL); err != nil {
		return nil, err
	}
	resp, err := c.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &bounded{resp.Body, longestDoc}
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
		return 0, errTooLarge
	}
	return n, err
}
