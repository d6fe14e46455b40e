package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// Retry describes a try that failed and is going to be repeated.
type Retry struct {
	Attempt int // from 1
	Err     error
	Wait    time.Duration
}

type retryPolicy struct {
	shortest, longest time.Duration
	patience          time.Duration // where nothing is lost by giving up soon
	insist            bool          // a change was sent: find out how it went
	attempt           time.Duration // one try takes no longer; 0: as long as it takes
	notify            func(Retry)
}

func defaultRetry() retryPolicy {
	return retryPolicy{
		shortest: 200 * time.Millisecond,
		longest:  10 * time.Second,
		patience: 5 * time.Second,
		attempt:  60 * time.Second,
		notify:   func(Retry) {},
	}
}

// backoff returns how long to wait after the given failed try, from 1: between
// half and all of a span that doubles each time.
func (p retryPolicy) backoff(attempt int) time.Duration {
	span := p.longest
	if attempt < 20 {
		span = min(p.longest, p.shortest<<(attempt-1))
	}
	return span/2 + rand.N(span/2+1)
}

// do runs try until it succeeds, fails for good, or there is no time left for
// another; it then returns the last error.
func (p retryPolicy) do(ctx context.Context, try func(context.Context) error) error {
	start := time.Now()
	var last error
	for attempt := 1; ; attempt++ {
		err := p.once(ctx, try)
		if last != nil && errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
			return last // this try was cut short; the one before says more
		}
		last = err
		if err == nil || ctx.Err() != nil || !temporary(err) {
			return err
		}
		wait := p.backoff(attempt)
		var refused *Error
		if errors.As(err, &refused) {
			wait = max(wait, refused.RetryAfter)
		}
		soon := !p.insist || neverConnected(err)
		if soon && time.Since(start)+wait > p.patience {
			return err
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return err
		}
		p.notify(Retry{Attempt: attempt, Err: err, Wait: wait})
		if pause(ctx, wait) != nil {
			return err
		}
	}
}

func (p retryPolicy) once(ctx context.Context, try func(context.Context) error) error {
	if p.attempt == 0 {
		return try(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, p.attempt)
	defer cancel()
	return try(ctx)
}

// pause waits, or returns the context's error if that ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// temporary tells whether the same call may succeed later.
func temporary(err error) bool {
	var refused *Error
	if errors.As(err, &refused) {
		switch refused.Status {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		case http.StatusConflict: // the first try with this idempotency key still runs
			return refused.RetryAfter > 0
		}
		return false
	}
	var unreachable *UnreachableError
	return errors.As(err, &unreachable) && !hopeless(unreachable.Err)
}

// neverConnected tells whether no connection to the server came about.
func neverConnected(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
