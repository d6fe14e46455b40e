package dev

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"souk/internal/devpg"
	"souk/internal/envelope"
	"souk/internal/store"
)

// writeFile replaces a file so that a crash leaves the old content or the new,
// and so that nobody but its owner ever could open it.
func writeFile(path string, data []byte, owner Account, mode os.FileMode) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		tmp.Close()
		if err != nil {
			_ = os.Remove(tmp.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	if _, err = tmp.Write(data); err != nil {
		return err
	}
	if err = tmp.Chown(int(owner.UID), int(owner.GID)); err != nil {
		return err
	}
	if err = tmp.Chmod(mode); err != nil {
		return err
	}
	if err = tmp.Sync(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// secret returns the secret of that name, made at random the first time.
func (l Layout) secret(name string) (string, error) {
	path := l.folders.path("secrets", name)
	text, err := os.ReadFile(path)
	if err == nil && len(text) > 0 {
		return string(text), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read a secret: %w", err)
	}
	made := rand.Text()
	me := Account{uint32(os.Geteuid()), uint32(os.Getegid())}
	return made, writeFile(path, []byte(made), me, 0o600)
}

// Secret returns the secret of that name for a hook, made at random the first
// time; only the launcher's account can read where it is kept.
func (l Layout) Secret(name string) (string, error) { return l.secret("hook-" + name) }

// passwords of the record's roles, and of its superuser.
func (l Layout) passwords() (p store.Passwords, superuser string, err error) {
	for _, s := range []struct {
		name string
		to   *string
	}{{"superuser", &superuser}, {"owner", &p.Owner}, {"app", &p.App}, {"system", &p.System}} {
		if *s.to, err = l.secret(s.name); err != nil {
			return p, superuser, err
		}
	}
	return p, superuser, nil
}

// keyring makes the control plane's keyring the first time. Later a missing one
// is a loss that a new one would hide.
func (l Layout) keyring(first bool) error {
	path := l.folders.path("control", "keyring.json")
	if _, err := os.Lstat(path); err == nil {
		return os.Lchown(path, int(l.Control.UID), int(l.Control.GID))
	}
	if !first {
		return fmt.Errorf("the keyring %s is missing, without which no stored secret can be read: restore it from a backup of the data folder", path)
	}
	fresh := l.folders.path("run", "keyring.json")
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("make the keyring: %w", err)
	}
	if _, err := envelope.Create(fresh); err != nil {
		return err
	}
	if err := os.Chown(fresh, int(l.Control.UID), int(l.Control.GID)); err != nil {
		return fmt.Errorf("make the keyring: %w", err)
	}
	return os.Rename(fresh, path)
}

// folderFormat is raised when this program could not use a folder of before.
const folderFormat = 1

// version is the content of DATA_DIR/version, written once a start succeeded.
type version struct {
	Format     int `json:"format"`
	PostgreSQL int `json:"postgresqlMajor"`
}

// readVersion returns the zero value where no start has succeeded yet.
func (f folders) readVersion() (version, error) {
	text, err := os.ReadFile(f.path("version"))
	if errors.Is(err, fs.ErrNotExist) {
		return version{}, nil
	}
	if err != nil {
		return version{}, fmt.Errorf("read the data folder's version: %w", err)
	}
	var v version
	if err := json.Unmarshal(text, &v); err != nil {
		return version{}, fmt.Errorf("the file %s is damaged: restore it from a backup of the data folder", f.path("version"))
	}
	if v.Format > folderFormat {
		return version{}, fmt.Errorf("the data folder %s was made by a newer Souk (format %d; this one knows %d). Nothing was changed: run the newer one, or choose another folder with --data-dir or SOUK_DATA_DIR", f.root, v.Format, folderFormat)
	}
	return v, nil
}

func (f folders) writeVersion(v version) error {
	if now, err := f.readVersion(); err == nil && now == v {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	me := Account{uint32(os.Geteuid()), uint32(os.Getegid())}
	return writeFile(f.path("version"), append(text, '\n'), me, 0o644)
}

// choosePrograms finds the PostgreSQL that can run this folder, or explains.
func (f folders) choosePrograms(installed []devpg.Programs) (devpg.Programs, error) {
	v, err := f.readVersion()
	if err != nil {
		return devpg.Programs{}, err
	}
	data := f.path("postgres", "data")
	programs, err := devpg.Choose(data, installed)
	if err != nil {
		return programs, err
	}
	if _, err := os.Lstat(filepath.Join(data, "PG_VERSION")); v.PostgreSQL != 0 && errors.Is(err, fs.ErrNotExist) {
		return programs, fmt.Errorf("the record is gone: %s held a cluster of PostgreSQL %d and does not any more. Nothing was changed: restore the data folder from a backup, or choose another one with --data-dir or SOUK_DATA_DIR", data, v.PostgreSQL)
	}
	return programs, nil
}
