package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
)

// A sealed value is: format (1 byte), key ID (4), nonce (12), AES-256-GCM
// ciphertext and tag. Bucket and key are authenticated with it, so that a value
// that was moved elsewhere does not open.
const (
	sealFormat = 1
	sealHeader = 1 + 4
	nonceSize  = 12
)

// CorruptError says which value on disk cannot be read.
type CorruptError struct {
	Bucket string
	Key    string
	Err    error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("the value %q in the agent's %q records is damaged: %v", e.Key, e.Bucket, e.Err)
}

// Unwrap returns the cause.
func (e *CorruptError) Unwrap() error { return e.Err }

func (r *keyring) seal(bucket string, key, plain []byte) ([]byte, error) {
	current := r.current().ID
	sealed := make([]byte, sealHeader+nonceSize, sealHeader+nonceSize+len(plain)+16)
	sealed[0] = sealFormat
	binary.BigEndian.PutUint32(sealed[1:], current)
	nonce := sealed[sealHeader : sealHeader+nonceSize]
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("seal a value: %w", err)
	}
	return r.aead[current].Seal(sealed, nonce, plain, sealedWith(bucket, key)), nil
}

// open returns the plain value, or a CorruptError.
func (r *keyring) open(bucket string, key, sealed []byte) ([]byte, error) {
	corrupt := func(err error) error {
		return &CorruptError{Bucket: bucket, Key: printable(bucket, key), Err: err}
	}
	if len(sealed) < sealHeader+nonceSize || sealed[0] != sealFormat {
		return nil, corrupt(errors.New("not in a known format"))
	}
	aead, known := r.aead[sealedBy(sealed)]
	if !known {
		return nil, corrupt(fmt.Errorf("sealed with key %d, which is not in the key file", sealedBy(sealed)))
	}
	nonce, text := sealed[sealHeader:sealHeader+nonceSize], sealed[sealHeader+nonceSize:]
	plain, err := aead.Open(nil, nonce, text, sealedWith(bucket, key))
	if err != nil {
		return nil, corrupt(errors.New("it was changed since it was written"))
	}
	return plain, nil
}

// sealedBy returns the ID of the key that a well-formed value is sealed with.
func sealedBy(sealed []byte) uint32 {
	return binary.BigEndian.Uint32(sealed[1:sealHeader])
}

func sealedWith(bucket string, key []byte) []byte {
	aad := make([]byte, 0, len("souk-agent/1")+len(bucket)+len(key)+2)
	aad = append(aad, "souk-agent/1\x00"...)
	aad = append(aad, bucket...)
	aad = append(aad, 0)
	return append(aad, key...)
}

func printable(bucket string, key []byte) string {
	if bucket == bucketOutbox && len(key) >= 8 {
		return fmt.Sprintf("%d of %s", binary.BigEndian.Uint64(key), key[8:])
	}
	return string(key)
}
