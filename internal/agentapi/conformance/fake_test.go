package conformance_test

import (
	"crypto/x509"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/agent/agenttest"
	"souk/internal/agentapi"
	"souk/internal/agentapi/conformance"
	"souk/internal/driver"
)

// lenient lets an agent break the contract: the suite does so on purpose.
type lenient struct{ testing.TB }

func (l lenient) Errorf(format string, args ...any) { l.Logf(format, args...) }

func TestControlPlaneInMemory(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.ControlPlane {
		var mu sync.Mutex
		ahead := time.Duration(0)
		now := func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(ahead)
		}
		s := agenttest.New(lenient{t}, agenttest.Options{Now: now, Life: conformance.CertificateLife, Heartbeat: conformance.Heartbeat})
		ca, err := os.ReadFile(s.CAFile())
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(ca)
		generations := map[string]int64{}
		want := func(id string) {
			generations[id]++
			s.Want(agentapi.Desired{Instance: driver.Instance{ID: id, Service: "postgresql", Generation: generations[id]}, Name: "acme/default/" + id, Intent: agentapi.IntentActive, AcceptedAt: now()})
		}
		return conformance.ControlPlane{
			URL: s.URL(), Roots: roots, Now: now, Token: s.Token, Change: want, Compact: s.Compact,
			Advance: func(d time.Duration) {
				mu.Lock()
				defer mu.Unlock()
				ahead += d
			},
			Order: func() string {
				id := uuid.NewString()
				want(id)
				return id
			},
		}
	})
}
