package conformance

import (
	"context"
	"errors"
	"fmt"

	"souk/api"
)

const secondBinding = "proof"

// bindings: a second log-in, rotated and revoked.
func (r *Run) bindings(ctx context.Context) error {
	if _, err := r.Project.CreateBinding(ctx, r.main, api.BindingCreate{Name: secondBinding}); err != nil {
		return fmt.Errorf("no binding can be made: %w", err)
	}
	first, err := r.usable(ctx)
	if err != nil {
		return err
	}
	s, err := r.enter(ctx, first)
	if err != nil {
		return err
	}
	defer s.Close()
	if got, err := s.Get(ctx, canary); err != nil || got != canaryValue {
		return fmt.Errorf("the second log-in reads %q of what the first one wrote (%v)", got, err)
	}
	r.note("A second log-in gets in and sees what the first one wrote.")
	now := int64(0)
	if _, err := r.Project.RotateBinding(ctx, r.main, secondBinding, api.BindingRotate{OverlapSeconds: &now}); err != nil {
		return fmt.Errorf("it cannot be rotated: %w", err)
	}
	second, err := r.usable(ctx)
	if err != nil {
		return fmt.Errorf("after a rotation: %w", err)
	}
	if second.Login == first.Login && second.Password == first.Password {
		return errors.New("a rotation changed nothing")
	}
	if err := r.refused(ctx, first); err != nil {
		return fmt.Errorf("after a rotation without overlap: %w", err)
	}
	r.note("Rotated: the new log-in gets in, the old one does not any more.")
	held, err := r.enter(ctx, second)
	if err != nil {
		return err
	}
	defer held.Close()
	if err := r.Project.RevokeBinding(ctx, r.main, secondBinding); err != nil {
		return fmt.Errorf("it cannot be revoked: %w", err)
	}
	if err := r.refused(ctx, second); err != nil {
		return fmt.Errorf("after it was revoked: %w", err)
	}
	ended := r.eventually(ctx, func() error {
		if _, err := held.Get(ctx, canary); err == nil {
			return errors.New("a session of a revoked log-in goes on")
		}
		return nil
	})
	if ended != nil {
		return ended
	}
	r.note("Revoked: the log-in is refused, and its session was ended.")
	return nil
}

// usable waits until the second binding lets somebody in.
func (r *Run) usable(ctx context.Context) (c api.Credentials, err error) {
	err = r.eventually(ctx, func() error {
		if c, err = r.Project.BindingCredentials(ctx, r.main, secondBinding); err != nil {
			return err
		}
		s, err := r.enter(ctx, c)
		if err == nil {
			s.Close()
		}
		return err
	})
	return c, err
}

// refused waits until the credentials let nobody in, while the instance's own do.
func (r *Run) refused(ctx context.Context, c api.Credentials) error {
	err := r.eventually(ctx, func() error {
		if r.gotIn(ctx, c) {
			return errors.New("the log-in still gets in")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.holds(ctx, r.main, canary, canaryValue)
}
