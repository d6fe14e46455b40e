//go:build e2e

package redis

import (
	"context"
	"testing"
	"time"

	"souk/internal/driver"
	"souk/internal/driver/conformance"
	"souk/internal/driver/kubernetes/clustertest"
)

// TestClusterConformance holds the kubernetes driver, with Redis as a StatefulSet,
// against the same suite as the fake and the process driver.
func TestClusterConformance(t *testing.T) {
	conforms(t, "rk-conformance", clusterOrder, "")
}

// TestClusterMembersConformance does so with three members.
func TestClusterMembersConformance(t *testing.T) {
	conforms(t, "rk-members-conformance", guaranteedOrder, "what their Sentinels take is left out by a rate")
}

func conforms(t *testing.T, zone string, order func() driver.Instance, roughMeters string) {
	conformance.Run(t, func(t *testing.T) conformance.Harness {
		d := cluster(t, zone)
		t.Cleanup(func() { d.Close() })
		return conformance.Harness{
			Driver: d, Elsewhere: "192.0.2.0/24", Patience: 5 * time.Minute, Restarts: true, Meters: []string{meterTraffic}, RoughMeters: roughMeters,
			Order:        order,
			Larger:       driver.Plan{Name: "large", Revision: 1, CPUMillis: 200, MemoryMiB: 256},
			NoVersion:    "a StatefulSet starts its pods anew for another image by itself",
			StorageStays: "the test bed's storage cannot grow",
			AllOrNone:    "Redis has no list of networks",
			Connect: func(ctx context.Context, _ string, at *driver.Endpoint, c driver.Credential) (conformance.Client, error) {
				conn, err := dial(ctx, at, c.Login, c.Password)
				if err != nil {
					return nil, err
				}
				return marks{conn}, nil
			},
			LoseData: func(t *testing.T, id string) { clustertest.NewPerson(t).LoseVolumes(id) },
			Reopen: func(t *testing.T) driver.Driver {
				d.Close()
				d = cluster(t, zone)
				return d
			},
		}
	})
}
