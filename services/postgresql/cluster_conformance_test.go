//go:build e2e

package postgresql

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"souk/internal/driver"
	"souk/internal/driver/conformance"
	"souk/internal/driver/kubernetes"
)

// The cluster that the tests are run against is told by the environment; what
// is absent is as the test bed has it.
const (
	envKubeconfig = "KUBECONFIG"
	envImage      = "SOUK_E2E_POSTGRESQL_IMAGE"
	envVersion    = "SOUK_E2E_POSTGRESQL_VERSION"
	envHere       = "SOUK_E2E_CLIENT_NETWORK" // that this process connects from
)

// cluster opens a driver for a zone of the test's own.
func cluster(t *testing.T, zone string) *kubernetes.Driver {
	t.Helper()
	section := kubernetes.Section{
		Type: "kubernetes", Zone: zone, Kubeconfig: os.Getenv(envKubeconfig), Namespace: "souk-system", TopologyKey: "topology.kubernetes.io/zone",
		Expose: kubernetes.Expose{Type: kubernetes.LoadBalancer},
	}
	config, err := json.Marshal(clusterConfig{Image: cmp.Or(os.Getenv(envImage), "registry.testbed/postgresql:15"), Version: cmp.Or(os.Getenv(envVersion), "15")})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := KubernetesEngine(config)
	if err != nil {
		t.Fatal(err)
	}
	rest, err := section.REST()
	if err != nil {
		t.Fatal(err)
	}
	d, err := kubernetes.New(t.Context(), kubernetes.Config{Section: section, REST: rest, Identity: zone, Engines: []kubernetes.Engine{engine}, Logger: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestClusterConformance holds the kubernetes driver, with PostgreSQL by
// CloudNativePG, against the same suite as the fake and the process driver.
func TestClusterConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Harness {
		d := cluster(t, "conformance")
		t.Cleanup(func() { d.Close() })
		here := strings.Fields(cmp.Or(os.Getenv(envHere), "10.211.0.0/16"))
		return conformance.Harness{
			Driver: d, Elsewhere: "192.0.2.0/24", Patience: 5 * time.Minute,
			Order: func() driver.Instance {
				want := order()
				want.Plan, want.StorageGiB, want.AllowedNetworks = driver.Plan{Name: "small", Revision: 1, CPUMillis: 500, MemoryMiB: 384}, 1, here
				return want
			},
			Larger:       driver.Plan{Name: "large", Revision: 1, CPUMillis: 600, MemoryMiB: 512},
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
	section := kubernetes.Section{Kubeconfig: os.Getenv(envKubeconfig)}
	rest, err := section.REST()
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(rest)
	if err != nil {
		t.Fatal(err)
	}
	claims := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}).Namespace("souk-" + id)
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
