package outbound

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestMayReach(t *testing.T) {
	production := Rules{}
	within := Rules{Networks: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16")}}
	dev := Rules{Dev: true}
	for address, who := range map[string][3]bool{ // production, with a network allowed, development
		"93.184.216.34": {true, true, true}, "2606:2800:220:1::1": {true, true, true},
		"10.20.1.1": {false, true, false}, "::ffff:10.20.1.1": {false, true, false}, "10.21.0.1": {false, false, false},
		"127.0.0.1": {false, false, true}, "::1": {false, false, true}, "::ffff:127.0.0.1": {false, false, true},
		"169.254.169.254": {}, "192.168.0.1": {}, "172.31.0.1": {}, "100.100.0.1": {}, "0.0.0.0": {}, "::": {}, "fe80::1": {}, "fd00::1": {}, "fec0::1": {},
		"224.0.0.1": {}, "ff02::1": {}, "255.255.255.255": {}, "240.0.0.1": {}, "64:ff9b::a00:1": {}, "2002:a00:1::": {}, "192.0.2.1": {}, "198.18.0.1": {},
	} {
		a := netip.MustParseAddr(address)
		if got := [3]bool{production.MayReach(a), within.MayReach(a), dev.MayReach(a)}; got != who {
			t.Errorf("%s may be reached: %v, want %v", address, got, who)
		}
	}
}

func TestClientGoesNowhereElse(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	for what, c := range map[string]struct {
		rules Rules
		url   string
		want  error
	}{
		"a redirect":                 {Rules{Dev: true}, server.URL, ErrRedirect},
		"no TLS":                     {Rules{}, server.URL, ErrPlain},
		"this machine, as a name":    {Rules{}, "https://localhost:1", ErrPrivate},
		"this machine, by TLS":       {Rules{}, secure.URL, ErrPrivate},
		"an address with a password": {Rules{Dev: true}, "https://a:b@localhost:1", ErrPlain},
	} {
		resp, err := c.rules.Client().Get(c.url)
		if err == nil {
			resp.Body.Close()
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
}
