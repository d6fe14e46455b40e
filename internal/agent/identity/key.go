package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"souk/internal/agent/durable"
	"souk/internal/step"
)

var stepKeyWritten = step.New("agent/key-written")

// pendingKey returns the key that the next certificate is asked for: one that
// an earlier attempt left behind, or else a new one. It is durable before it is
// used, so that an attempt cut short is repeated with the same key and the
// control plane knows it for a repeat.
func (f *Folder) pendingKey() (keyPEM string, err error) {
	text, err := os.ReadFile(f.pendingPath())
	if err == nil {
		if _, err := parseKey(text); err == nil {
			return string(text), nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the agent's next key: %w", err)
	}
	text, err = newKey()
	if err != nil {
		return "", err
	}
	if err := durable.WriteFile(f.pendingPath(), text); err != nil {
		return "", err
	}
	stepKeyWritten.Done()
	return string(text), nil
}

// forgetUsedKey drops a pending key that has become the identity's, so that the
// next certificate gets a new one.
func (f *Folder) forgetUsedKey(id *Identity) error {
	text, err := os.ReadFile(f.pendingPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the agent's next key: %w", err)
	}
	if string(text) != id.Key {
		return nil
	}
	return durable.Remove(f.pendingPath())
}

func newKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a private key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make a private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func parseKey(text []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("not a PEM file")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("not an ECDSA key")
	}
	return private, nil
}

func certificateRequest(keyPEM string) (string, error) {
	key, err := parseKey([]byte(keyPEM))
	if err != nil {
		return "", fmt.Errorf("read the agent's next key: %w", err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return "", fmt.Errorf("make a certificate request: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), nil
}
