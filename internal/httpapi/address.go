package httpapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"unicode"
)

// clientAddress is what requests without a token, and log-ins, are counted by:
// an IPv4 address, or the /64 that one customer of a network has. Behind trusted
// proxies it is the nearest address that none of them has.
func (s *Server) clientAddress(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	client := peer.Addr().Unmap().WithZone("")
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !s.trusted(client) {
			break
		}
		a, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		client = a.Unmap().WithZone("")
	}
	if client.Is6() {
		p, _ := client.Prefix(64)
		return p.String()
	}
	return client.String()
}

func (s *Server) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(s.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// longestAgent is as much as is kept of what a client calls itself.
const longestAgent = 200

// userAgent is what the client calls itself, in one line of printable text.
func userAgent(r *http.Request) string {
	text := strings.Map(func(c rune) rune {
		if c == unicode.ReplacementChar || !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, r.UserAgent())
	if letters := []rune(text); len(letters) > longestAgent {
		return string(letters[:longestAgent])
	}
	return text
}
