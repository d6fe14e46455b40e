package sso

import "testing"

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
