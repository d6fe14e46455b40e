package dev

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// LockedError means that another launcher runs on the data folder.
type LockedError struct {
	Folder string
	PID    int // of the other; 0 when it is not known
}

func (e *LockedError) Error() string {
	who, how := "another souk dev", "press Ctrl-C in its terminal"
	if e.PID > 0 {
		who = fmt.Sprintf("another souk dev (process %d)", e.PID)
		how += fmt.Sprintf(" or run `kill %d`", e.PID)
	}
	return fmt.Sprintf("%s runs on the data folder %s: stop it first (%s), or choose another folder with --data-dir or SOUK_DATA_DIR", who, e.Folder, how)
}

// lock takes the data folder for this process, until the file is closed or the
// process ends in whatever way.
func (f folders) lock() (*os.File, error) {
	file, err := os.OpenFile(f.path("lock"), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		defer file.Close()
		text, _ := io.ReadAll(io.LimitReader(file, 32))
		pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		return nil, &LockedError{Folder: f.root, PID: pid}
	}
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil {
		_, err = fmt.Fprintf(file, "%d\n", os.Getpid())
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock the data folder %s: %w", f.root, err)
	}
	return file, nil
}
