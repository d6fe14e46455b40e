package signing

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// Signed is what a signature says.
type Signed struct {
	Kind    string // of evidence
	KeyID   string
	Payload []byte
}

// ErrForged means that a signature does not belong to what it signs.
var ErrForged = errors.New("the signature does not fit what it signs: it was changed, or somebody else signed it")

// Verify checks a compact signature against the published keys, offline. The
// error says whether the text is no signature, its key is not among the keys, or
// it is forged (ErrForged).
func Verify(keys jose.JSONWebKeySet, compact string) (Signed, error) {
	parsed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return Signed{}, errors.New("this is not a JSON Web Signature by Ed25519 in its compact form")
	}
	header := parsed.Signatures[0].Protected
	found := keys.Key(header.KeyID)
	if len(found) == 0 {
		return Signed{}, fmt.Errorf("it is signed by the key %q, which is not among the published keys", header.KeyID)
	}
	payload, err := parsed.Verify(found[0])
	if err != nil {
		return Signed{}, ErrForged
	}
	kind, _ := header.ExtraHeaders[jose.HeaderType].(string)
	return Signed{Kind: kind, KeyID: header.KeyID, Payload: payload}, nil
}

// Thumbprint is the name of a public key (RFC 7638, by SHA-256).
func Thumbprint(public ed25519.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}
