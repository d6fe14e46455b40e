package process

import (
	"bytes"
	"context"
	"errors"
	"io/fs"

	"souk/internal/shim"
)

// ReadIfThere reads a file; one that is not there is empty.
func (h *Host) ReadIfThere(ctx context.Context, path string) ([]byte, error) {
	text, err := h.Read(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// WriteIfChanged writes those files that are not as they should be.
func (h *Host) WriteIfChanged(ctx context.Context, files ...shim.File) error {
	var changed []shim.File
	for _, file := range files {
		current, err := h.ReadIfThere(ctx, file.Path)
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
	return h.Write(ctx, changed...)
}
