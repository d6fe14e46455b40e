package supervisor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// cgroupsV1 has a hierarchy for each controller.
type cgroupsV1 struct {
	folders map[string]string // controller → the folder of all instances
}

func openV1(mount, own, name, remembered string) cgroups {
	folders := recall(remembered)
	known := len(folders)
	wanted := slices.Clone(controllers)
	if _, err := os.Stat(filepath.Join(mount, accounting)); err == nil {
		wanted = append(wanted, accounting)
	}
	if folders == nil {
		folders = map[string]string{}
	}
	for _, controller := range wanted {
		if folders[controller] != "" {
			continue
		}
		folder := filepath.Join(below(filepath.Join(mount, controller), ownGroup(own, controller)), name)
		if err := makeV1(folder, controller, mount); err != nil {
			return noCgroups{err.Error()}
		}
		folders[controller] = folder
	}
	if len(folders) != known {
		if err := remember(remembered, folders); err != nil {
			return noCgroups{err.Error()}
		}
	}
	return cgroupsV1{folders: folders}
}

func makeV1(folder, controller, mount string) error {
	if _, err := os.Stat(filepath.Join(mount, controller)); err != nil {
		return fmt.Errorf("this machine's cgroups have no %s controller", controller)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("this account cannot make cgroups: %w", err)
	}
	return nil
}

func (cgroupsV1) describe() string { return "cgroup v1" }

func (c cgroupsV1) set(id string, limits Limits) error {
	for _, folder := range c.folders {
		if err := os.MkdirAll(filepath.Join(folder, id), 0o755); err != nil {
			return err
		}
	}
	quota := int64(-1)
	if limits.CPUMillis > 0 {
		quota = max(limits.CPUMillis*cpuPeriod/1000, 1000)
	}
	return errors.Join(
		put(filepath.Join(c.folders["memory"], id), "memory.limit_in_bytes", orElse(limits.MemoryBytes, "-1")),
		put(filepath.Join(c.folders["cpu"], id), "cpu.cfs_period_us", strconv.Itoa(cpuPeriod)),
		put(filepath.Join(c.folders["cpu"], id), "cpu.cfs_quota_us", strconv.FormatInt(quota, 10)),
		put(filepath.Join(c.folders["pids"], id), "pids.max", orElse(limits.Processes, "max")),
	)
}

// confine moves the calling thread, from which the child inherits.
func (c cgroupsV1) confine(id string, _ *syscall.SysProcAttr) (func(), error) {
	var errs []error
	for _, folder := range c.folders {
		errs = append(errs, put(filepath.Join(folder, id), "tasks", "0"))
	}
	return func() {}, errors.Join(errs...)
}

func (c cgroupsV1) close() error {
	var errs []error
	for _, folder := range c.folders {
		errs = append(errs, removeGroup(folder))
	}
	return errors.Join(errs...)
}

func (c cgroupsV1) remove(id string) error {
	var errs []error
	for _, folder := range c.folders {
		errs = append(errs, removeGroup(filepath.Join(folder, id)))
	}
	return errors.Join(errs...)
}
