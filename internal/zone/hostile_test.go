package zone_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"souk/internal/agentapi"
	"souk/internal/agentapi/conformance"
	"souk/internal/zone"
)

// A stream that stands open is worth no more than the certificate that it was
// opened with: the key may have been stolen since, and replaced.
func TestStreamsEndWithTheCertificate(t *testing.T) {
	p := newPlane(t, func(c *zone.Config) { c.CertificateValidity = 2 * time.Second })
	a := conformance.Enrol(t, p.conformance())
	s, status, code := a.Desired("")
	mustSay(t, "a stream", status, http.StatusOK, code, "")
	requests := openRequests(t, p, a)
	for _, ok := s.Next(); ok; {
		_, ok = s.Next()
	}
	requests.awaitEnd(t)
}

// What an agent sends costs the control plane no more memory than it is worth.
func TestRequestsThatCostMemory(t *testing.T) {
	a := conformance.Enrol(t, newPlane(t).conformance())
	for what, c := range map[string]struct {
		path string
		body any
	}{
		"a million empty facts": {agentapi.PathFacts, map[string]any{"epoch": 1, "facts": make([]struct{}, 1_000_000)}},
		"hello of a megabyte":   {agentapi.PathHello, map[string]any{"protocol": agentapi.ProtocolVersion, "info": map[string]any{"driver": strings.Repeat("x", 1<<20)}}},
		"a token of a megabyte": {agentapi.PathEnrol, agentapi.EnrolRequest{Token: strings.Repeat("x", 1<<20)}},
	} {
		status, code := a.Post(c.path, c.body, nil)
		mustSay(t, what, status, http.StatusBadRequest, code, "malformed")
	}
}
