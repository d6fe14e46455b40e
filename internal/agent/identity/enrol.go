package identity

import (
	"context"
	"fmt"

	"souk/internal/agentapi"
	"souk/internal/step"
)

var (
	stepIdentityStored     = step.New("agent/identity-stored")
	stepCertificateRotated = step.New("agent/certificate-rotated")
)

// ControlPlane issues certificates.
type ControlPlane interface {
	Enrol(context.Context, agentapi.EnrolRequest) (*agentapi.EnrolResponse, error)
	Rotate(context.Context, agentapi.RotateRequest) (*agentapi.RotateResponse, error)
}

// Enrol spends a one-time token for an identity. Cut short at any instant, it
// may be repeated with the same token.
func (f *Folder) Enrol(ctx context.Context, cp ControlPlane, token, version string) (*Identity, error) {
	key, err := f.pendingKey()
	if err != nil {
		return nil, err
	}
	csr, err := certificateRequest(key)
	if err != nil {
		return nil, err
	}
	answer, err := cp.Enrol(ctx, agentapi.EnrolRequest{Token: token, CSR: csr, Version: version})
	if err != nil {
		return nil, err
	}
	id, err := accept(answer, key, HashToken(token))
	if err != nil {
		return nil, err
	}
	if err := f.keep(id); err != nil {
		return nil, err
	}
	stepIdentityStored.Done()
	if err := f.Reinstate(); err != nil {
		return nil, err
	}
	return id, f.forgetUsedKey(id)
}

// Rotate gets a certificate with a new key for the same agent. Cut short at any
// instant, it may be repeated.
func (f *Folder) Rotate(ctx context.Context, cp ControlPlane, old *Identity) (*Identity, error) {
	key, err := f.pendingKey()
	if err != nil {
		return nil, err
	}
	csr, err := certificateRequest(key)
	if err != nil {
		return nil, err
	}
	answer, err := cp.Rotate(ctx, agentapi.RotateRequest{CSR: csr})
	if err != nil {
		return nil, err
	}
	id, err := accept(answer, key, old.TokenHash)
	if err != nil {
		return nil, err
	}
	if id.ZoneID != old.ZoneID || id.Epoch != old.Epoch {
		return nil, fmt.Errorf("the control plane's answer cannot be used: it is for zone %s, epoch %d; this agent is of zone %s, epoch %d", id.ZoneID, id.Epoch, old.ZoneID, old.Epoch)
	}
	if err := f.keep(id); err != nil {
		return nil, err
	}
	stepCertificateRotated.Done()
	return id, f.forgetUsedKey(id)
}
