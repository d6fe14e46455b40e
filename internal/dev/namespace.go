package dev

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// enteredEnv tells the program, begun anew, that it is in its own mount
// namespace. Its value is the process ID, which children do not share.
const enteredEnv = "SOUK_DEV_ENTERED"

// mountPoints is where data folders are bound, each under a name of its own:
// short, because a socket's path has 107 bytes at most, and open to all.
const mountPoints = "/run/souk"

// enterNamespace puts this whole program into a mount namespace of its own, by
// beginning it anew (same process ID), and reports whether it is in one. It is
// in none where the system does not let it: without root, or as a root that may
// not mount.
func enterNamespace() (bool, error) {
	if os.Geteuid() != 0 {
		return false, nil
	}
	me := strconv.Itoa(os.Getpid())
	if os.Getenv(enteredEnv) == me {
		return true, os.Unsetenv(enteredEnv)
	}
	runtime.LockOSThread() // only this thread moves, and then replaces the program
	defer runtime.UnlockOSThread()
	err := unix.Unshare(unix.CLONE_NEWNS)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("make a mount namespace: %w", err)
	}
	err = syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), enteredEnv+"="+me))
	return false, fmt.Errorf("enter a mount namespace: %w", err)
}

// bind makes the data folder reachable at a short path that every account can
// enter, and the accounts' names known, to this program and its children alone.
// It reports whether that path is new, so that nothing can depend on it yet.
func (f folders) bind(passwd, group string) (home string, isNew bool, err error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return "", false, fmt.Errorf("keep mounts to this program: %w", err)
	}
	home = f.mountPoint()
	_, err = os.Lstat(home)
	isNew = errors.Is(err, fs.ErrNotExist)
	for _, dir := range []string{mountPoints, home} {
		if err := openToAll(dir); err != nil {
			return "", isNew, err
		}
	}
	for _, m := range []struct{ from, to string }{{f.root, home}, {passwd, "/etc/passwd"}, {group, "/etc/group"}} {
		if err := unix.Mount(m.from, m.to, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return "", isNew, fmt.Errorf("bind %s at %s: %w", m.from, m.to, err)
		}
	}
	return home, isNew, nil
}

// unbind takes away what bind left outside. Only when no instance runs: it
// would lose its paths.
func (f folders) unbind() {
	_ = unix.Unmount(f.mountPoint(), unix.MNT_DETACH)
	_ = os.Remove(f.mountPoint())
	_ = os.Remove(mountPoints) // where it is the last
}

func (f folders) mountPoint() string { return filepath.Join(mountPoints, f.shortName()) }

// shortName is the same for one path at each start.
func (f folders) shortName() string {
	h := fnv.New64a()
	h.Write([]byte(f.root))
	return fmt.Sprintf("%012x", h.Sum64()&(1<<48-1))
}

func openToAll(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
		return fmt.Errorf("make a place to bind the data folder at: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("make a place to bind the data folder at: %w", err)
	}
	if st := info.Sys().(*syscall.Stat_t); !info.IsDir() || st.Uid != 0 {
		return fmt.Errorf("%s is not a folder of root's: move it away", dir)
	}
	return os.Chmod(dir, 0o755)
}

// maxHome leaves room in a socket's path for what is inside the data folder.
const maxHome = 40

// shorten returns a path to the data folder that sockets fit under: its own, or
// a link in the temporary folder that only this account can change.
func (f folders) shorten() (string, error) {
	if len(f.root) <= maxHome {
		return f.root, nil
	}
	dir := fmt.Sprintf("/tmp/souk-%d", os.Geteuid())
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return "", fmt.Errorf("make a short path to the data folder: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("make a short path to the data folder: %w", err)
	}
	if st := info.Sys().(*syscall.Stat_t); !info.IsDir() || int(st.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("%s is not a folder that only this account can change: move it away", dir)
	}
	link := filepath.Join(dir, f.shortName())
	if to, err := os.Readlink(link); err == nil && to == f.root {
		return link, nil
	}
	_ = os.Remove(link)
	if err := os.Symlink(f.root, link); err != nil {
		return "", fmt.Errorf("make a short path to the data folder: %w", err)
	}
	return link, nil
}

// blocker returns the first folder on the way to path that the account cannot
// enter, or "".
func blocker(path string, who Account) string {
	if parent := filepath.Dir(path); parent != path {
		if found := blocker(parent, who); found != "" {
			return found
		}
	}
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return ""
	}
	enter := os.FileMode(0o001)
	switch st := info.Sys().(*syscall.Stat_t); {
	case st.Uid == who.UID:
		enter = 0o100
	case st.Gid == who.GID:
		enter = 0o010
	}
	if info.Mode().Perm()&enter == 0 {
		return path
	}
	return ""
}
