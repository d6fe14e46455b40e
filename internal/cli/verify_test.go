package cli

import (
	"crypto/ed25519"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"souk/api"
	"souk/internal/signing"
)

func TestVerify(t *testing.T) {
	h := newTerminal(t)
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key := jose.JSONWebKey{Key: private, KeyID: "k1"}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, (&jose.SignerOptions{}).WithType(signing.SLAReport))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(`{"organization":"acme"}`))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	x := base64.RawURLEncoding.EncodeToString(public)
	h.server.replies["GET /signing-keys"] = api.SigningKeys{Keys: []api.SigningKey{{KeyType: "OKP", Curve: "Ed25519", ID: "k1", Use: "sig", Algorithm: "EdDSA", X: x}}}
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("report.jws", compact+"\n")

	stdout, _ := h.expect(exitDone, "verify", good)
	has(t, stdout, "The signature is right: a souk-sla-report, by the key k1.", `"organization": "acme"`)

	parts := strings.Split(compact, ".")
	_, stderr := h.expect(exitFailed, "verify", write("changed.jws", parts[0]+"."+base64.RawURLEncoding.EncodeToString([]byte(`{"organization":"globex"}`))+"."+parts[2]))
	has(t, stderr, "cannot be trusted", "was changed")

	keys := write("keys.json", `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","x":"`+x+`"}]}`)
	delete(h.server.replies, "GET /signing-keys")
	stdout, _ = h.expect(exitDone, "verify", good, "--keys", keys)
	has(t, stdout, "The signature is right")
	_, stderr = h.expect(exitFailed, "verify", good, "--keys", good)
	has(t, stderr, "not a JSON Web Key Set")
}
