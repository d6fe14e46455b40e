package dev

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
)

const (
	logMost   = 10 << 20 // bytes, beyond which a log is put aside at the next start
	tailLines = 10
	tailBytes = 4096
)

// openLog opens a child's log for appending, and tells where it now ends. One
// that has grown big is put aside first, in the place of the one before.
func (f folders) openLog(name string) (*os.File, int64, error) {
	path := f.path("log", name+".log")
	if info, err := os.Stat(path); err == nil && info.Size() > logMost {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, 0, fmt.Errorf("put a big log aside: %w", err)
		}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("open a log: %w", err)
	}
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		file.Close()
		return nil, 0, fmt.Errorf("open a log: %w", err)
	}
	return file, end, nil
}

// tail returns the last lines that were written to a log after the offset.
func (f folders) tail(name string, after int64) []string {
	file, err := os.Open(f.path("log", name+".log"))
	if err != nil {
		return nil
	}
	defer file.Close()
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil
	}
	from := max(after, end-tailBytes)
	text := make([]byte, max(0, end-from))
	n, _ := file.ReadAt(text, from)
	text = bytes.TrimSpace(text[:n])
	if len(text) == 0 {
		return nil
	}
	lines := strings.Split(string(text), "\n")
	return lines[max(0, len(lines)-tailLines):]
}
