package devpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"souk/internal/dev/pidfd"
)

// Patience is how long StopLeftover waits for each of its three ways to end a
// server, from the gentlest on.
const Patience = 10 * time.Second

// StopLeftover ends every process of a server that still runs in the folder
// data, as after the launcher was killed, and returns how many there were. A
// server that is shutting down already is waited for.
func StopLeftover(ctx context.Context, data string) (int, error) {
	found, err := running(data)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	defer func() {
		for _, p := range found {
			p.Close()
		}
	}()
	for _, sig := range []unix.Signal{unix.SIGINT, unix.SIGQUIT, unix.SIGKILL} {
		if sig == unix.SIGINT && !signalPostmaster(found, data) {
			continue // its master is gone: the rest does not understand SIGINT as "end"
		}
		if sig != unix.SIGINT {
			signalAll(found, sig)
		}
		ended, err := awaitAll(ctx, found)
		if ended || err != nil {
			return len(found), err
		}
	}
	return len(found), fmt.Errorf("a PostgreSQL still runs in %s and cannot be stopped: process %d", data, found[0].PID)
}

// running finds the server's processes: every one of them works in its folder.
func running(data string) ([]pidfd.Process, error) {
	folder, err := os.Stat(data)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for a leftover PostgreSQL: %w", err)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("look for a leftover PostgreSQL: %w", err)
	}
	var found []pidfd.Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		p, err := pidfd.Open(pid)
		if err != nil {
			continue
		}
		if !isServer(pid, folder) {
			p.Close()
			continue
		}
		found = append(found, p)
	}
	return found, nil
}

func isServer(pid int, folder os.FileInfo) bool {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	program, err := os.Readlink(proc + "/exe")
	if err != nil || !strings.HasPrefix(filepath.Base(program), "postgres") {
		return false
	}
	cwd, err := os.Stat(proc + "/cwd")
	return err == nil && os.SameFile(cwd, folder)
}

func signalPostmaster(found []pidfd.Process, data string) bool {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return false
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return false
	}
	for _, p := range found {
		if p.PID == pid {
			return p.Signal(unix.SIGINT) == nil
		}
	}
	return false
}

func signalAll(found []pidfd.Process, sig unix.Signal) {
	for _, p := range found {
		_ = p.Signal(sig)
	}
}

// awaitAll reports whether all processes ended within the patience.
func awaitAll(ctx context.Context, found []pidfd.Process) (bool, error) {
	deadline := time.Now().Add(Patience)
	for _, p := range found {
		if ended, err := p.Await(ctx, deadline); !ended || err != nil {
			return false, err
		}
	}
	return true, nil
}
