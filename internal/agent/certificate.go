package agent

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"souk/internal/agent/identity"
	"souk/internal/agent/link"
	"souk/internal/step"
)

var stepConnectionSwitched = step.New("agent/connection-switched")

// keepCertificate gets a new certificate after two thirds of the life of the
// one in use, and whenever the control plane refuses that. It looks at the
// clock every so often rather than sleep until a time that a machine which was
// asleep would miss.
func (s *session) keepCertificate(ctx context.Context) error {
	due := renewalTime(s.identity())
	refusals := s.backoff()
	for {
		if s.deps.Clock().Before(due) {
			refused, ok := s.restOrRenew(ctx)
			if !ok {
				return nil
			}
			if !refused {
				continue
			}
			if refusals.Wait(ctx) != nil {
				return nil
			}
		}
		if err := s.attempt(ctx, "renew the certificate", s.renewOnce); err != nil || ctx.Err() != nil {
			return err
		}
		due = renewalTime(s.identity())
		discard(s.renew) // it was about the certificate before
	}
}

// renewalTime is two thirds into a certificate's life, or up to a twentieth of
// it earlier, so that agents enrolled together do not come back together.
func renewalTime(id *identity.Identity) time.Time {
	life := id.NotAfter.Sub(id.NotBefore)
	return id.NotBefore.Add(life*2/3 - rand.N(life/20+1))
}

// restOrRenew waits for the next look at the clock, or for the control plane to
// refuse the certificate; ok is false when ctx ended.
func (s *session) restOrRenew(ctx context.Context) (refused, ok bool) {
	timer := time.NewTimer(time.Duration(s.config.Timeouts.Check))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false, false
	case <-s.renew:
		return true, true
	case <-timer.C:
		return false, true
	}
}

func (s *session) renewOnce(ctx context.Context, _ func()) error {
	old := s.identity()
	next, err := s.folder.Rotate(ctx, s.client, old)
	if errors.Is(err, link.ErrRefused) {
		return errors.Join(err, s.refused(old))
	}
	if err != nil {
		return err
	}
	certificate, roots, err := next.TLS()
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.id = next
	s.mu.Unlock()
	s.client.Use(certificate, roots)
	stepConnectionSwitched.Done()
	s.log.Info("certificate renewed", "until", next.NotAfter)
	return s.folder.Reinstate()
}

// refused deals with a control plane that will not renew the certificate: the
// agent goes on with what it knows, and enrols anew once it is given a token.
func (s *session) refused(id *identity.Identity) error {
	if err := s.folder.Retire(id, identity.Refused); err != nil {
		return err
	}
	_, fresh, err := s.freshToken(id)
	if err != nil {
		return err
	}
	if fresh {
		return errEnrolAgain
	}
	s.log.Error("the control plane does not accept this agent's certificate; instances run on as last wanted, but nothing new reaches this zone. Get a new token with \"souk zone enrol NAME\" and put it into " + s.token.place())
	return nil
}
