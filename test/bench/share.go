package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// groups is where control groups lie.
const groups = "/sys/fs/cgroup"

// share is the share of the machine's processors that a server is held to: a control
// group, to which others can be added. Empty where there is none.
type share string

// shareOf is that of the one server under this souk dev.
func (d *launcher) shareOf(engine string) (share, error) {
	all, err := family(d.cmd.Process.Pid)
	if err != nil {
		return "", err
	}
	for _, p := range all {
		if p.name != engine {
			continue
		}
		if i := slices.IndexFunc(all, func(q process) bool { return q.pid == p.parent }); i >= 0 && all[i].name == "souk shim" {
			return groupOf(p.pid)
		}
	}
	return "", fmt.Errorf("souk dev runs no %s", engine)
}

// groupOf finds the group of version 1 or 2 that limits a process's processor time.
func groupOf(pid int) (share, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, _ := strings.Cut(rest, ":")
		for _, limited := range []struct{ folder, limit string }{
			{filepath.Join(groups, controllers, path), "cpu.cfs_quota_us"},
			{filepath.Join(groups, path), "cpu.max"},
		} {
			if _, err := os.Stat(filepath.Join(limited.folder, limited.limit)); err == nil {
				return share(limited.folder), nil
			}
		}
	}
	return "", nil
}

// hold has a process, and what it starts from then on, kept to the share.
func (s share) hold(pid int) error {
	if s == "" {
		return nil
	}
	err := os.WriteFile(filepath.Join(string(s), "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644)
	if errors.Is(err, os.ErrPermission) {
		return nil // without root nothing is limited
	}
	return err
}
