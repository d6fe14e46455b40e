//go:build e2e

package postgresql

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"souk/internal/driver"
	"souk/internal/driver/conformance"
	"souk/internal/driver/kubernetes/clustertest"
)

// TestClusterConformance holds the kubernetes driver, with PostgreSQL by
// CloudNativePG, against the same suite as the fake and the process driver.
func TestClusterConformance(t *testing.T) {
	t.Parallel()
	conformance.Run(t, func(t *testing.T) conformance.Harness {
		d := cluster(t, "conformance")
		t.Cleanup(func() { d.Close() })
		return conformance.Harness{
			Driver: d, Elsewhere: "192.0.2.0/24", Patience: 5 * time.Minute, Restarts: true,
			Order:        clusterOrder,
			Larger:       driver.Plan{Name: "large", Revision: 1, CPUMillis: 600, MemoryMiB: 512},
			NoVersion:    "CloudNativePG restarts members for another image by itself",
			StorageStays: "the test bed's storage cannot grow",
			Connect: func(ctx context.Context, _ string, at *driver.Endpoint, c driver.Credential) (conformance.Client, error) {
				ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
				defer cancel()
				conn, err := dial(ctx, at, c.Login, c.Password)
				if err != nil {
					return nil, err
				}
				return marks{conn}, nil
			},
			LoseData: loseVolumes,
			Reopen: func(t *testing.T) driver.Driver {
				d.Close()
				d = cluster(t, "conformance")
				return d
			},
		}
	})
}

// loseVolumes deletes the volumes of a stopped instance, as nobody should.
func loseVolumes(t *testing.T, id string) {
	claims := clustertest.Client(t).Resource(core("persistentvolumeclaims")).Namespace("souk-" + id)
	if err := claims.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	for {
		left, err := claims.List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(left.Items) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}
