package httpapi_test

import (
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"souk/internal/httpapi/httpapitest"
	"souk/internal/signing"
)

// What is served reads as a key set that checks what was signed.
func TestSigningKeysAreThoseThatSign(t *testing.T) {
	e := httpapitest.New(t)
	signed, err := e.Signing.Sign(t.Context(), signing.SLAReport, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/v1/signing-keys", signing.Path} {
		answer := e.Do(t, httpapitest.Request{Method: "GET", Path: path}).Want(t, 200)
		var keys jose.JSONWebKeySet
		if err := json.Unmarshal([]byte(answer.Body), &keys); err != nil {
			t.Fatal(path, err)
		}
		if _, err := signing.Verify(keys, signed); err != nil {
			t.Error(path, err)
		}
	}
}
