package sso

import (
	"net/netip"
	"testing"
)

func TestMayReach(t *testing.T) {
	production := New(Config{})
	within := New(Config{Networks: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16")}})
	dev := New(Config{Dev: true})
	for address, who := range map[string][3]bool{ // production, with a network allowed, development
		"93.184.216.34": {true, true, true}, "2606:2800:220:1::1": {true, true, true},
		"10.20.1.1": {false, true, false}, "::ffff:10.20.1.1": {false, true, false}, "10.21.0.1": {false, false, false},
		"127.0.0.1": {false, false, true}, "::1": {false, false, true}, "::ffff:127.0.0.1": {false, false, true},
		"169.254.169.254": {}, "192.168.0.1": {}, "172.31.0.1": {}, "100.100.0.1": {}, "0.0.0.0": {}, "::": {}, "fe80::1": {}, "fd00::1": {}, "fec0::1": {},
		"224.0.0.1": {}, "ff02::1": {}, "255.255.255.255": {}, "240.0.0.1": {}, "64:ff9b::a00:1": {}, "2002:a00:1::": {}, "192.0.2.1": {}, "198.18.0.1": {},
	} {
		a := netip.MustParseAddr(address)
		if got := [3]bool{production.mayReach(a), within.mayReach(a), dev.mayReach(a)}; got != who {
			t.Errorf("%s may be reached: %v, want %v", address, got, who)
		}
	}
}

func TestDerivedSecrets(t *testing.T) {
	secret := random(secretPrefix)
	seen := map[string]bool{secret: true}
	for _, text := range []string{nonce(secret), verifier(secret), nonce(random(secretPrefix)), verifier(random(secretPrefix))} {
		if len(text) != 43 || seen[text] {
			t.Errorf("%q", text)
		}
		seen[text] = true
	}
	if nonce(secret) != nonce(secret) {
		t.Error("a nonce is made anew")
	}
}
