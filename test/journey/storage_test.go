//go:build journey

package journey

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"souk/test/soukdev"
)

// A storage that has become full reaches the customer's webhook; the runbook that it
// names, followed as it stands, mends it, and the webhook hears of that too.
func TestFullStorageIsToldAndMended(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: only root mounts a disk of its own")
	}
	s := soukdev.Build(t)
	mountDisk(t, s.DataDir)
	s.Start()
	s.Cleanup()
	s.Sh("souk context use acme").Done()
	hook := channel(t, s)
	s.Sh("souk order redis cache --wait").Done()
	fill(t, filepath.Join(s.DataDir, "instances", "instances", s.Instance("cache").Metadata.ID), s.Instance("cache").Spec.StorageGiB)

	told := hook.wait(s, "cache", "storage-nearly-full", "firing")
	follow(t, s, runbook(s, told, "The storage is filling up"))
	hook.wait(s, "cache", "storage-nearly-full", "resolved")
	s.Sh(redisCLI + "set k v").Prints("OK")
	s.Interrupt()
}

// mountDisk has the data on a disk of its own, in memory, so that none of the machine's
// becomes full. Only what is written takes memory.
func mountDisk(t *testing.T, at string) {
	t.Helper()
	if err := os.MkdirAll(at, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("souk-test", at, "tmpfs", 0, "size=20g,mode=700"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// fill takes all of an instance's storage, by a file that its server knows nothing of.
func fill(t *testing.T, folder string, gib int64) {
	t.Helper()
	var data string
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == "data" {
			data = path
			return filepath.SkipAll
		}
		return err
	})
	if err != nil || data == "" {
		t.Fatalf("no data in %s: %v", folder, err)
	}
	file, err := os.Create(filepath.Join(data, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := unix.Fallocate(int(file.Fd()), 0, 0, gib<<30); err != nil {
		t.Fatal(err)
	}
}
