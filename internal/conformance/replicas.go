package conformance

import (
	"context"
	"errors"
	"fmt"
)

// readAddress: where an instance has an address to read from, what was written can be
// read there, and nothing can be written.
func (r *Run) readAddress(ctx context.Context) error {
	c, err := r.Project.Credentials(ctx, r.main)
	if err != nil || c.Endpoint.ReadHost == "" {
		return err
	}
	if err := r.put(ctx, r.main, "copied", r.suffix); err != nil {
		return err
	}
	began := r.Now()
	c.Endpoint.Host, c.Endpoint.Port = c.Endpoint.ReadHost, c.Endpoint.ReadPort
	err = r.eventually(ctx, func() error {
		s, err := r.enter(ctx, c)
		if err != nil {
			return fmt.Errorf("the address to read from cannot be connected to: %w", err)
		}
		defer s.Close()
		got, err := s.Get(ctx, "copied")
		switch {
		case err != nil:
			return fmt.Errorf("nothing can be read from the address to read from: %w", err)
		case got != r.suffix:
			return fmt.Errorf("the address to read from has %q of what was written as %q", got, r.suffix)
		case s.Put(ctx, "copied", "elsewhere") == nil:
			return final{errors.New("the address to read from takes writes")}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.note("Its address to read from has what was written after %s, and takes no writes.", seconds(r.Now().Sub(began)))
	return nil
}
