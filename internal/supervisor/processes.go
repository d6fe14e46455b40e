package supervisor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// killAll ends every process of an instance and returns when they have ended.
func (s *Supervisor) killAll(ctx context.Context, id string, r record) error {
	for {
		pids := s.processes(id, r)
		if len(pids) == 0 {
			return nil
		}
		if err := kill(ctx, pids, s.belongs(id, r)); err != nil {
			return err
		}
	}
}

// processes finds those of one instance.
func (s *Supervisor) processes(id string, r record) []int { return processes(s.belongs(id, r)) }

// belongs tells an instance's processes: by its uid, or where uids are shared by
// the folder that they work in, which engines and shims do not leave.
func (s *Supervisor) belongs(id string, r record) func(pid int) bool {
	if s.isolated() {
		return func(pid int) bool { return hasUID(pid, r.UID) }
	}
	folder := s.folder(id)
	return func(pid int) bool { return worksIn(pid, folder) }
}

// kill ends processes and waits for them. Each is opened and then looked at
// again, so that no other process is hit that got the same number meanwhile.
func kill(ctx context.Context, pids []int, belongs func(pid int) bool) error {
	var open []unix.PollFd
	defer func() {
		for _, fd := range open {
			unix.Close(int(fd.Fd))
		}
	}()
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue // it has ended
		}
		if !belongs(pid) {
			unix.Close(fd)
			continue
		}
		open = append(open, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		if err := unix.PidfdSendSignal(fd, syscall.SIGKILL, nil, 0); err != nil && err != unix.ESRCH {
			return fmt.Errorf("kill process %d: %w", pid, err)
		}
	}
	for i := range open {
		for {
			if ctx.Err() != nil {
				return fmt.Errorf("processes of the instance are still ending: %w", context.Cause(ctx))
			}
			n, err := unix.Poll(open[i:i+1], int((100 * time.Millisecond).Milliseconds()))
			if err == nil && n > 0 {
				break
			}
		}
	}
	return nil
}

func processesOf(uid int) []int {
	return processes(func(pid int) bool { return hasUID(pid, uid) })
}

// hasUID says whether a process runs, under the uid in any of its four roles.
func hasUID(pid, uid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(text), "\nUid:")
	ids, _, _ := strings.Cut(rest, "\n")
	return slices.Contains(strings.Fields(ids), strconv.Itoa(uid)) && !zombie(string(text))
}

func worksIn(pid int, folder string) bool {
	cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	return err == nil && (cwd == folder || strings.HasPrefix(cwd, folder+string(filepath.Separator)))
}

func zombie(status string) bool { return strings.Contains(status, "\nState:\tZ") }

// processes lists those that match, never this one.
func processes(match func(pid int) bool) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err == nil && pid != os.Getpid() && match(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// removeSharedMemory removes the shared memory that killed processes of a uid
// left behind. What cannot be removed does no harm but take a little memory.
func removeSharedMemory(uid int) {
	table, err := os.ReadFile("/proc/sysvipc/shm")
	if err == nil {
		for row := range strings.Lines(string(table)) {
			fields := strings.Fields(row)
			if len(fields) < 8 || fields[7] != strconv.Itoa(uid) {
				continue
			}
			if id, err := strconv.Atoi(fields[1]); err == nil {
				_, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
			}
		}
	}
	entries, err := os.ReadDir("/dev/shm")
	if err != nil {
		return
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			continue
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == uid && info.Mode().IsRegular() {
			_ = os.Remove(filepath.Join("/dev/shm", entry.Name()))
		}
	}
}
