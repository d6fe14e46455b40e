package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"souk/internal/agent/durable"
)

// keyring holds the keys that the values on disk are sealed with. New values
// use the last one; older ones stay until no value needs them.
type keyring struct {
	path string
	keys []sealingKey // in ascending order of ID
	aead map[uint32]cipher.AEAD
}

type sealingKey struct {
	ID     uint32    `json:"id"`
	Secret []byte    `json:"secret"`
	Made   time.Time `json:"made"`
}

// loadKeyring reads the key file; fs.ErrNotExist when there is none.
func loadKeyring(path string) (*keyring, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	ring := &keyring{path: path}
	if err := json.Unmarshal(text, &ring.keys); err != nil || len(ring.keys) == 0 {
		return nil, fmt.Errorf("the key file %s is damaged: restore it from a backup, or move the agent's data folder away and enrol anew", path)
	}
	return ring, ring.prepare()
}

// newKeyring writes a key file with one fresh key.
func newKeyring(path string, now time.Time) (*keyring, error) {
	ring := &keyring{path: path}
	return ring, ring.add(now)
}

// openKeyring reads the key file, or makes one where there is no cache yet
// that an absent key would make unreadable.
func openKeyring(path, cachePath string, now time.Time) (*keyring, error) {
	ring, err := loadKeyring(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return ring, err
	}
	if _, err := os.Stat(cachePath); err == nil {
		return nil, fmt.Errorf("the key file %s is missing, without which %s cannot be read: restore the key file, or move the agent's data folder away and enrol anew", path, cachePath)
	}
	return newKeyring(path, now)
}

// current is the key that new values are sealed with.
func (r *keyring) current() sealingKey { return r.keys[len(r.keys)-1] }

// add makes a new key the current one, durably.
func (r *keyring) add(now time.Time) error {
	next := sealingKey{ID: 1, Secret: make([]byte, 32), Made: now.UTC()}
	if len(r.keys) > 0 {
		next.ID = r.current().ID + 1
	}
	if _, err := rand.Read(next.Secret); err != nil {
		return fmt.Errorf("make a cache key: %w", err)
	}
	return r.keep(append(slices.Clone(r.keys), next))
}

// retire forgets all keys but the current one, durably.
func (r *keyring) retire() error {
	return r.keep([]sealingKey{r.current()})
}

func (r *keyring) keep(keys []sealingKey) error {
	text, err := json.Marshal(keys)
	if err != nil {
		return fmt.Errorf("write the key file: %w", err)
	}
	if err := durable.WriteFile(r.path, text); err != nil {
		return err
	}
	r.keys = keys
	return r.prepare()
}

func (r *keyring) prepare() error {
	r.aead = make(map[uint32]cipher.AEAD, len(r.keys))
	for _, key := range r.keys {
		block, err := aes.NewCipher(key.Secret)
		if err != nil {
			return fmt.Errorf("the key file %s is damaged: key %d: %w", r.path, key.ID, err)
		}
		if r.aead[key.ID], err = cipher.NewGCM(block); err != nil {
			return fmt.Errorf("the key file %s is damaged: key %d: %w", r.path, key.ID, err)
		}
	}
	return nil
}
