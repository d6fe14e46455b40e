package tenancy

import (
	"strings"
	"testing"
	"time"
)

func TestPassword(t *testing.T) {
	const password = "correct horse battery staple"
	phc := HashPassword(password)
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash is %s", phc)
	}
	if HashPassword(password) == phc {
		t.Error("two hashes of one password are the same: no salt")
	}
	for given, want := range map[string]bool{password: true, "": false, password + " ": false, strings.ToUpper(password): false} {
		got, err := passwordMatches(phc, given)
		if err != nil || got != want {
			t.Errorf("%q matches: %v, %v; want %v", given, got, err, want)
		}
	}
}

// Where there is no account, as much is computed as where there is one.
func TestNobodyCostsAsMuch(t *testing.T) {
	h, _, _, err := decodePHC(nobody)
	if err != nil || h != current {
		t.Errorf("%+v, %v; want %+v", h, err, current)
	}
}

func TestBrokenHash(t *testing.T) {
	for _, phc := range []string{
		"", "plain", "$argon2i$v=19$m=1,t=1,p=1$AAAA$AAAA", "$argon2id$v=18$m=1,t=1,p=1$AAAA$AAAA",
		"$argon2id$v=19$m=1,t=0,p=1$AAAA$AAAA", "$argon2id$v=19$m=99999999,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=1,t=1,p=1$!$AAAA", "$argon2id$v=19$m=1,t=1,p=1$AAAA$AAAA",
	} {
		if ok, err := passwordMatches(phc, ""); ok || err == nil {
			t.Errorf("%q: %v, %v", phc, ok, err)
		} else if strings.Contains(err.Error(), "AAAA") {
			t.Errorf("the error shows the hash: %v", err)
		}
	}
}

func TestDelay(t *testing.T) {
	for failures, want := range map[int64]time.Duration{
		0: 0, 3: 0, 4: time.Second, 5: 2 * time.Second, 8: 16 * time.Second, 13: 512 * time.Second, 14: 15 * time.Minute, 1000: 15 * time.Minute,
	} {
		if got := delay(failures, freePair); got != want {
			t.Errorf("after %d failures: %s, want %s", failures, got, want)
		}
	}
}
