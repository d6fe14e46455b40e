package supervisor

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func file(t *testing.T, folder, name, text string) {
	t.Helper()
	control(t, folder)
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	file(t, filepath.Join(dir, "memory", first), "memory.usage_in_bytes", "1000\n")
	file(t, filepath.Join(dir, "memory", first), "memory.stat", "cache 500\ninactive_file 1\ntotal_inactive_file 300\n")
	file(t, filepath.Join(dir, "cpuacct", first), "cpuacct.usage", "2500000000\n")
	v1 := cgroupsV1{folders: map[string]string{"memory": filepath.Join(dir, "memory"), accounting: filepath.Join(dir, "cpuacct")}}
	file(t, filepath.Join(dir, "v2", first), "memory.current", "1000\n")
	file(t, filepath.Join(dir, "v2", first), "memory.stat", "anon 1\ninactive_file 300\n")
	file(t, filepath.Join(dir, "v2", first), "cpu.stat", "usage_usec 2500000\nuser_usec 1\n")
	for name, c := range map[string]cgroups{"v1": v1, "v2": cgroupsV2{filepath.Join(dir, "v2")}} {
		u := c.usage(first)
		if u.CPU == nil || *u.CPU != 2500*time.Millisecond || u.MemoryBytes == nil || *u.MemoryBytes != 700 {
			t.Errorf("%s: %+v", name, u)
		}
		if u := c.usage(second); u.CPU != nil || u.MemoryBytes != nil {
			t.Errorf("%s tells something of an instance without a cgroup: %+v", name, u)
		}
	}
	if u := (cgroupsV1{folders: map[string]string{"memory": filepath.Join(dir, "memory")}}).usage(first); u.CPU != nil || u.MemoryBytes == nil {
		t.Errorf("without the accounting controller: %+v", u)
	}
}
