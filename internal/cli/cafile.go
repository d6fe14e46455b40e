package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"souk/internal/cli/config"
)

// writeCA keeps an instance's certificate authority beside the configuration
// and returns the file's path. A file that says the same is left alone, so that
// clients that read it are not disturbed.
func (a *App) writeCA(organization, project, instance, pem string) (string, error) {
	configuration, err := config.Path(a.Getenv)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(configuration), "ca")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("write the certificate authority: %w", err)
	}
	path := filepath.Join(dir, caFile(organization, project, instance))
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, []byte(pem)) {
		return path, nil
	}
	if err := config.WriteAtomic(path, []byte(pem), 0o644); err != nil {
		return "", fmt.Errorf("write the certificate authority: %w", err)
	}
	return path, nil
}

// caFile joins the names by a hyphen. Hyphens within a name are doubled, so
// that no two instances share a file.
func caFile(names ...string) string {
	for i, name := range names {
		names[i] = strings.ReplaceAll(filepath.Base(name), "-", "--")
	}
	return strings.Join(names, "-") + ".pem"
}
