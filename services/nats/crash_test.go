//go:build crashtest

package nats

import (
	"testing"

	"souk/internal/driver"
	"souk/internal/driver/process/processtest"
)

func TestAgentKilledAfterEachStep(t *testing.T) {
	processtest.KilledAfterEachStep(t, order, func(t *testing.T, want driver.Instance, at *driver.Endpoint) {
		if err := (marks{user(t, want, at)}).Put(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
	})
}
