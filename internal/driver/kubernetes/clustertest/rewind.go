//go:build e2e

package clustertest

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// Rewound has an instance restored in place, and looks until that is over and nothing of
// what was set aside is left. It returns what was seen last.
func Rewound(t *testing.T, d driver.Driver, engine kubernetes.Engine, want *driver.Instance, number int64, backup string, at time.Time) driver.Observation {
	t.Helper()
	p := NewPerson(t)
	want.Generation++
	want.Rewind = &driver.Rewind{Number: number, Restore: driver.Restore{From: want.BackupSource(), BackupID: backup, Time: at}}
	seen := Until(t, d, want, func(seen driver.Observation, err error) bool {
		return err == nil && seen.State == driver.StateRunning && seen.Generation == want.Generation && seen.Rewound != nil && seen.Rewound.Number == number &&
			p.Holds(engine, want, 1)
	})
	want.Rewind = nil
	return seen
}

// Holds says whether an instance has so many main objects, and the volumes of them.
func (p *Person) Holds(engine kubernetes.Engine, want *driver.Instance, n int) bool {
	p.t.Helper()
	mains, err := p.In(engine.Kind(), want.ID).List(p.t.Context(), metav1.ListOptions{})
	if err != nil {
		p.t.Fatal(err)
	}
	volumes, err := p.In(Core("persistentvolumeclaims"), want.ID).List(p.t.Context(), metav1.ListOptions{})
	if err != nil {
		p.t.Fatal(err)
	}
	return len(mains.Items) == n && len(volumes.Items) == n*engine.Members(want.ServiceLevel)
}
