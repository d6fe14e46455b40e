package kubernetes

import (
	"context"
	"fmt"

	"souk/internal/driver"
)

// ProvingEngine is a BackupEngine that can tell whether a restored instance holds
// what was backed up. It asks the pod that clients are led to.
type ProvingEngine interface {
	BackupEngine
	// PutCanary writes one more canary, out of reach of the instance's users.
	PutCanary(ctx context.Context, job *Job, primary string) (driver.Canary, error)
	// Canaries are those of the instance, oldest first.
	Canaries(ctx context.Context, job *Job, primary string) ([]driver.Canary, error)
	// Examine reads all that the instance holds and checks it.
	Examine(ctx context.Context, job *Job, primary string) (driver.Examination, error)
}

var _ driver.Prover = (*Driver)(nil)

// prover finds the pod of a running instance, and the engine that proves it.
func (d *Driver) prover(ctx context.Context, of driver.Instance) (ProvingEngine, string, error) {
	engine, err := d.engine(of.Service)
	if err != nil {
		return nil, "", err
	}
	prover, ok := engine.(ProvingEngine)
	if !ok {
		return nil, "", &driver.BlockedError{Message: "Souk cannot make restore drills of this service on Kubernetes yet.", BlockedBy: "operator", Permanent: true}
	}
	if err := validID(of.ID); err != nil {
		return nil, "", err
	}
	primary, err := d.running(ctx, prover, of.ID)
	if err != nil {
		return nil, "", fmt.Errorf("prove an instance: %w", err)
	}
	return prover, primary, nil
}

// PutCanary implements driver.Prover.
func (d *Driver) PutCanary(ctx context.Context, of driver.Instance) (driver.Canary, error) {
	prover, primary, err := d.prover(ctx, of)
	if err != nil {
		return driver.Canary{}, err
	}
	return prover.PutCanary(ctx, d.job(of), primary)
}

// Canaries implements driver.Prover.
func (d *Driver) Canaries(ctx context.Context, of driver.Instance) ([]driver.Canary, error) {
	prover, primary, err := d.prover(ctx, of)
	if err != nil {
		return nil, err
	}
	return prover.Canaries(ctx, d.job(of), primary)
}

// Examine implements driver.Prover.
func (d *Driver) Examine(ctx context.Context, of driver.Instance) (driver.Examination, error) {
	prover, primary, err := d.prover(ctx, of)
	if err != nil {
		return driver.Examination{}, err
	}
	return prover.Examine(ctx, d.job(of), primary)
}
