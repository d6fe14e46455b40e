package httpapi_test

import (
	"bytes"
	"os"
	"testing"

	"souk/internal/httpapi"
	"souk/internal/httpapi/compat"
)

const (
	committed = "../../api/openapi.json"
	baseline  = "../../api/openapi.baseline.json"
)

// The document that is committed is the one that is served.
func TestDocumentIsCommitted(t *testing.T) {
	want, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(httpapi.New(httpapi.Config{}).Document(), want) {
		t.Error("api/openapi.json is not what the code says: run scripts/generate.sh")
	}
}

// Clients of the last baseline go on working. Where a break is meant,
// scripts/generate.sh --baseline accepts it, and the commit says why.
func TestDocumentBreaksNoClient(t *testing.T) {
	old, err := os.ReadFile(baseline)
	if err != nil {
		t.Fatal(err)
	}
	found, err := compat.Breaking(old, httpapi.New(httpapi.Config{}).Document())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Errorf("breaks clients of api/openapi.baseline.json: %s", f)
	}
}
