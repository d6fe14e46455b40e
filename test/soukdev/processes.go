package soukdev

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Launcher is the process of `souk dev` itself.
func (s *Souk) Launcher() int {
	s.run.mu.Lock()
	defer s.run.mu.Unlock()
	return s.run.dev.Process.Pid
}

// Part is the process of a part that the launcher keeps: "control", "agent" or
// "supervisor"; 0 while none runs.
func (s *Souk) Part(name string) int {
	text, err := os.ReadFile(filepath.Join(s.DataDir, "run", name+".pid"))
	var pid int
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(text), &pid); err != nil || !Running(pid) {
		return 0
	}
	return pid
}

// Processes are the launcher's and all that came of it: those in its mount
// namespace, those that work in its data folder, and those of its accounts.
func (s *Souk) Processes() []int {
	mine, _ := os.Readlink("/proc/self/ns/mnt")
	launcher := s.Launcher()
	space, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", launcher))
	entries, _ := os.ReadDir("/proc")
	found := []int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() || !Running(pid) {
			continue
		}
		its, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid))
		cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		if pid == launcher || space != "" && space != mine && its == space || strings.HasPrefix(cwd, s.DataDir) || s.owns(UID(pid)) {
			found = append(found, pid)
		}
	}
	return found
}

func (s *Souk) owns(uid int) bool { return uid > s.UIDBase && uid < s.UIDBase+accounts }

// FirstInstanceUID is the account of the first instance; those of Souk's own
// parts are smaller.
func (s *Souk) FirstInstanceUID() int { return s.UIDBase + 900 }

// UID that a process runs under, or -1.
func UID(pid int) int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(status), "\nUid:")
	uid := -1
	_, _ = fmt.Sscan(rest, &uid)
	return uid
}

// Running says whether there is such a process, and not only what a parent has
// yet to hear of it.
func Running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(after, "Z")
}

// CommandLine of a process, for people.
func CommandLine(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.ReplaceAll(string(text), "\x00", " ")
}
