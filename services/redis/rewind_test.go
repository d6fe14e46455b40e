package redis

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/gomodule/redigo/redis"

	"souk/internal/driver"
)

func TestRestoredInPlace(t *testing.T) {
	z, store := newBackupZone(t)
	want := kept()
	at := z.Bring(&want).Endpoint
	users := user(t, want, at)
	do(t, users, "SET", "n", 1)
	first := backUp(t, z, want)
	do(t, users, "SET", "n", 2)
	second := backUp(t, z, want)
	rewind := func(number int64, backup string, n int) driver.Observation {
		t.Helper()
		want.Generation++
		want.Rewind = &driver.Rewind{Number: number, Restore: driver.Restore{From: want.BackupSource(), BackupID: backup}}
		seen := z.Bring(&want)
		if got, err := redis.Int(do(t, user(t, want, seen.Endpoint), "GET", "n"), nil); err != nil || got != n {
			t.Errorf("restore in place %d has %d, %v; want %d", number, got, err, n)
		}
		if *seen.Endpoint != *at || seen.Rewound == nil || seen.Rewound.Number != number || seen.Interruption == nil {
			t.Errorf("restore in place %d was reported as %+v", number, seen)
		}
		return seen
	}
	if seen := rewind(1, first.ID, 1); seen.Rewound.Problem != "" {
		t.Errorf("it went wrong: %+v", seen.Rewound)
	}
	do(t, user(t, want, at), "SET", "n", 100)
	rewind(1, first.ID, 100) // once for each number
	rewind(2, second.ID, 2)
	err := filepath.WalkDir(filepath.Join(store.Data, want.ID, "data"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i := range min(len(text), 50) {
			text[i] ^= 0xff
		}
		return os.WriteFile(path, text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen := rewind(3, first.ID, 2); seen.Rewound.Problem == "" {
		t.Error("a damaged backup was restored in place")
	}
	if err := z.Driver.Remove(t.Context(), want.ID); err != nil && !errors.Is(err, driver.ErrNotFound) {
		t.Fatal(err)
	}
}
