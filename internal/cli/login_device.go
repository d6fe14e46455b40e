package cli

import (
	"cmp"
	"context"
	"errors"
	"os"
	"time"

	"souk/api"
	"souk/api/client"
	"souk/internal/pause"
)

// signInElsewhere shows a code, and waits until a person has approved it in a
// browser, on this machine or any other.
func (a *App) signInElsewhere(ctx context.Context, c *client.Client) (api.LoginResponse, error) {
	codes, err := c.BeginDevice(ctx, "souk CLI on "+hostname())
	if err != nil {
		return api.LoginResponse{}, err
	}
	a.progress("Open this page in a browser, on any machine, and compare the code:")
	a.progress("  %s", codes.VerificationURIComplete)
	a.progress("  code %s", codes.UserCode)
	a.progress("Waiting for you to approve it there, for at most %d minutes …", codes.ExpiresIn/60)
	interval := time.Duration(codes.Interval) * time.Second
	for {
		if err := a.pause(ctx, interval); err != nil {
			return api.LoginResponse{}, tooLate(err)
		}
		session, err := c.DeviceToken(ctx, codes.DeviceCode)
		switch {
		case ctx.Err() != nil:
			return session, tooLate(ctx.Err())
		case client.IsCode(err, client.CodeSlowDown):
			interval += 5 * time.Second
		case !client.IsCode(err, client.CodeAuthorizationPending):
			return session, err
		}
	}
}

func tooLate(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("nobody approved the code in time")
	}
	return err
}

func hostname() string {
	name, _ := os.Hostname()
	return cmp.Or(name, "a machine without a name")
}

// pause waits, or returns the context's error if that ends first.
func (a *App) pause(ctx context.Context, d time.Duration) error {
	if a.Pause > 0 {
		d = min(d, a.Pause)
	}
	return pause.For(ctx, d)
}
