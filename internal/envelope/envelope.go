// Package envelope encrypts secrets before they are stored: each under a data
// key of its own, which is wrapped by a versioned key that is not in the
// database and can be rotated without touching the data.
package envelope

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
)

// KeyService wraps data keys. A Keyring is one; production may use a service of
// its own. Its methods are safe for concurrent use.
type KeyService interface {
	// Wrap encrypts a data key under the current key and says which that is.
	// The same authenticated bytes have to be given to Unwrap.
	Wrap(ctx context.Context, dataKey, authenticated []byte) (version uint32, wrapped []byte, err error)
	// Unwrap returns the data key. ErrDamaged when wrapped or authenticated are
	// not those of Wrap; an UnknownKeyError when there is no such key.
	Unwrap(ctx context.Context, version uint32, wrapped, authenticated []byte) ([]byte, error)
	// Current returns the version that Wrap would use.
	Current(ctx context.Context) (uint32, error)
}

// ErrDamaged means that a sealed value is not as it was sealed, or was sealed
// in another context.
var ErrDamaged = errors.New("a sealed value cannot be opened: it was changed, or it belongs to something else")

// UnknownKeyError means that a value was sealed with a key that is not there
// any more, or not there yet.
type UnknownKeyError struct{ Version uint32 }

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("a sealed value needs key version %d, which the keyring does not hold: restore the keyring that holds it", e.Version)
}

// Envelope seals and opens secrets. It is safe for concurrent use.
type Envelope struct{ keys KeyService }

// New returns an Envelope on a key service.
func New(keys KeyService) *Envelope { return &Envelope{keys} }

// dataKeySize is that of AES-256.
const dataKeySize = 32

// Seal encrypts plaintext. The context says what the secret belongs to (a table
// and an ID, say) and has to be given again to open it, so that a value that was
// moved to another row does not open there.
func (e *Envelope) Seal(ctx context.Context, sealContext string, plaintext []byte) ([]byte, error) {
	dataKey := make([]byte, dataKeySize)
	_, _ = rand.Read(dataKey) // never fails
	defer clear(dataKey)
	version, wrapped, err := e.keys.Wrap(ctx, dataKey, authenticated("key", sealContext))
	if err != nil {
		return nil, fmt.Errorf("seal a value: %w", err)
	}
	body, err := encrypt(dataKey, plaintext, authenticated("data", sealContext))
	if err != nil {
		return nil, fmt.Errorf("seal a value: %w", err)
	}
	return encode(parts{version, wrapped, body})
}

// Open returns what was sealed in the same context, ErrDamaged, or an
// UnknownKeyError.
func (e *Envelope) Open(ctx context.Context, sealContext string, sealed []byte) ([]byte, error) {
	p, err := decode(sealed)
	if err != nil {
		return nil, err
	}
	dataKey, err := e.keys.Unwrap(ctx, p.version, p.wrapped, authenticated("key", sealContext))
	if err != nil {
		return nil, err
	}
	defer clear(dataKey)
	return decrypt(dataKey, p.body, authenticated("data", sealContext))
}

// Rewrap returns the sealed value with its data key wrapped under the current
// key, and whether that is another value than before. The secret itself is
// neither decrypted nor encrypted again.
func (e *Envelope) Rewrap(ctx context.Context, sealContext string, sealed []byte) ([]byte, bool, error) {
	p, err := decode(sealed)
	if err != nil {
		return nil, false, err
	}
	current, err := e.keys.Current(ctx)
	if err != nil {
		return nil, false, err
	}
	if p.version == current {
		return sealed, false, nil
	}
	dataKey, err := e.keys.Unwrap(ctx, p.version, p.wrapped, authenticated("key", sealContext))
	if err != nil {
		return nil, false, err
	}
	defer clear(dataKey)
	if p.version, p.wrapped, err = e.keys.Wrap(ctx, dataKey, authenticated("key", sealContext)); err != nil {
		return nil, false, fmt.Errorf("rewrap a value: %w", err)
	}
	again, err := encode(p)
	return again, err == nil, err
}

// authenticated keeps the two ciphertexts of one value apart, and values of
// one context from those of another.
func authenticated(part, sealContext string) []byte {
	return []byte("souk/envelope/1\x00" + part + "\x00" + sealContext)
}

// encrypt returns nonce and AES-256-GCM ciphertext.
func encrypt(key, plaintext, authenticated []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, plaintext, authenticated), nil
}

func decrypt(key, sealed, authenticated []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, ErrDamaged
	}
	plain, err := aead.Open(nil, nil, sealed, authenticated)
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	if len(key) != dataKeySize {
		return nil, fmt.Errorf("a key has %d bytes, want %d", len(key), dataKeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
