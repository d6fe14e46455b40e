package link

import (
	"context"
	"math/rand/v2"
	"time"

	"souk/internal/pause"
)

// Backoff is a growing, jittered pause between attempts. The zero pause comes
// first only after Reset.
type Backoff struct {
	Min, Max time.Duration
	tries    int
}

// Next returns the pause before the next attempt: it doubles from Min to Max,
// and a random half of it is left out, so that many agents do not come back at
// one instant.
func (b *Backoff) Next() time.Duration {
	pause := b.Max
	if b.tries < 32 && b.Min<<b.tries > 0 && b.Min<<b.tries < b.Max {
		pause = b.Min << b.tries
	}
	b.tries++
	return pause/2 + rand.N(pause/2+1)
}

// Reset begins again at Min, after a success.
func (b *Backoff) Reset() { b.tries = 0 }

// Wait pauses, or returns the context's error when that ends first.
func (b *Backoff) Wait(ctx context.Context) error { return pause.For(ctx, b.Next()) }
