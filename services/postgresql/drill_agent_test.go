package postgresql

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/agent/backups"
	"souk/internal/agent/store"
	"souk/internal/agentapi"
	"souk/internal/backup"
	"souk/internal/driver"
)

// proverRunner is a driver that makes drills.
type proverRunner interface {
	driver.Driver
	driver.Prover
}

// drillOf has an agent make a restore drill of a backup, and returns what it told.
func drillOf(t *testing.T, d proverRunner, want driver.Instance, backupID string) agentapi.DrillFact {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	order := agentapi.DrillOrder{ID: uuid.NewString(), BackupID: backupID}
	fact, err := drill(ctx, d, t.TempDir(), want, order)
	if err != nil {
		t.Fatal(err)
	}
	if here, err := d.List(t.Context()); err != nil || slices.Contains(here, order.ID) {
		t.Errorf("what the drill made is left: %v, %v", here, err)
	}
	return fact
}

// drill is an agent, with its data in a folder, until it has made a restore drill.
func drill(ctx context.Context, d proverRunner, folder string, want driver.Instance, order agentapi.DrillOrder) (fact agentapi.DrillFact, err error) {
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

func TestADrillProvesABackupAndFindsADamagedOne(t *testing.T) {
	z, place := newBackupZone(t)
	want := kept()
	seen := z.Bring(&want)
	z.exec(z.user(want, seen.Endpoint), "CREATE TABLE numbers (n int PRIMARY KEY); INSERT INTO numbers SELECT generate_series(1, 1000)")
	o := z.backup(want)
	passed := drillOf(t, z, want, o.ID)
	m := passed.Measured
	if passed.Problem != "" || m == nil || !m.PointInTime || m.Canaries < 1 || m.RestoreMillis <= 0 || m.LossMillis < 0 || len(m.Checks) != 3 {
		t.Fatalf("of a backup that is whole: %+v, %+v", passed, m)
	}
	spoilBackups(t, filepath.Join(place.Data, want.ID, "backup", stanza), "/bundle/")
	failed := drillOf(t, z, want, o.ID)
	if !strings.Contains(failed.Problem, "damaged") || failed.Measured != nil {
		t.Errorf("of a damaged backup: %+v", failed)
	}
	if n := count(t, z.user(want, seen.Endpoint), "numbers"); n != 1000 {
		t.Errorf("the instance itself has %d rows", n)
	}
}

// spoilBackups changes bytes in all files of a folder whose path contains a text.
func spoilBackups(t *testing.T, folder, part string) {
	t.Helper()
	spoiled := 0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(path, part) {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i := len(text) / 2; i < len(text)/2+4096 && i < len(text); i++ {
			text[i] ^= 0xff
		}
		spoiled++
		return os.WriteFile(path, text, 0o600)
	})
	if err != nil || spoiled == 0 {
		t.Fatalf("%d files spoiled: %v", spoiled, err)
	}
}
