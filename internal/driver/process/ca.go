package process

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"souk/internal/agent/durable"
	"souk/internal/pki"
)

// openCA loads the zone's certificate authority, or makes it at the first
// start. Its key is made here and never leaves this folder.
func openCA(dir string, now time.Time) (*pki.CA, error) {
	path := filepath.Join(dir, "ca.pem")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeCA(path, now)
	}
	if err != nil {
		return nil, err
	}
	cert, rest := pem.Decode(text)
	if cert == nil {
		return nil, fmt.Errorf("%s holds no certificate authority; put it back from a backup: clients trust no other", path)
	}
	ca, err := pki.LoadCA(pki.Pair{Cert: pem.EncodeToMemory(cert), Key: rest})
	if err != nil {
		return nil, fmt.Errorf("%s: %w; put it back from a backup: clients trust no other", path, err)
	}
	return ca, nil
}

func makeCA(path string, now time.Time) (*pki.CA, error) {
	ca, err := pki.NewCA("Souk zone authority", now)
	if err != nil {
		return nil, err
	}
	pair, err := ca.Pair()
	if err != nil {
		return nil, err
	}
	return ca, durable.WriteFile(path, append(pair.Cert, pair.Key...))
}
