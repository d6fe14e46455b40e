//go:build e2e

package postgresql

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// cable is what an agent reaches the API server through; it can be cut.
type cable struct {
	http.RoundTripper
	cut *atomic.Bool
}

func (c cable) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.cut.Load() {
		return nil, errors.New("the cable is cut")
	}
	return c.RoundTripper.RoundTrip(r)
}

func as(identity string, cut *atomic.Bool) func(*kubernetes.Config, *clusterConfig) {
	return func(c *kubernetes.Config, _ *clusterConfig) {
		c.Identity = identity
		c.REST.Wrap(func(rt http.RoundTripper) http.RoundTripper { return cable{rt, cut} })
	}
}

// TestClusterTwoAgents: of two agents of one zone only one changes anything; the
// other takes over when it ends, or is cut off.
func TestClusterTwoAgents(t *testing.T) {
	const zone = "fault-agents"
	var whole, cut atomic.Bool
	var last *kubernetes.Driver // removes what the others were asked for
	t.Cleanup(func() { last.Close() })
	first := newPlace(t, zone, as("first", &whole))
	want := first.order()
	first.until(want, accepted)
	second := newPlace(t, zone, as("second", &cut))
	want = second.order()
	changesNothing(second, want)
	first.Driver.Close()
	second.until(want, accepted)

	third := newPlace(t, zone, as("third", &whole))
	want = third.order()
	changesNothing(third, want)
	cut.Store(true)
	third.until(want, accepted)
	cut.Store(false)
	changesNothing(second, second.order())
	second.Driver.Close()
	third.Driver.Close()
	last = cluster(t, zone, as("last", &whole))
	first.Driver, second.Driver, third.Driver = last, last, last
	first.until(first.order(), accepted)
}

func accepted(_ driver.Observation, err error) bool { return err == nil }

// changesNothing: an order is refused for now, and nothing of it is begun.
func changesNothing(p *place, want *driver.Instance) {
	p.t.Helper()
	var blocked *driver.BlockedError
	if _, err := p.Ensure(p.t.Context(), *want); err == nil || errors.As(err, &blocked) {
		p.t.Errorf("the agent that does not hold the zone's Lease says %v", err)
	}
	if _, err := p.client.Resource(core("namespaces")).Get(p.t.Context(), "souk-"+want.ID, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		p.t.Errorf("it began to make an instance: %v", err)
	}
}
