package processtest

import (
	"context"
	"testing"
	"time"

	"souk/internal/driver"
)

// Try carries out the check of that name of a probe once, and returns what it says.
func Try(t testing.TB, p *driver.Probe, name string, within time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for _, c := range p.Checks {
		if c.Name == name {
			return c.Try(ctx)
		}
	}
	t.Fatal("no check " + name)
	return nil
}
