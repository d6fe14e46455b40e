package main

import (
	"context"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// push uploads the image, signed in as ~/.docker/config.json says.
func push(ctx context.Context, file, to string, plain bool, out io.Writer) error {
	var options []name.Option
	if plain {
		options = append(options, name.Insecure)
	}
	ref, err := name.NewTag(to, append(options, name.StrictValidation)...)
	if err != nil {
		return fmt.Errorf("%s is not REGISTRY/NAME:TAG: %w", to, err)
	}
	image, end, err := readArchive(file)
	if err != nil {
		return err
	}
	defer end()
	if err := remote.Write(ref, image, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
		return fmt.Errorf("push to %s: %w", ref, err)
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s@%s\n", ref, digest)
	return nil
}
