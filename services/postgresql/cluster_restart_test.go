//go:build e2e

package postgresql

import (
	"context"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"souk/internal/driver"
)

// outages are the spans in which a client who writes all the time was not answered,
// until stop is called.
func (p *place) outages(want *driver.Instance, at *driver.Endpoint) (stop func() []driver.Interruption) {
	ctx, cancel := context.WithCancel(p.t.Context())
	found := make(chan []driver.Interruption)
	go func() {
		var all []driver.Interruption
		var since time.Time
		for ctx.Err() == nil {
			began := time.Now()
			limited, end := context.WithTimeout(ctx, 2*time.Second)
			conn, err := dial(limited, at, want.Credentials[0].Login, want.Credentials[0].Password)
			if err == nil {
				_, err = conn.Exec(limited, "CREATE TABLE IF NOT EXISTS outages (n int); INSERT INTO outages VALUES (1)")
				conn.Close(limited)
			}
			end()
			switch {
			case err != nil && since.IsZero():
				since = began
			case err == nil && !since.IsZero():
				all, since = append(all, driver.Interruption{From: since, Until: time.Now()}), time.Time{}
			}
		}
		found <- all
	}()
	return func() []driver.Interruption { cancel(); return <-found }
}

// TestClusterRestart restarts the members of a guaranteed instance, the replicas first;
// the interruption is measured as a client has it.
func TestClusterRestart(t *testing.T) {
	p := newPlace(t, "restart")
	want := p.order()
	want.ServiceLevel, want.AllowedNetworks = guaranteed, []string{"0.0.0.0/0"}
	seen := p.running(want)
	began := time.Now()
	stop := p.outages(want, seen.Endpoint)
	want.Restart, want.Generation = 1, want.Generation+1
	after := p.running(want)
	took := time.Since(began)
	outages := stop()
	pods, err := p.client.Resource(core("pods")).Namespace("souk-"+want.ID).List(t.Context(), metav1.ListOptions{LabelSelector: "cnpg.io/podRole=instance"})
	if err != nil || len(pods.Items) != 3 {
		t.Fatalf("%d members (%v)", len(pods.Items), err)
	}
	old := slices.IndexFunc(seen.Members, func(m driver.Member) bool { return m.Role == driver.RolePrimary })
	for _, pod := range pods.Items {
		if pod.GetCreationTimestamp().Time.Before(began.Truncate(time.Second)) {
			t.Errorf("%s was not restarted", pod.GetName())
		}
		for _, other := range pods.Items {
			if pod.GetName() == seen.Members[old].Name && pod.GetCreationTimestamp().Time.Before(other.GetCreationTimestamp().Time) {
				t.Errorf("%s, the primary, was restarted before %s", pod.GetName(), other.GetName())
			}
		}
	}
	is := after.Interruption
	if is == nil || is.Generation != want.Generation || len(outages) == 0 {
		t.Fatalf("measured was %+v; a client saw %v", is, outages)
	}
	client := slices.MaxFunc(outages, func(a, b driver.Interruption) int { return int(a.Until.Sub(a.From) - b.Until.Sub(b.From)) })
	const edge = 3 * time.Second
	if is.From.Sub(client.From).Abs() > edge || is.Until.Sub(client.Until).Abs() > edge {
		t.Errorf("measured was %+v; a client saw %v", is, outages)
	}
	t.Logf("restarted in %s; away for %s, as a client saw it for %s", took.Round(time.Second), is.Until.Sub(is.From), client.Until.Sub(client.From))
}
