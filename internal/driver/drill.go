package driver

import (
	"context"
	"time"
)

// Prover is a BackupKeeper that can tell whether a restored instance holds what
// was backed up. A backup that it takes holds a canary that was put there just
// before.
type Prover interface {
	BackupKeeper

	// PutCanary writes one more canary into a running instance, out of reach of
	// its users, and returns it. Only the newest KeptCanaries stay.
	PutCanary(ctx context.Context, of Instance) (Canary, error)

	// Canaries are those of a running instance, oldest first.
	Canaries(ctx context.Context, of Instance) ([]Canary, error)

	// Examine reads all that a running instance holds and has its engine check
	// it. What it finds wrong is no error. It may take hours, and may leave marks:
	// it is for instances that are thrown away afterwards.
	Examine(ctx context.Context, of Instance) (Examination, error)
}

// KeptCanaries is how many canaries an instance keeps.
const KeptCanaries = 1000

// Canary is what a drill looks for in what was restored.
type Canary struct {
	Number int64     `json:"number"` // each higher than the one before
	At     time.Time `json:"at"`     // real time, by the engine's clock
	Value  string    `json:"value"`  // random
}

// Examination is what an engine found in an instance.
type Examination struct {
	Version string  `json:"version"` // of the engine: "15.18"
	Checks  []Check `json:"checks"`
}

// Check is one thing that was looked at.
type Check struct {
	Name   string `json:"name"` // "page-checksums"
	Passed bool   `json:"passed"`
	// Detail says in plain words what was found; it names nothing of the user's.
	Detail string `json:"detail"`
}
