package envelope

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"syscall"

	"souk/internal/agent/durable"
)

// Keyring is a KeyService whose keys are in a file that only its owner can
// read. A key that another process added to the file is found when a value
// needs it.
type Keyring struct {
	path string

	mu   sync.Mutex
	file keyFile
}

// keyFile is the file's content. Versions count from 1.
type keyFile struct {
	Current uint32            `json:"current"`
	Keys    map[uint32][]byte `json:"keys"` // base64 in the file
}

// Create writes a keyring file with one new key, and returns it. It fails with
// fs.ErrExist, and changes nothing, where there is a file.
func Create(path string) (*Keyring, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("make the keyring %s: %w", path, fs.ErrExist)
	}
	k := &Keyring{path: path}
	return k, k.Rotate()
}

// Load reads a keyring file. It refuses one that others than its owner can read,
// or, where it is root's, than this account's group: so a Secret of Kubernetes is
// given to a pod.
func Load(path string) (*Keyring, error) {
	k := &Keyring{path: path}
	return k, k.reload()
}

// Rotate adds a key and makes it the current one. When it returns nil the key
// is on disk for good; keys before it stay, for the values that they wrap.
func (k *Keyring) Rotate() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := keyFile{Current: k.file.Current + 1, Keys: maps.Clone(k.file.Keys)}
	if next.Keys == nil {
		next.Keys = map[uint32][]byte{}
	}
	key := make([]byte, dataKeySize)
	_, _ = rand.Read(key) // never fails
	next.Keys[next.Current] = key
	if err := write(k.path, next); err != nil {
		return fmt.Errorf("write the keyring: %w", err)
	}
	k.file = next
	return nil
}

// Wrap implements KeyService.
func (k *Keyring) Wrap(_ context.Context, dataKey, authenticated []byte) (uint32, []byte, error) {
	version, key := k.current()
	wrapped, err := encrypt(key, dataKey, authenticated)
	return version, wrapped, err
}

// Unwrap implements KeyService.
func (k *Keyring) Unwrap(_ context.Context, version uint32, wrapped, authenticated []byte) ([]byte, error) {
	key, err := k.key(version)
	if err != nil {
		return nil, err
	}
	return decrypt(key, wrapped, authenticated)
}

// Current implements KeyService.
func (k *Keyring) Current(context.Context) (uint32, error) {
	version, _ := k.current()
	return version, nil
}

func (k *Keyring) current() (uint32, []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.file.Current, k.file.Keys[k.file.Current]
}

func (k *Keyring) key(version uint32) ([]byte, error) {
	if key, ok := k.held(version); ok {
		return key, nil
	}
	if err := k.reload(); err != nil {
		return nil, err
	}
	if key, ok := k.held(version); ok {
		return key, nil
	}
	return nil, &UnknownKeyError{version}
}

func (k *Keyring) held(version uint32) ([]byte, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.file.Keys[version]
	return key, ok
}

func (k *Keyring) reload() error {
	file, err := read(k.path)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if file.Current < k.file.Current {
		return fmt.Errorf("the keyring %s was replaced by an older one: restore the newest", k.path)
	}
	k.file = file
	return nil
}

func read(path string) (keyFile, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return keyFile{}, fmt.Errorf("the keyring %s is missing, without which no stored secret can be read: restore it from a backup: %w", path, err)
	}
	if err != nil {
		return keyFile{}, fmt.Errorf("read the keyring: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && !groupOnly(info, os.Geteuid(), groups()) {
		return keyFile{}, fmt.Errorf("the keyring %s can be read by others (mode %04o): treat its keys as known, and close it with chmod 0600", path, mode)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return keyFile{}, fmt.Errorf("read the keyring: %w", err)
	}
	file, err := parse(text)
	if err != nil {
		return keyFile{}, fmt.Errorf("the keyring %s is damaged: %w: restore it from a backup", path, err)
	}
	return file, nil
}

// groupOnly says whether root has given the file to an account by one of its
// groups, to read only.
func groupOnly(info fs.FileInfo, account int, groups []int) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && owner.Uid == 0 && account != 0 && info.Mode().Perm()&0o037 == 0 && slices.Contains(groups, int(owner.Gid))
}

// groups are those of this process.
func groups() []int {
	more, _ := os.Getgroups() // without them the file is refused
	return append(more, os.Getegid())
}

// parse never lets bytes of the file into an error: they are keys.
func parse(text []byte) (keyFile, error) {
	var file keyFile
	if err := json.Unmarshal(text, &file); err != nil {
		return keyFile{}, errors.New("it is not as Souk writes it")
	}
	for version, key := range file.Keys {
		if version == 0 || len(key) != dataKeySize {
			return keyFile{}, fmt.Errorf("key %d is not one of %d bytes", version, dataKeySize)
		}
	}
	if file.Keys[file.Current] == nil {
		return keyFile{}, fmt.Errorf("its current key %d is not in it", file.Current)
	}
	return file, nil
}

// write replaces the file so that a crash leaves the old content or the new.
func write(path string, file keyFile) error {
	text, err := json.Marshal(file)
	if err != nil {
		return err
	}
	return durable.WriteFile(path, append(text, '\n'))
}
