package tenancy

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// hashing is the cost of a password's hash: argon2id as OWASP recommends it.
type hashing struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

var current = hashing{memory: 19 * 1024, passes: 2, threads: 1}

const (
	saltBytes = 16
	hashBytes = 32
)

var b64 = base64.RawStdEncoding

// HashPassword returns the password's hash as a PHC string, with a salt of its own.
func HashPassword(password string) string {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails
	return current.encode(salt, current.sum(password, salt))
}

// nobody is the hash that a password is compared with where there is no account,
// so that this takes as long as where there is one. No password has it.
var nobody = current.encode(make([]byte, saltBytes), make([]byte, hashBytes))

// passwordMatches compares in constant time.
func passwordMatches(phc, password string) (bool, error) {
	h, salt, want, err := decodePHC(phc)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(h.sum(password, salt), want) == 1, nil
}

func (h hashing) sum(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, h.passes, h.memory, h.threads, hashBytes)
}

func (h hashing) encode(salt, sum []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.threads, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

func decodePHC(phc string) (h hashing, salt, sum []byte, err error) {
	broken := errors.New("a stored password hash cannot be read")
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, nil, nil, broken
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.threads); err != nil || h.memory > 1<<20 || h.passes == 0 || h.threads == 0 {
		return h, nil, nil, broken
	}
	if salt, err = b64.DecodeString(parts[4]); err != nil {
		return h, nil, nil, broken
	}
	if sum, err = b64.DecodeString(parts[5]); err != nil || len(sum) != hashBytes {
		return h, nil, nil, broken
	}
	return h, salt, sum, nil
}
