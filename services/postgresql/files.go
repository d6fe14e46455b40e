package postgresql

import (
	"bytes"
	"context"
	"errors"
	"io/fs"

	"souk/internal/driver/process"
	"souk/internal/shim"
)

// readIfThere reads a file; one that is not there is empty.
func readIfThere(ctx context.Context, host *process.Host, path string) ([]byte, error) {
	text, err := host.Read(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// writeIfChanged writes those files that are not as they should be.
func writeIfChanged(ctx context.Context, host *process.Host, files ...shim.File) error {
	var changed []shim.File
	for _, file := range files {
		current, err := readIfThere(ctx, host, file.Path)
		if err != nil {
			return err
		}
		if !bytes.Equal(current, file.Data) {
			changed = append(changed, file)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	return host.Write(ctx, changed...)
}
