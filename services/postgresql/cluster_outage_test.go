//go:build e2e

package postgresql

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"souk/internal/driver"
)

var deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}

// goTogether says whether a certificate goes with a key.
func goTogether(certificate, key []byte) bool {
	_, err := tls.X509KeyPair(certificate, key)
	return err == nil
}

// TestClusterOutages takes away what instances do not need in order to run; it
// has the cluster for itself.
func TestClusterOutages(t *testing.T) {
	if os.Getenv(envBed) == "" {
		t.Skip("needs the test bed: it ends parts of the cluster")
	}
	p := newPlace(t, "fault-outage")
	want := p.order()
	seen := p.running(want)
	p.exec(p.user(want, seen.Endpoint), "CREATE TABLE acknowledged (n int)")
	t.Run("the operator away", func(t *testing.T) { operatorAway(p.on(t), want, seen.Endpoint) })
	t.Run("the API server away for a minute", func(t *testing.T) { serverAway(p.on(t), want, seen.Endpoint) })
}

// operatorAway: what runs goes on; an order says who has to act, and goes on by
// itself.
func operatorAway(p *place, want *driver.Instance, at *driver.Endpoint) {
	scale := func(to string) {
		_, err := p.client.Resource(deployments).Namespace("cnpg-system").Patch(context.Background(), "cnpg-controller-manager", types.MergePatchType, []byte(`{"spec": {"replicas": `+to+`}}`), metav1.PatchOptions{})
		if err != nil {
			p.t.Error(err)
		}
	}
	p.t.Cleanup(func() { scale("1") })
	scale("0")
	p.until(want, func(driver.Observation, error) bool {
		left, err := p.client.Resource(core("pods")).Namespace("cnpg-system").List(p.t.Context(), metav1.ListOptions{})
		return err == nil && len(left.Items) == 0
	})
	if seen, err := p.Ensure(p.t.Context(), *want); err != nil || seen.State != driver.StateRunning {
		p.t.Errorf("what runs is %s, %q, %v", seen.State, seen.Message, err)
	}
	p.exec(p.user(want, at), "INSERT INTO acknowledged VALUES (0)")
	another := p.order()
	if blocked := p.blocked(another); !strings.Contains(blocked.Message, "CloudNativePG") || blocked.BlockedBy != "operator" || blocked.Permanent {
		p.t.Errorf("an order says %+v", blocked)
	}
	scale("1")
	p.running(another)
}

// operatorBack waits until the operator works again, for whoever comes next: it
// ends while the API server is away, and is started again with growing pauses.
func operatorBack(p *place) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), long)
	defer cancel()
	for {
		o, err := p.client.Resource(deployments).Namespace("cnpg-system").Get(ctx, "cnpg-controller-manager", metav1.GetOptions{})
		if err == nil {
			if ready, _, _ := unstructured.NestedInt64(o.Object, "status", "readyReplicas"); ready > 0 {
				return
			}
		}
		select {
		case <-ctx.Done():
			p.t.Fatal("the operator does not come back")
		case <-time.After(time.Second):
		}
	}
}

// serverAway: a client writes all the time and notices nothing; what is asked of
// the driver fails for a while only.
func serverAway(p *place, want *driver.Instance, at *driver.Endpoint) {
	p.t.Cleanup(func() { p.bed("apiserver-start") })
	pod := p.object(core("pods"), want, "db-1").GetUID()
	conn := p.user(want, at)
	p.exec(conn, "TRUNCATE acknowledged")
	p.bed("apiserver-stop")
	written := 0
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		p.exec(conn, "INSERT INTO acknowledged VALUES (1)")
		written++
		if written%10 == 0 {
			temporary(p, want)
			conn.Close(p.t.Context())
			conn = p.user(want, at) // new clients get in too
		}
		time.Sleep(100 * time.Millisecond) // a client that writes now and then
	}
	p.bed("apiserver-start")
	want.Generation++
	want.Credentials = append(want.Credentials, driver.Credential{ID: "b", Login: "bob", Password: "battery-staple-horse"})
	p.running(want)
	if got := count(p.t, p.user(want, at), "acknowledged"); got != written {
		p.t.Errorf("%d of %d rows are there", got, written)
	}
	if p.object(core("pods"), want, "db-1").GetUID() != pod {
		p.t.Error("the server was started again")
	}
	operatorBack(p)
}

// temporary: with the API server away, a call succeeds or fails for a while.
func temporary(p *place, want *driver.Instance) {
	p.t.Helper()
	seen, err := p.Ensure(p.t.Context(), *want)
	var blocked *driver.BlockedError
	if errors.As(err, &blocked) || errors.Is(err, driver.ErrDataLost) || errors.Is(err, driver.ErrNotFound) || err == nil && seen.State != driver.StateRunning {
		p.t.Errorf("with the API server away: %s, %v", seen.State, err)
	}
}
