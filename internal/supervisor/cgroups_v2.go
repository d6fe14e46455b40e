package supervisor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// cgroupsV2 has one hierarchy for everything.
type cgroupsV2 struct{ folder string } // of all instances

func openV2(mount, own, name, remembered string) cgroups {
	if folders := recall(remembered); folders["unified"] != "" {
		return cgroupsV2{folders["unified"]}
	}
	parent := below(mount, ownGroup(own, ""))
	if err := delegate(parent); err != nil {
		return noCgroups{err.Error()}
	}
	c := cgroupsV2{filepath.Join(parent, name)}
	if err := os.MkdirAll(c.folder, 0o755); err != nil {
		return noCgroups{fmt.Sprintf("this account cannot make cgroups: %v", err)}
	}
	if err := enable(c.folder); err != nil {
		return noCgroups{err.Error()}
	}
	if err := remember(remembered, map[string]string{"unified": c.folder}); err != nil {
		return noCgroups{err.Error()}
	}
	return c
}

// delegate hands the controllers of a cgroup on to those below it. The kernel
// asks that no process then sits in the cgroup itself, so this one moves to a
// cgroup beside the instances.
func delegate(folder string) error {
	available, err := os.ReadFile(filepath.Join(folder, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("this machine's cgroups cannot be read: %w", err)
	}
	for _, controller := range controllers {
		if !slices.Contains(strings.Fields(string(available)), controller) {
			return fmt.Errorf("the cgroup %s has no %s controller; start souk in a delegated cgroup (systemd: Delegate=yes)", folder, controller)
		}
	}
	err = enable(folder)
	if !errors.Is(err, unix.EBUSY) {
		return err
	}
	aside := filepath.Join(folder, "souk-supervisor")
	if err := os.MkdirAll(aside, 0o755); err != nil {
		return fmt.Errorf("this account cannot make cgroups: %w", err)
	}
	if err := put(aside, "cgroup.procs", strconv.Itoa(os.Getpid())); err != nil {
		return err
	}
	if err := enable(folder); err != nil {
		return fmt.Errorf("other processes share the cgroup %s; start souk in one of its own (systemd: Delegate=yes): %w", folder, err)
	}
	return nil
}

func enable(folder string) error {
	return put(folder, "cgroup.subtree_control", "+"+strings.Join(controllers, " +"))
}

func (cgroupsV2) describe() string { return "cgroup v2" }

func (c cgroupsV2) set(id string, limits Limits) error {
	folder := filepath.Join(c.folder, id)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	quota := "max"
	if limits.CPUMillis > 0 {
		quota = strconv.FormatInt(max(limits.CPUMillis*cpuPeriod/1000, 1000), 10)
	}
	return errors.Join(
		put(folder, "memory.max", orElse(limits.MemoryBytes, "max")),
		put(folder, "cpu.max", fmt.Sprintf("%s %d", quota, cpuPeriod)),
		put(folder, "pids.max", orElse(limits.Processes, "max")),
	)
}

// confine has the kernel start the child within the cgroup.
func (c cgroupsV2) confine(id string, attr *syscall.SysProcAttr) (func(), error) {
	folder, err := os.Open(filepath.Join(c.folder, id))
	if err != nil {
		return func() {}, err
	}
	attr.UseCgroupFD = true
	attr.CgroupFD = int(folder.Fd())
	return func() { folder.Close() }, nil
}

func (c cgroupsV2) close() error { return removeGroup(c.folder) }

func (c cgroupsV2) remove(id string) error { return removeGroup(filepath.Join(c.folder, id)) }
