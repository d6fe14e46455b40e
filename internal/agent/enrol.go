package agent

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"souk/internal/agent/identity"
	"souk/internal/agent/link"
)

// Errors with which an agent ends for good; their texts say what to do.
var (
	// ErrSuperseded: another agent was enrolled for the zone.
	ErrSuperseded = errors.New("superseded")
	// ErrStale: the data folder is older than what the control plane knows of it.
	ErrStale = errors.New("data folder too old")
)

// identify returns the agent's identity: the one it has, or a new one for a
// one-time token.
func (a *agent) identify(ctx context.Context) (*identity.Identity, error) {
	id, err := a.folder.Load()
	if err != nil {
		return nil, err
	}
	if id == nil {
		return a.enrolFirst(ctx)
	}
	why, err := a.folder.Retired(id)
	if err != nil || why == "" {
		return id, err
	}
	token, fresh, err := a.freshToken(id)
	if err != nil {
		return nil, err
	}
	if fresh {
		a.log.Info("enrolling anew", "reason", string(why))
		return a.enrol(ctx, token)
	}
	if why == identity.Refused {
		return id, nil // it may be known again
	}
	return nil, a.retirement(why)
}

func (a *agent) enrolFirst(ctx context.Context) (*identity.Identity, error) {
	token, err := a.token.read()
	if errors.Is(err, errNoToken) {
		return nil, fmt.Errorf("this agent has not enrolled and has no token to do so: get one with \"souk zone enrol NAME\" and put it into %s", a.token.place())
	}
	if err != nil {
		return nil, err
	}
	return a.enrol(ctx, token)
}

// freshToken returns a token that the identity was not enrolled with.
func (a *agent) freshToken(id *identity.Identity) (token string, fresh bool, err error) {
	token, err = a.token.read()
	if errors.Is(err, errNoToken) {
		return "", false, nil
	}
	return token, err == nil && identity.HashToken(token) != id.TokenHash, err
}

// enrol spends the token. While the control plane cannot be reached it goes on
// trying.
func (a *agent) enrol(ctx context.Context, token string) (*identity.Identity, error) {
	client, err := a.enrolmentClient()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	backoff := a.backoff()
	for {
		id, err := a.folder.Enrol(ctx, client, token, a.deps.Version)
		if err == nil {
			a.log.Info("enrolled", "zone", id.Zone, "epoch", id.Epoch, "certificateUntil", id.NotAfter)
			return id, nil
		}
		var problem *link.Problem
		if errors.As(err, &problem) && problem.Rejected() {
			return nil, fmt.Errorf("the agent cannot enrol: %w. Get a new token with \"souk zone enrol NAME\" and put it into %s", err, a.token.place())
		}
		a.log.Warn("the agent could not enrol yet and tries again", "error", err)
		if err := backoff.Wait(ctx); err != nil {
			return nil, err
		}
	}
}

func (a *agent) enrolmentClient() (*link.Client, error) {
	text, err := os.ReadFile(a.config.ServerCAFile)
	if err != nil {
		return nil, fmt.Errorf("read the authority to verify the control plane by (serverCAFile in the agent's configuration): %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("the file %s (serverCAFile in the agent's configuration) holds no certificate in PEM form", a.config.ServerCAFile)
	}
	return link.New(a.linkOptions(), roots)
}

// retirement is the error with which an agent whose identity ended leaves.
func (a *agent) retirement(why identity.Retired) error {
	advice := fmt.Sprintf("If this machine is to serve the zone, get a new token with \"souk zone enrol NAME\", put it into %s and start the agent again.", a.token.place())
	if why == identity.Superseded {
		return fmt.Errorf("%w: another agent has been enrolled for this zone. This one has stopped working on instances and has left them all as they were. %s", ErrSuperseded, advice)
	}
	return fmt.Errorf("%w: the control plane has acknowledged reports that are not in the agent's data folder, so the folder comes from an older copy. The agent has stopped and has left all instances as they were. %s", ErrStale, advice)
}
