package postgresql

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// iterations of a verifier, as PostgreSQL's own.
const iterations = 4096

// verifier computes what PostgreSQL keeps of a password, so that the password
// itself is never sent: SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey.
func verifier(password string) (string, error) {
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	return verifierWith(password, salt, iterations)
}

func verifierWith(password string, salt []byte, iterations int) (string, error) {
	if password == "" || strings.ContainsFunc(password, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("a password must be of printable ASCII characters")
	}
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", err
	}
	stored := sha256.Sum256(keyed(salted, "Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, encode(salt), encode(stored[:]), encode(keyed(salted, "Server Key"))), nil
}

func keyed(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// verifies says whether a verifier is one of the password.
func verifies(verifier, password string) bool {
	var count int
	rest, ok := strings.CutPrefix(verifier, "SCRAM-SHA-256$")
	if !ok {
		return false
	}
	head, _, ok := strings.Cut(rest, "$")
	if !ok {
		return false
	}
	number, encoded, ok := strings.Cut(head, ":")
	if !ok {
		return false
	}
	if _, err := fmt.Sscanf(number, "%d", &count); err != nil || count < iterations || count > 1_000_000 {
		return false
	}
	salt, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return false
	}
	want, err := verifierWith(password, salt, count)
	return err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(verifier)) == 1
}
