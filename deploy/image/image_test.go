package main

import (
	"archive/tar"
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func program(t *testing.T, content string) string {
	path := filepath.Join(t.TempDir(), "souk")
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func made(t *testing.T, program, version string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "souk.oci.tar")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"build", "-program", program, "-version", version, "-arch", "amd64", "-out", path}, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), " sha256:") {
		t.Errorf("it says %q", &out)
	}
	archive, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

func TestSameProgramGivesTheSameImage(t *testing.T) {
	one := program(t, "the program")
	first := made(t, one, "v1")
	later := time.Now().Add(48 * time.Hour)
	if err := os.Chtimes(one, later, later); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, made(t, one, "v1")) {
		t.Error("two builds of one program differ")
	}
	if !bytes.Equal(first, made(t, program(t, "the program"), "v1")) {
		t.Error("the program's folder makes a difference")
	}
	for _, other := range [][]byte{made(t, one, "v2"), made(t, program(t, "another"), "v1")} {
		if bytes.Equal(first, other) {
			t.Error("another program or version gives the same image")
		}
	}
}

func TestWhatIsInTheImage(t *testing.T) {
	image, err := build(program(t, "the program"), "v1", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := config.Config
	if c.User != "65532:65532" || len(c.Entrypoint) != 1 || c.Entrypoint[0] != "/souk" || c.Labels["org.opencontainers.image.version"] != "v1" {
		t.Errorf("it is configured as %+v", c)
	}
	if config.OS != "linux" || config.Architecture != "amd64" {
		t.Errorf("it is for %s/%s", config.OS, config.Architecture)
	}
	want := map[string]int64{"etc": 0o755, "etc/group": 0o644, "etc/passwd": 0o644, "souk": 0o755, "tmp": 0o1777}
	for name, mode := range filesOf(t, image) {
		if want[name] != mode {
			t.Errorf("it has %s with mode %o", name, mode)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("it lacks %v", want)
	}
}

func filesOf(t *testing.T, image v1.Image) map[string]int64 {
	t.Helper()
	content := mutate.Extract(image)
	defer content.Close()
	files := map[string]int64{}
	for r := tar.NewReader(content); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%s belongs to %d:%d", h.Name, h.Uid, h.Gid)
		}
		files[h.Name] = h.Mode
	}
}

func TestPush(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	archive := filepath.Join(t.TempDir(), "souk.oci.tar")
	if err := run(t.Context(), []string{"build", "-program", program(t, "the program"), "-version", "v1", "-out", archive}, io.Discard); err != nil {
		t.Fatal(err)
	}
	to := strings.TrimPrefix(server.URL, "http://") + "/some/souk:v1"
	var out bytes.Buffer
	if err := run(t.Context(), []string{"push", "-from", archive, "-plain-http", to}, &out); err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewTag(to, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if want := to + "@" + digest.String() + "\n"; out.String() != want {
		t.Errorf("it says %q, not %q", &out, want)
	}
	if _, ok := filesOf(t, image)["souk"]; !ok {
		t.Error("the program did not arrive")
	}
}

func TestRefused(t *testing.T) {
	damaged := program(t, "no archive")
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"nothing", nil, "say what to do"},
		{"unknown", []string{"bake"}, "bake"},
		{"no program", []string{"build", "-program", "absent", "-out", filepath.Join(t.TempDir(), "x")}, "make build"},
		{"no tag", []string{"push", "-from", damaged, "registry.example/souk"}, "REGISTRY/NAME:TAG"},
		{"no name", []string{"push"}, "REGISTRY/NAME:TAG"},
		{"damaged", []string{"push", "-from", damaged, "registry.example/souk:v1"}, "read the image"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := run(t.Context(), c.args, io.Discard)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}
