package durable

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestAFileIsReplacedWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"old", "new"} {
		if err := WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Fatalf("%q, %v", got, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := WriteFile(filepath.Join(dir, "absent", "file"), nil); err == nil {
		t.Error("a file in no folder was written")
	}
	// A folder in the way: the attempt fails and leaves nothing behind.
	if err := os.MkdirAll(filepath.Join(dir, "folder", "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "folder"), nil); err == nil {
		t.Error("a folder was replaced by a file")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestAFolderHasOneOwner(t *testing.T) {
	dir := t.TempDir()
	lock, err := LockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	var locked *LockedError
	if _, err := LockFolder(dir); !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Fatalf("got %v", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := LockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	again.Unlock()
}

// What a kill has left of a write goes with the next start; nothing else does.
func TestSweepTakesAwayWhatAKilledWriteLeft(t *testing.T) {
	folder := t.TempDir()
	if err := WriteFile(filepath.Join(folder, "a.json"), []byte("whole")); err != nil {
		t.Fatal(err)
	}
	tmp, err := os.CreateTemp(folder, ".a.json.*") // as WriteFile does
	if err != nil {
		t.Fatal(err)
	}
	tmp.Close()
	if err := os.WriteFile(filepath.Join(folder, ".hidden"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Sweep(folder); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 || entries[0].Name() != ".hidden" || entries[1].Name() != "a.json" {
		t.Errorf("left: %v, %v", entries, err)
	}
}
