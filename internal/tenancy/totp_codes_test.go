package tenancy

import (
	"encoding/base32"
	"testing"
	"time"
)

// Codes of RFC 6238, appendix B, by their last six digits.
func TestMatchingStep(t *testing.T) {
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for at, code := range map[int64]string{59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"} {
		step, ok := matchingStep(secret, code, time.Unix(at, 0), 0)
		if !ok || step != at/30 {
			t.Errorf("at %d: %d, %v", at, step, ok)
		}
		if _, ok := matchingStep(secret, code, time.Unix(at, 0), step); ok {
			t.Errorf("at %d it is taken twice", at)
		}
		for _, wrong := range []string{"", code[1:], code + "0", "-" + code[1:]} {
			if _, ok := matchingStep(secret, wrong, time.Unix(at, 0), 0); ok {
				t.Errorf("%q is taken for %s", wrong, code)
			}
		}
	}
}

func TestRecoveryCodes(t *testing.T) {
	seen := map[string]bool{}
	for _, code := range newRecoveryCodes() {
		if len(code) != 19 || seen[code] {
			t.Errorf("code %q", code)
		}
		seen[code] = true
	}
	if len(seen) != 10 {
		t.Errorf("%d codes", len(seen))
	}
}
