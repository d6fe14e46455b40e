// Package pause waits for as long as the one who waits is wanted.
package pause

import (
	"context"
	"time"
)

// For waits, or returns the context's error if that ends first.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
