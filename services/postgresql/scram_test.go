package postgresql

import (
	"encoding/base64"
	"strings"
	"testing"
)

// The verifier that PostgreSQL itself computes of the same password and salt.
func TestVerifierIsPostgreSQLs(t *testing.T) {
	salt, _ := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	got, err := verifierWith("pencil", salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	// RFC 7677 gives this salt and password, and what follows from them.
	if !strings.HasPrefix(got, "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=") {
		t.Errorf("verifier %s", got)
	}
}

func TestVerifies(t *testing.T) {
	made, err := verifier("correct-horse")
	if err != nil {
		t.Fatal(err)
	}
	if !verifies(made, "correct-horse") || verifies(made, "wrong-horse") {
		t.Error("a verifier must fit its own password alone")
	}
	for _, broken := range []string{"", "md5abc", "SCRAM-SHA-256$", "SCRAM-SHA-256$x:y$z:w", "SCRAM-SHA-256$1:AAAA$a:b", strings.Replace(made, "4096", "99999999", 1)} {
		if verifies(broken, "correct-horse") {
			t.Errorf("%q was taken", broken)
		}
	}
	for _, password := range []string{"", "with space", "umläut", "new\nline"} {
		if _, err := verifier(password); err == nil {
			t.Errorf("password %q was taken", password)
		}
	}
}
