package shim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// errLocked: another process holds the lock.
var errLocked = errors.New("locked")

// lock opens the file at path and takes its lock, or returns errLocked. The
// lock belongs to the open file: it is held until every process that inherited
// it has closed it or ended.
func lock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return file, nil
	}
	file.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, errLocked
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// EngineRuns says whether any process of the engine of the instance in folder
// is alive, with or without a shim. Who may not read the instance's run folder
// gets an error.
func EngineRuns(folder string) (bool, error) {
	// The instance may have put anything in the file's place.
	file, err := os.OpenFile(filepath.Join(folder, engineLock), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	err = unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

// holder finds the engine by its lock: the one process that has the file open
// and whose parent has not. It returns 0 when there is none, or when only
// orphans of a dead engine are left, which end by themselves.
func holder(path string) (int, error) {
	var want unix.Stat_t
	if err := unix.Stat(path, &want); err != nil {
		return 0, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	holders := map[int]int{} // pid → parent
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() || !hasOpen(pid, &want) {
			continue
		}
		holders[pid] = statOf(pid).parent
	}
	root := 0
	for pid, parent := range holders {
		if _, ok := holders[parent]; ok {
			continue
		}
		if root != 0 {
			return 0, nil
		}
		root = pid
	}
	return root, nil
}

// hasOpen says whether a process of our own user has the file open.
func hasOpen(pid int, want *unix.Stat_t) bool {
	folder := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		var got unix.Stat_t
		if unix.Stat(filepath.Join(folder, entry.Name()), &got) == nil && got.Dev == want.Dev && got.Ino == want.Ino {
			return true
		}
	}
	return false
}

// stat is what the kernel tells of a process; of one that does not exist, nothing.
type stat struct {
	state  string // "Z": it has ended, and its parent has not taken note
	parent int
}

func statOf(pid int) stat {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}
	}
	// The second field, the program's name, may hold spaces and parentheses.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 2 {
		return stat{}
	}
	parent, _ := strconv.Atoi(fields[1])
	return stat{fields[0], parent}
}
