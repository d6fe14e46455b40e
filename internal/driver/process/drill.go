package process

import (
	"context"
	"fmt"

	"souk/internal/driver"
)

// ProvingEngine is a BackupEngine that can tell whether a restored instance holds
// what was backed up.
type ProvingEngine interface {
	BackupEngine
	// PutCanary writes one more canary, out of reach of the instance's users.
	PutCanary(ctx context.Context, host *Host) (driver.Canary, error)
	// Canaries are those of the instance, oldest first.
	Canaries(ctx context.Context, host *Host) ([]driver.Canary, error)
	// Examine reads all that the instance holds and checks it.
	Examine(ctx context.Context, host *Host) (driver.Examination, error)
}

// prover finds a running instance and the engine that proves it.
func (d *Driver) prover(ctx context.Context, of driver.Instance) (ProvingEngine, *Host, error) {
	engine, err := d.engine(of.Service)
	if err != nil {
		return nil, nil, err
	}
	prover, ok := engine.(ProvingEngine)
	if !ok {
		return nil, nil, &driver.BlockedError{Message: "Souk cannot make restore drills of this service yet.", BlockedBy: "operator", Permanent: true}
	}
	u, err := d.unit(of.ID)
	if err != nil {
		return nil, nil, err
	}
	host, err := d.running(ctx, u)
	if err != nil {
		return nil, nil, fmt.Errorf("prove an instance: %w", err)
	}
	return prover, host, nil
}

// PutCanary implements driver.Prover.
func (d *Driver) PutCanary(ctx context.Context, of driver.Instance) (driver.Canary, error) {
	prover, host, err := d.prover(ctx, of)
	if err != nil {
		return driver.Canary{}, err
	}
	return prover.PutCanary(ctx, host)
}

// Canaries implements driver.Prover.
func (d *Driver) Canaries(ctx context.Context, of driver.Instance) ([]driver.Canary, error) {
	prover, host, err := d.prover(ctx, of)
	if err != nil {
		return nil, err
	}
	return prover.Canaries(ctx, host)
}

// Examine implements driver.Prover.
func (d *Driver) Examine(ctx context.Context, of driver.Instance) (driver.Examination, error) {
	prover, host, err := d.prover(ctx, of)
	if err != nil {
		return driver.Examination{}, err
	}
	return prover.Examine(ctx, host)
}
