package tenancy

import (
	"bytes"
	"strings"
	"testing"
)

func TestUserCodes(t *testing.T) {
	seen := map[string]bool{}
	letters := map[rune]int{}
	for range 2000 {
		code := newUserCode()
		if len(code) != 9 || code[4] != '-' || seen[code] {
			t.Fatalf("code %q", code)
		}
		seen[code] = true
		for _, r := range strings.ReplaceAll(code, "-", "") {
			letters[r]++
		}
	}
	for _, r := range userLetters {
		if letters[r] < 600 || letters[r] > 1000 { // 800 each are expected
			t.Errorf("%c is there %d times", r, letters[r])
		}
	}
	if len(letters) != len(userLetters) {
		t.Errorf("%d letters", len(letters))
	}
}

func TestUserCodeAsItIsTyped(t *testing.T) {
	want := hashUserCode("WDJB-MJHT")
	for typed, same := range map[string]bool{
		"WDJB-MJHT": true, "wdjbmjht": true, " wdjb mjht ": true, "WDJB–MJHT": true, "W.D.J.B.M.J.H.T": true,
		"": false, "WDJB-MJH": false, "WDJB-MJHTT": false, "MJHT-WDJB": false,
	} {
		if bytes.Equal(hashUserCode(typed), want) != same {
			t.Errorf("%q is the code: %v, want %v", typed, !same, same)
		}
	}
}
