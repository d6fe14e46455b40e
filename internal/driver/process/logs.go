package process

import (
	"context"
	"io"
	"strings"

	"souk/internal/driver"
	"souk/internal/supervisor"
)

// Logs implements driver.Driver.
func (d *Driver) Logs(ctx context.Context, id string, opt driver.LogOptions) (io.ReadCloser, error) {
	if err := supervisor.ValidID(id); err != nil {
		return nil, err
	}
	place, err := d.cfg.Supervisor.Find(ctx, id)
	if err != nil {
		if err == supervisor.ErrNotFound {
			err = driver.ErrNotFound
		}
		return nil, err
	}
	if opt.Tail <= 0 {
		opt.Tail = 200
	}
	if opt.Filters() {
		return d.chosen(ctx, id, place, opt)
	}
	recent, end, err := lastLines(place, opt.Tail)
	if err != nil {
		return nil, err
	}
	if !opt.Follow {
		return io.NopCloser(strings.NewReader(recent)), nil
	}
	return follow(ctx, place, recent, end, nil)
}

// lastWords are the last lines of an instance's log, for an error about it.
func lastWords(place supervisor.Place) string {
	text, _, err := lastLines(place, 5)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(text)
}
