package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"souk/api"
	"souk/internal/pki"
)

// The value that has to outlive everything.
const (
	canary      = "canary"
	canaryValue = "sings"
)

// provisioning: order, connect in no way but the secure one, delete, bring back with
// the data.
func (r *Run) provisioning(ctx context.Context) error {
	instance, took, err := r.order(ctx, "main", api.InstanceSpec{}, nil)
	r.main = instance.Metadata.Name
	if err != nil {
		return err
	}
	r.note("Ordered: ready after %s, on plan %s.", seconds(took), instance.Spec.Plan)
	credentials, err := r.Project.Credentials(ctx, r.main)
	if err != nil {
		return err
	}
	began := r.Now()
	s, err := r.enter(ctx, credentials)
	if err != nil {
		return fmt.Errorf("the instance is ready, and cannot be connected to: %w", err)
	}
	defer s.Close()
	r.note("Connected over TLS, with the server verified, after %s.", seconds(r.Now().Sub(began)))
	if err := s.Put(ctx, canary, canaryValue); err != nil {
		return fmt.Errorf("nothing can be written: %w", err)
	}
	if err := r.holds(ctx, r.main, canary, canaryValue); err != nil {
		return err
	}
	r.note("What one session wrote another one read.")
	if err := r.secure(ctx, credentials); err != nil {
		return err
	}
	return r.deleteAndUndelete(ctx, credentials)
}

// secure tries the ways in that there must not be.
func (r *Run) secure(ctx context.Context, c api.Credentials) error {
	within, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	if err := r.Prover.Plain(within, c); err == nil {
		return errors.New("a connection without TLS got in")
	}
	stranger, err := pki.NewCA("somebody else", r.Now())
	if err != nil {
		return err
	}
	other := c
	other.Endpoint.CA = string(stranger.CertPEM())
	if r.gotIn(ctx, other) {
		return errors.New("a client that trusts another authority got in: the server's certificate is not verified")
	}
	other = c
	other.Password += "x"
	if r.gotIn(ctx, other) {
		return errors.New("a wrong password got in")
	}
	if !r.gotIn(ctx, c) {
		return errors.New("after connections that were refused the right one is refused too")
	}
	r.note("Refused: a connection without TLS, a server that another authority vouches for, a wrong password.")
	return nil
}

func (r *Run) gotIn(ctx context.Context, c api.Credentials) bool {
	s, err := r.enter(ctx, c)
	if err == nil {
		s.Close()
	}
	return err == nil
}

func (r *Run) deleteAndUndelete(ctx context.Context, before api.Credentials) error {
	if _, err := r.Project.Delete(ctx, r.main); err != nil {
		return fmt.Errorf("it cannot be deleted: %w", err)
	}
	gone, err := r.until(ctx, r.main, "deleted", func(i api.Instance) bool { return i.Status.Phase == api.PhaseDeleted })
	if err != nil {
		return err
	}
	if r.gotIn(ctx, before) {
		return errors.New("the instance is deleted, and can still be connected to")
	}
	if gone.Status.PurgeAt == nil {
		return errors.New("the deleted instance does not say until when it can be brought back")
	}
	began := r.Now()
	if _, err := r.Project.Undelete(ctx, r.main); err != nil {
		return fmt.Errorf("it cannot be brought back: %w", err)
	}
	if _, err := r.ready(ctx, r.main); err != nil {
		return err
	}
	if err := r.holds(ctx, r.main, canary, canaryValue); err != nil {
		return fmt.Errorf("after it was brought back: %w", err)
	}
	if !r.gotIn(ctx, before) {
		return errors.New("after it was brought back host, port or log-in are not what they were")
	}
	r.note("Deleted, nobody gets in; brought back after %s with its data, host, port and log-in.", seconds(r.Now().Sub(began).Round(time.Millisecond)))
	return nil
}
