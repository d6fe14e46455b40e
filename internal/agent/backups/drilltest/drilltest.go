// Package drilltest has an agent make restore drills of a driver's backups, for tests.
package drilltest

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/agent/backups"
	"souk/internal/agent/store"
	"souk/internal/agentapi"
	"souk/internal/backup"
	"souk/internal/driver"
)

// Prover is a driver that makes drills.
type Prover interface {
	driver.Driver
	driver.Prover
}

// Of has an agent make a restore drill of a backup, and returns what it told.
func Of(t *testing.T, d Prover, want driver.Instance, backupID string) agentapi.DrillFact {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	order := agentapi.DrillOrder{ID: uuid.NewString(), BackupID: backupID}
	fact, err := Make(ctx, d, t.TempDir(), want, order)
	if err != nil {
		t.Fatal(err)
	}
	if here, err := d.List(t.Context()); err != nil || slices.Contains(here, order.ID) {
		t.Errorf("what the drill made is left: %v, %v", here, err)
	}
	return fact
}

// Make is an agent, with its data in a folder, until it has made a restore drill.
func Make(ctx context.Context, d Prover, folder string, want driver.Instance, order agentapi.DrillOrder) (fact agentapi.DrillFact, err error) {
	log := slog.New(slog.DiscardHandler)
	records, err := store.Open(store.Options{Dir: folder, BootID: "boot", Now: time.Now, Logger: log, KeyMaxAge: time.Hour})
	if err != nil {
		return fact, err
	}
	defer records.Close()
	if err := records.Begin(want.ID, 1); err != nil { // a zone is named by any ID
		return fact, err
	}
	listing := store.Listing(false)
	wanted := agentapi.Desired{Instance: want, Intent: agentapi.IntentActive, Backups: &agentapi.Backups{Plan: backup.Plan{Disabled: true}, Drill: &order}}
	if _, err := records.Apply([]agentapi.DesiredEvent{{Instance: &wanted}}, &listing); err != nil {
		return fact, err
	}
	keeper := backups.New(backups.Options{Driver: d, Runner: d, Store: records, Logger: log, Now: time.Now,
		RetryMin: time.Millisecond, RetryMax: time.Second, Progress: 100 * time.Millisecond, Look: time.Hour, First: time.Hour, Lead: time.Nanosecond, Canary: time.Millisecond})
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); _ = keeper.Run(ctx) }()
	defer func() { cancel(); <-done }()
	for {
		select {
		case <-records.Outbox():
		case <-ctx.Done():
			return fact, errors.New("the drill does not come to an end")
		}
		facts, err := records.Facts(agentapi.MaxFacts)
		if err != nil {
			return fact, err
		}
		for _, f := range facts {
			if f.Drill != nil && !f.Drill.FinishedAt.IsZero() {
				return *f.Drill, nil
			}
		}
	}
}
