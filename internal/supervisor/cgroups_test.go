package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A folder of plain files stands for the kernel's, to see what is written.

func control(t *testing.T, folder string, files ...string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if err := os.WriteFile(filepath.Join(folder, file), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func expect(t *testing.T, folder string, want map[string]string) {
	t.Helper()
	for file, value := range want {
		got, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil || string(got) != value {
			t.Errorf("%s is %q, %v; want %q", file, got, err, value)
		}
	}
}

var plan = Limits{MemoryBytes: 512 << 20, CPUMillis: 250, Processes: 100}

func TestV2Limits(t *testing.T) {
	mount := t.TempDir()
	control(t, mount, "cgroup.subtree_control")
	if err := os.WriteFile(filepath.Join(mount, "cgroup.controllers"), []byte("cpuset cpu io memory pids\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	control(t, filepath.Join(mount, "souk-test"), "cgroup.subtree_control")
	remembered := filepath.Join(t.TempDir(), "cgroups.json")
	c := openV2(mount, "0::/not/visible\n", "souk-test", remembered)
	if c.describe() != "cgroup v2" {
		t.Fatal(c.describe())
	}
	expect(t, mount, map[string]string{"cgroup.subtree_control": "+memory +cpu +pids"})
	folder := filepath.Join(mount, "souk-test", first)
	control(t, folder, "memory.max", "cpu.max", "pids.max")
	if err := c.set(first, plan); err != nil {
		t.Fatal(err)
	}
	expect(t, folder, map[string]string{"memory.max": "536870912", "cpu.max": "25000 100000", "pids.max": "100"})
	if err := os.Truncate(filepath.Join(folder, "memory.max"), 0); err != nil {
		t.Fatal(err)
	}
	if err := c.set(first, Limits{}); err != nil {
		t.Fatal(err)
	}
	expect(t, folder, map[string]string{"memory.max": "max"})
	var attr syscall.SysProcAttr
	done, err := c.confine(first, &attr)
	if err != nil || !attr.UseCgroupFD {
		t.Errorf("not confined: %v", err)
	}
	done()
	if again := openV2(mount, "0::/elsewhere\n", "souk-test", remembered); again != c {
		t.Errorf("found %+v, want %+v", again, c)
	}
}

func TestV2SaysWhyNot(t *testing.T) {
	mount := t.TempDir()
	if err := os.WriteFile(filepath.Join(mount, "cgroup.controllers"), []byte("cpu pids\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := openV2(mount, "0::/\n", "souk-test", filepath.Join(t.TempDir(), "f"))
	if !strings.HasPrefix(c.describe(), "none: ") || !strings.Contains(c.describe(), "memory") {
		t.Error(c.describe())
	}
	if err := c.set(first, plan); err == nil {
		t.Error("limits that are not there were set")
	}
}

func TestV1Limits(t *testing.T) {
	mount := t.TempDir()
	own := "4:memory:/user\n3:cpu,cpuacct:/\n2:pids:/gone\n"
	control(t, filepath.Join(mount, "memory", "user"))
	control(t, filepath.Join(mount, "cpu"))
	control(t, filepath.Join(mount, "pids"))
	c := openV1(mount, own, "souk-test", filepath.Join(t.TempDir(), "f"))
	if c.describe() != "cgroup v1" {
		t.Fatal(c.describe())
	}
	memory := filepath.Join(mount, "memory", "user", "souk-test", first)
	cpu := filepath.Join(mount, "cpu", "souk-test", first)
	pids := filepath.Join(mount, "pids", "souk-test", first)
	control(t, memory, "memory.limit_in_bytes", "tasks")
	control(t, cpu, "cpu.cfs_period_us", "cpu.cfs_quota_us", "tasks")
	control(t, pids, "pids.max", "tasks")
	if err := c.set(first, plan); err != nil {
		t.Fatal(err)
	}
	expect(t, memory, map[string]string{"memory.limit_in_bytes": "536870912"})
	expect(t, cpu, map[string]string{"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "25000"})
	expect(t, pids, map[string]string{"pids.max": "100"})
	if _, err := c.confine(first, nil); err != nil {
		t.Fatal(err)
	}
	expect(t, memory, map[string]string{"tasks": "0"})
}

func TestV1WithoutAController(t *testing.T) {
	mount := t.TempDir()
	control(t, filepath.Join(mount, "memory"))
	c := openV1(mount, "", "souk-test", filepath.Join(t.TempDir(), "f"))
	if !strings.HasPrefix(c.describe(), "none: ") {
		t.Error(c.describe())
	}
}
