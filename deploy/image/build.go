package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// account is the one that the program runs as; it owns no file of the image.
const account = 65532

// file is one of the image's.
type file struct {
	name    string
	mode    int64
	content []byte
}

// build makes the image: the program, an account for it, a folder for what is
// temporary, and nothing else, so no shell.
func build(program, version, arch string) (v1.Image, error) {
	binary, err := os.ReadFile(program)
	if err != nil {
		return nil, fmt.Errorf("read the program; make build makes it: %w", err)
	}
	layer, err := layerOf([]file{
		{"etc/", 0o755, nil},
		{"etc/group", 0o644, []byte(fmt.Sprintf("souk:x:%d:\n", account))},
		{"etc/passwd", 0o644, []byte(fmt.Sprintf("souk:x:%d:%d::/nonexistent:/nonexistent\n", account, account))},
		{"souk", 0o755, binary},
		{"tmp/", 0o1777, nil},
	})
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: "make image", Created: v1.Time{Time: epoch}}})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", arch, v1.Time{Time: epoch}
	config.Config = v1.Config{
		User:       strconv.Itoa(account) + ":" + strconv.Itoa(account),
		Entrypoint: []string{"/souk"},
		WorkingDir: "/",
		Env:        []string{"TZ=UTC"},
		Labels: map[string]string{
			"org.opencontainers.image.title":    "souk",
			"org.opencontainers.image.version":  version,
			"org.opencontainers.image.licenses": "Apache-2.0",
		},
	}
	return mutate.ConfigFile(image, config)
}

// epoch is when everything in the image was made: a real time would make another
// image of the same program.
var epoch = time.Unix(0, 0).UTC()

func layerOf(files []file) (v1.Layer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), ModTime: epoch, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if f.content == nil {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
}
