package tenancy

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
)

// devicePrefix keeps a device's code apart from what can be used as a token.
const devicePrefix = "soukdevice_"

// newDeviceCode returns a secret of 256 random bits. Only its hash is kept.
func newDeviceCode() string {
	bits := make([]byte, 32)
	rand.Read(bits) // never fails
	return devicePrefix + base64.RawURLEncoding.EncodeToString(bits)
}

// userLetters make no word, and none is taken for another: 20 of them, so that
// eight are 34 bits.
const userLetters = "BCDFGHJKLMNPQRSTVWXZ"

// newUserCode returns a code for a person to type: "WDJB-MJHT".
func newUserCode() string {
	var code []byte
	for bits := make([]byte, 1); len(code) < 9; {
		rand.Read(bits) // never fails
		switch n := int(bits[0]); {
		case len(code) == 4:
			code = append(code, '-')
		case n < 256/len(userLetters)*len(userLetters): // each letter is as likely
			code = append(code, userLetters[n%len(userLetters)])
		}
	}
	return string(code)
}

// hashUserCode takes the code however it was typed: with or without the hyphen,
// in small letters, with spaces.
func hashUserCode(typed string) []byte {
	letters := strings.Map(func(r rune) rune {
		if strings.ContainsRune(userLetters, r) {
			return r
		}
		return -1
	}, strings.ToUpper(typed))
	return hashSecret("user code " + letters)
}
