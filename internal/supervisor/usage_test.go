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
	file(t, filepath.Join(dir, "cpuacct", first), "cgroup.procs", "17\n")
	file(t, filepath.Join(dir, "cpuacct", second), "cgroup.procs", "")
	file(t, filepath.Join(dir, "cpuacct", second), "cpuacct.usage", "0\n")
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

// A folder of before CPU time was counted gets what is missing, and is remembered so.
func TestAccountingIsAddedToWhatIsRemembered(t *testing.T) {
	mount, remembered := t.TempDir(), filepath.Join(t.TempDir(), "cgroups.json")
	for _, controller := range controllers {
		control(t, filepath.Join(mount, controller))
	}
	before := openV1(mount, "", "souk-test", remembered).(cgroupsV1)
	if _, ok := before.folders[accounting]; ok {
		t.Fatal("there is no such controller yet")
	}
	control(t, filepath.Join(mount, accounting))
	for range 2 {
		after := openV1(mount, "", "souk-test", remembered).(cgroupsV1)
		if len(after.folders) != len(controllers)+1 || after.folders[accounting] != filepath.Join(mount, accounting, "souk-test") {
			t.Errorf("%v", after.folders)
		}
	}
}
