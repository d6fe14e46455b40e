package postgresql

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"souk/internal/driver"
	"souk/internal/driver/process/processtest"
)

// TestFullDisk has the instance's data on a disk of its own that fills up.
func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: only root mounts a small disk")
	}
	z := newZone(t)
	mountSmallDisk(t, filepath.Join(z.Dir, "s", "instances"))
	want := order()
	_, err := z.Ensure(t.Context(), want)
	if blocked := processtest.BlockedBy(t, err, "operator"); !strings.Contains(blocked.Message, "disk") {
		t.Errorf("blocked: %s", blocked.Message)
	}
	seen, err := z.Observe(t.Context(), want.ID)
	if err != nil || seen.State != driver.StateCreating {
		t.Errorf("observed %+v, %v", seen, err)
	}
	if err := unix.Mount("", filepath.Join(z.Dir, "s", "instances"), "", unix.MS_REMOUNT, "size=1g"); err != nil {
		t.Fatal(err)
	}
	running := z.Bring(&want)
	z.user(want, running.Endpoint)

	ballast := filepath.Join(z.Folder(want.ID), "ballast")
	allocate(t, ballast, free(t, z.Folder(want.ID))-(8<<20))
	z.Reopen() // measures at once
	full, err := z.Ensure(t.Context(), want)
	if err == nil {
		if c := processtest.Condition(full, "StorageFull"); c == nil || c.Reason != "DiskFull" || full.BlockedBy != "operator" {
			t.Errorf("full, and then %+v", full)
		}
	} else {
		processtest.BlockedBy(t, err, "operator")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	z.Reopen()
	if seen := z.Bring(&want); processtest.Condition(seen, "StorageFull") != nil {
		t.Errorf("free again, and then %+v", seen)
	}
}

// mountSmallDisk mounts a memory disk that is too small for a cluster.
func mountSmallDisk(t *testing.T, at string) {
	t.Helper()
	if err := unix.Mount("souk-test", at, "tmpfs", 0, "size=10m,mode=711"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func free(t *testing.T, path string) int64 {
	t.Helper()
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		t.Fatal(err)
	}
	return int64(stat.Bavail) * stat.Bsize
}
