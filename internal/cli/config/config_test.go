package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"souk/internal/cli/config"
)

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "config.yaml")
	f := &config.File{Current: "acme"}
	f.Set(config.Context{Name: "acme", Server: "http://127.0.0.1:8080", Organization: "acme", Project: "default", Token: "t1"})
	f.Set(config.Context{Name: "globex", Server: "http://127.0.0.1:8080"})
	f.Set(config.Context{Name: "acme", Server: "http://127.0.0.1:8080", Token: "t2"})
	if err := f.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := got.Context("acme"); !ok || c.Token != "t2" || len(got.Contexts) != 2 || got.Current != "acme" {
		t.Errorf("%+v", got)
	}
}

func TestOnlyTheOwnerCanRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "souk")
	path := filepath.Join(dir, "config.yaml")
	if err := (&config.File{}).Save(path); err != nil {
		t.Fatal(err)
	}
	mode(t, dir, 0o700)
	mode(t, path, 0o600)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := (&config.File{}).Save(path); err != nil {
		t.Fatal(err)
	}
	mode(t, path, 0o600)
}

func mode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want {
		t.Errorf("%s has mode %o, want %o", path, got, want)
	}
}

func TestALinkStaysALink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "config.yaml")
	target := filepath.Join(dir, "real.yaml")
	if err := os.WriteFile(target, []byte("contexts: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := (&config.File{Current: "x"}).Save(link); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(target); !strings.Contains(string(text), "current: x") {
		t.Errorf("the target holds %q", text)
	}
}

func TestAbsentIsEmpty(t *testing.T) {
	f, err := config.Load(filepath.Join(t.TempDir(), "none.yaml"))
	if err != nil || len(f.Contexts) != 0 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestBrokenIsExplainedWithoutItsSecrets(t *testing.T) {
	for _, text := range []string{"contexts: [{name: a, tokn: hunter2}]", "token: hunter2: x", "hunter2"} {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(path)
		if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestUpdatesDoNotLoseEachOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			err := config.Update(path, func(f *config.File) error {
				f.Set(config.Context{Name: fmt.Sprint(i)})
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f, err := config.Load(path)
	if err != nil || len(f.Contexts) != 20 {
		t.Errorf("%d contexts, %v", len(f.Contexts), err)
	}
}

func TestPath(t *testing.T) {
	got, err := config.Path(func(key string) string { return map[string]string{"SOUK_CONFIG": "/x/cli.yaml"}[key] })
	if err != nil || got != "/x/cli.yaml" {
		t.Errorf("%s, %v", got, err)
	}
	t.Setenv("XDG_CONFIG_HOME", "/home/a/.config")
	got, err = config.Path(func(string) string { return "" })
	if err != nil || got != "/home/a/.config/souk/config.yaml" {
		t.Errorf("%s, %v", got, err)
	}
}
