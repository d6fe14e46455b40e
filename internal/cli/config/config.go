// Package config keeps the command line's contexts: which server to talk to,
// as whom, and about which project.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"sigs.k8s.io/yaml"
)

// File is the whole configuration.
type File struct {
	Current  string    `json:"current,omitempty"` // name of the context in use
	Contexts []Context `json:"contexts"`
}

// Context is one server and one identity.
type Context struct {
	Name         string `json:"name"`
	Server       string `json:"server"`       // URL
	CA           string `json:"ca,omitempty"` // path of a PEM file; a relative one begins at the configuration's folder
	Organization string `json:"organization,omitempty"`
	Project      string `json:"project,omitempty"`
	Token        string `json:"token,omitempty"`
}

// Path returns where the configuration is: $SOUK_CONFIG, or souk/config.yaml in
// the user's configuration folder.
func Path(getenv func(string) string) (string, error) {
	if path := getenv("SOUK_CONFIG"); path != "" {
		return filepath.Abs(path)
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("cannot tell where the configuration belongs (%w): set SOUK_CONFIG to a file", err)
	}
	return filepath.Join(dir, "souk", "config.yaml"), nil
}

// Load reads the configuration. One that does not exist is empty.
func Load(path string) (*File, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &File{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	f := &File{}
	if err := yaml.UnmarshalStrict(text, f); err != nil {
		// The parser's own words may quote a token.
		return nil, fmt.Errorf("the configuration %s is not valid: it holds `current` and `contexts` with name, server, ca, organization, project and token; correct it, or move it away and sign in again", path)
	}
	return f, nil
}

// Save writes the configuration, readable by its owner only. Readers see the
// old one or the new one, never a part.
func (f *File) Save(path string) error {
	text, err := yaml.Marshal(f)
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a link stays a link
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if err := WriteAtomic(path, text, 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// Context returns the context of this name.
func (f *File) Context(name string) (Context, bool) {
	i := f.index(name)
	if i < 0 {
		return Context{}, false
	}
	return f.Contexts[i], true
}

// Set adds the context, or replaces the one of the same name.
func (f *File) Set(c Context) {
	if i := f.index(c.Name); i >= 0 {
		f.Contexts[i] = c
		return
	}
	f.Contexts = append(f.Contexts, c)
}

// Names returns the contexts' names, in the file's order.
func (f *File) Names() []string {
	names := make([]string, len(f.Contexts))
	for i, c := range f.Contexts {
		names[i] = c.Name
	}
	return names
}

func (f *File) index(name string) int {
	return slices.IndexFunc(f.Contexts, func(c Context) bool { return c.Name == name })
}
