package conformance

import (
	"context"
	"fmt"
	"time"

	"souk/api"
	"souk/api/client"
	"souk/internal/servicepkg"
)

// order orders an instance and waits until it is ready. Nothing is kept of it
// afterwards, so it is not protected.
func (r *Run) order(ctx context.Context, what string, spec api.InstanceSpec, from *api.RestoreFrom) (api.Instance, time.Duration, error) {
	spec.Service, spec.Zone, spec.ServiceLevel = r.Service.Name, r.Zone, r.offering.ServiceLevel
	unprotected := false
	spec.Protected = &unprotected
	order := api.InstanceOrder{Spec: spec, RestoreFrom: from}
	order.Metadata.Name = "proof-" + what + "-" + r.suffix
	order.Metadata.Labels = map[string]string{label: r.Service.Name}
	began := r.Now()
	instance, err := r.Project.Order(ctx, order)
	if err != nil {
		return instance, 0, fmt.Errorf("the order was refused: %w", err)
	}
	r.ordered, r.ahead = append(r.ordered, instance.Metadata.ID), instance.Metadata.CreatedAt.Sub(r.Now())
	instance, err = r.ready(ctx, order.Metadata.Name)
	return instance, r.Now().Sub(began), err
}

// ready waits until the instance is as it is wanted.
func (r *Run) ready(ctx context.Context, name string) (api.Instance, error) {
	return r.until(ctx, name, "ready", func(i api.Instance) bool {
		return i.Status.Phase == api.PhaseReady && i.Status.ObservedGeneration == i.Metadata.Generation
	})
}

// until looks at an instance until it is as it should be.
func (r *Run) until(ctx context.Context, name, want string, reached func(api.Instance) bool) (last api.Instance, err error) {
	err = r.eventually(ctx, func() error {
		if last, _, err = r.Project.Instance(ctx, name); err != nil {
			return err
		}
		if reached(last) {
			return nil
		}
		err := fmt.Errorf("the instance is not %s; it is %s. %s", want, last.Status.Phase, last.Status.Message)
		if last.Status.Phase == api.PhaseFailed {
			return final{err}
		}
		return err
	})
	return last, err
}

// final is an error that waiting does not mend.
type final struct{ error }

// eventually does f until it succeeds or patience ends.
func (r *Run) eventually(ctx context.Context, f func() error) error {
	deadline := r.Now().Add(r.Patience)
	for {
		err := f()
		if err == nil {
			return nil
		}
		if hopeless, ok := err.(final); ok {
			return hopeless.error
		}
		if r.Now().After(deadline) {
			return fmt.Errorf("after %s: %w", r.Patience, err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(r.Pause):
		}
	}
}

// patch changes the main instance and waits until that is in force.
func (r *Run) patch(ctx context.Context, spec map[string]any) (api.Instance, time.Duration, error) {
	began := r.Now()
	if _, err := r.Project.Patch(ctx, r.main, map[string]any{"spec": spec}, ""); err != nil {
		return api.Instance{}, 0, fmt.Errorf("the change was refused: %w", err)
	}
	i, err := r.ready(ctx, r.main)
	return i, r.Now().Sub(began), err
}

// enter connects as a customer.
func (r *Run) enter(ctx context.Context, c api.Credentials) (servicepkg.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	return r.Prover.Connect(ctx, c)
}

// connectWithin is how long a customer waits for a connection.
const connectWithin = 15 * time.Second

// session connects to the instance by its own log-in.
func (r *Run) session(ctx context.Context, name string) (servicepkg.Session, error) {
	c, err := r.Project.Credentials(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("no credentials: %w", err)
	}
	s, err := r.enter(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("the instance is ready, and cannot be connected to: %w", err)
	}
	return s, nil
}

// put keeps a value in the instance by a session of its own.
func (r *Run) put(ctx context.Context, name, key, value string) error {
	s, err := r.session(ctx, name)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Put(ctx, key, value); err != nil {
		return fmt.Errorf("nothing can be written: %w", err)
	}
	return nil
}

// holds wants a value to be kept in the instance; "" that none is.
func (r *Run) holds(ctx context.Context, name, key, want string) error {
	s, err := r.session(ctx, name)
	if err != nil {
		return err
	}
	defer s.Close()
	got, err := s.Get(ctx, key)
	if err != nil {
		return fmt.Errorf("nothing can be read: %w", err)
	}
	if got != want {
		return fmt.Errorf("under %q is %q; it should be %q", key, got, want)
	}
	return nil
}

// RemoveLeftovers deletes the instances of runs for the service and zone.
func (r *Run) RemoveLeftovers(ctx context.Context) error {
	left, err := r.Project.Instances(ctx, client.ListOptions{Service: r.Service.Name, Zone: r.Zone, Labels: map[string]string{label: r.Service.Name}})
	for _, i := range left {
		switch i.Status.Phase {
		case api.PhaseDeleting, api.PhaseDeleted, api.PhasePurged:
			continue
		}
		if _, failed := r.Project.Delete(ctx, i.Metadata.Name); failed != nil && err == nil && !client.IsStatus(failed, 404) {
			err = failed
		}
	}
	return err
}

// seconds writes a time for people.
func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
