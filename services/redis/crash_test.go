//go:build crashtest

package redis

import (
	"testing"

	"souk/internal/driver"
	"souk/internal/driver/process/processtest"
)

func TestAgentKilledAfterEachStep(t *testing.T) {
	processtest.KilledAfterEachStep(t, order, func(t *testing.T, want driver.Instance, at *driver.Endpoint) {
		do(t, user(t, want, at), "SET", "k", "v")
	})
}
