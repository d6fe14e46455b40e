package dev

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// folders is the data folder in the launcher's own sight.
type folders struct{ root string }

func (f folders) path(elements ...string) string {
	return filepath.Join(append([]string{f.root}, elements...)...)
}

// openFolder makes the data folder where it is missing and returns its real path.
func openFolder(dataDir string) (folders, error) {
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return folders{}, fmt.Errorf("make the data folder: %w", err)
	}
	path, err := filepath.Abs(dataDir)
	if err != nil {
		return folders{}, fmt.Errorf("find the data folder: %w", err)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return folders{}, fmt.Errorf("find the data folder: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return folders{}, fmt.Errorf("look at the data folder: %w", err)
	}
	owner := int(info.Sys().(*syscall.Stat_t).Uid)
	// Whoever owns it could have put anything in it, which root would carry out.
	if me := os.Geteuid(); owner != me && (me != 0 || owner != int(starter().UID)) {
		return folders{}, fmt.Errorf("the data folder %s belongs to another account (%d): run souk dev as that one, or choose another folder with --data-dir or SOUK_DATA_DIR", path, owner)
	}
	f := folders{path}
	return f, f.refuseStrangers()
}

// refuseStrangers keeps the launcher from taking over a folder that holds
// something else, such as a home: it would change who can enter that.
func (f folders) refuseStrangers() error {
	entries, err := os.ReadDir(f.root)
	if err != nil {
		return fmt.Errorf("look at the data folder: %w", err)
	}
	for _, e := range entries {
		if e.Name() == "lock" || e.Name() == "version" {
			return nil
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("the folder %s is not empty and no data folder of Souk's: choose another with --data-dir or SOUK_DATA_DIR; a new one is made", f.root)
	}
	return nil
}

// prepare makes the folders inside, each closed to all accounts but its own.
func (l Layout) prepare() error {
	me := Account{uint32(os.Geteuid()), uint32(os.Getegid())}
	passable, controlOnly := os.FileMode(0o700), os.FileMode(0o700)
	if l.Privileged {
		passable = 0o711    // other accounts' folders are inside
		controlOnly = 0o710 // the record's few connections are the control plane's, not any account's to hold
	}
	for _, d := range []struct {
		name  string
		owner Account
		mode  os.FileMode
	}{
		{"", me, passable},
		{"run", me, passable},
		{"log", me, 0o700},
		{"secrets", me, 0o700},
		{"postgres", l.postgres, 0o700},
		{"socket", Account{l.postgres.UID, l.Control.GID}, controlOnly},
		{"control", l.Control, 0o700},
		{"agent", l.Agent, 0o700},
		{"supervisor", me, passable},
		{storeFolder, l.objects, 0o700},
		{"instances", me, passable},
	} {
		if err := ownFolder(l.folders.path(d.name), d.owner, d.mode); err != nil {
			return err
		}
	}
	return nil
}

func ownFolder(path string, owner Account, mode os.FileMode) error {
	if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
		return fmt.Errorf("make a folder: %w", err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("look at a folder: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder: move it away", path)
	}
	if st := info.Sys().(*syscall.Stat_t); st.Uid != owner.UID || st.Gid != owner.GID {
		if err := os.Lchown(path, int(owner.UID), int(owner.GID)); err != nil {
			return fmt.Errorf("give a folder to its account: %w", err)
		}
	}
	if info.Mode().Perm() == mode {
		return nil
	}
	if err := os.Chmod(path, mode); err != nil {
		return fmt.Errorf("close a folder to others: %w", err)
	}
	return nil
}

// Path returns a path inside the data folder as the children know it.
func (l Layout) Path(elements ...string) string {
	return folders{l.Home}.path(elements...)
}

// GiveAgent writes a file that only the agent can read into its folder, and
// returns the path that the agent knows it by.
func (l Layout) GiveAgent(name string, data []byte) (string, error) {
	return l.Path("agent", name), writeFile(l.folders.path("agent", name), data, l.Agent, 0o600)
}

// GiveUser writes a file into the data folder for whoever started the launcher.
func (l Layout) GiveUser(name string, data []byte, mode os.FileMode) error {
	return writeFile(l.folders.path(name), data, starter(), mode)
}

// starter is who started the launcher, with sudo too.
func starter() Account {
	a := Account{uint32(os.Geteuid()), uint32(os.Getegid())}
	if a.UID != 0 {
		return a
	}
	var uid, gid uint32
	if _, err := fmt.Sscan(os.Getenv("SUDO_UID")+" "+os.Getenv("SUDO_GID"), &uid, &gid); err != nil {
		return a
	}
	return Account{uid, gid}
}
