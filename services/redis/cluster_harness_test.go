//go:build e2e

package redis

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"testing"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/driver/kubernetes/clustertest"
)

// What the cluster runs Redis by; what is absent is as the test bed has it.
const (
	envImage   = "SOUK_E2E_REDIS_IMAGE"
	envVersion = "SOUK_E2E_REDIS_VERSION"
)

// cluster opens a driver for a zone of the test's own; whoever asked closes it.
func cluster(t *testing.T, zone string, change ...func(*kubernetes.Config)) *kubernetes.Driver {
	t.Helper()
	d, err := openCluster(t.Context(), zone, change...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func openCluster(ctx context.Context, zone string, change ...func(*kubernetes.Config)) (*kubernetes.Driver, error) {
	section, err := json.Marshal(clusterConfig{Image: cmp.Or(os.Getenv(envImage), "registry.testbed/redis:7"), Version: cmp.Or(os.Getenv(envVersion), "7")})
	if err != nil {
		return nil, err
	}
	engine, err := KubernetesEngine(section)
	if err != nil {
		return nil, err
	}
	return clustertest.Open(ctx, zone, engine, change...)
}

// clusterOrder is what is wanted of a new instance in a cluster.
func clusterOrder() driver.Instance {
	want := order()
	want.Plan, want.StorageGiB = driver.Plan{Name: "small", Revision: 1, CPUMillis: 100, MemoryMiB: 128}, 1
	return want
}
