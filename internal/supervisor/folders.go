package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"souk/internal/agent/durable"
	"souk/internal/shim"
)

// The names of accounts within an instance's own /etc/passwd.
const (
	agentUser    = "agent"
	instanceUser = "engine"
)

const passwdFile = "passwd"

// makeFolders makes an instance's folders with the right owners and modes, and
// mends what is wrong with those that are there. The instance's folder itself
// belongs to the supervisor, so that the instance can replace none of them.
func (s *Supervisor) makeFolders(place Place) error {
	if err := os.MkdirAll(place.Folder, 0o711); err != nil {
		return err
	}
	if s.isolated() {
		if err := os.Lchown(place.Folder, os.Getuid(), place.UID); err != nil {
			return err
		}
	}
	if err := os.Chmod(place.Folder, s.mode(0o751)); err != nil {
		return err
	}
	for _, folder := range []struct {
		name   string
		mode   fs.FileMode
		shared bool // with the agent's group, which new files inherit
	}{
		{shim.DataFolder, 0o700, false},
		{shim.ConfFolder, 0o700, false},
		{shim.RunFolder, 0o750 | fs.ModeSetgid, true},
		{shim.LogFolder, 0o750 | fs.ModeSetgid, true},
	} {
		gid := place.UID
		if folder.shared {
			gid = s.cfg.AgentGID
		}
		if err := s.makeFolder(filepath.Join(place.Folder, folder.name), folder.mode, place.UID, gid); err != nil {
			return err
		}
	}
	if !s.isolated() {
		return nil
	}
	return s.writePasswd(place)
}

func (s *Supervisor) makeFolder(path string, mode fs.FileMode, uid, gid int) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if !s.isolated() {
		return os.Chmod(path, 0o700)
	}
	if err := os.Lchown(path, uid, gid); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// writePasswd writes what the instance's processes see as /etc/passwd: no
// account is made on the machine, but programs like initdb ask for the name of
// the uid they run under.
func (s *Supervisor) writePasswd(place Place) error {
	var text strings.Builder
	fmt.Fprintf(&text, "root:x:0:0:root:/root:/usr/sbin/nologin\n")
	if s.cfg.AgentUID != 0 {
		fmt.Fprintf(&text, "%s:x:%d:%d::/nonexistent:/usr/sbin/nologin\n", agentUser, s.cfg.AgentUID, s.cfg.AgentGID)
	}
	fmt.Fprintf(&text, "%s:x:%d:%d::%s:/usr/sbin/nologin\n", instanceUser, place.UID, place.UID, place.Folder)
	path := filepath.Join(place.Folder, passwdFile)
	if present, err := os.ReadFile(path); err == nil && string(present) == text.String() {
		return nil // running processes see the file itself, which must never be half written
	}
	if err := durable.WriteFile(path, []byte(text.String())); err != nil {
		return err
	}
	return os.Chmod(path, 0o644)
}

// traversable refuses a folder that a uid cannot get to, naming the one in the way.
func traversable(folder string, uid int) error {
	for _, path := range ancestors(folder) {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || canEnter(stat, uid) {
			continue
		}
		return fmt.Errorf("the folder %s (mode %04o) keeps instances from their data in %s: each runs under a uid of its own; choose a data folder elsewhere, or allow others to pass with: chmod o+x %s",
			path, info.Mode().Perm(), folder, path)
	}
	return nil
}

func canEnter(stat *syscall.Stat_t, uid int) bool {
	if int(stat.Uid) == uid {
		return stat.Mode&0o100 != 0
	}
	if int(stat.Gid) == uid {
		return stat.Mode&0o010 != 0
	}
	return stat.Mode&0o001 != 0
}

// ancestors lists the folder and those it lies in, outermost first.
func ancestors(folder string) []string {
	var paths []string
	for path := folder; ; path = filepath.Dir(path) {
		paths = append([]string{path}, paths...)
		if path == filepath.Dir(path) {
			return paths
		}
	}
}
