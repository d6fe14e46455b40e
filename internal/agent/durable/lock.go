package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Lock is the exclusive use of a folder by one process. The kernel ends it
// with the process, however that ends.
type Lock struct{ file *os.File }

// LockedError says that another process uses the folder.
type LockedError struct {
	Folder string
	PID    int // of the other process; 0 when it is not known
}

func (e *LockedError) Error() string {
	who := "another agent"
	if e.PID > 0 {
		who = fmt.Sprintf("another agent (process %d)", e.PID)
	}
	return fmt.Sprintf("%s is already running on the data folder %s; stop it first, or give this one a folder of its own", who, e.Folder)
}

// LockFolder takes the folder for this process, or returns a LockedError.
func LockFolder(folder string) (*Lock, error) {
	file, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		defer file.Close()
		return nil, &LockedError{Folder: folder, PID: holder(file)}
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock the data folder %s: %w", folder, err)
	}
	if err := file.Truncate(0); err == nil {
		_, _ = fmt.Fprintf(file, "%d\n", os.Getpid())
	}
	return &Lock{file: file}, nil
}

// Unlock gives the folder back.
func (l *Lock) Unlock() error { return l.file.Close() }

func holder(file *os.File) int {
	text, err := io.ReadAll(io.LimitReader(file, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
