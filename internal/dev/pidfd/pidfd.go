// Package pidfd holds on to processes that are not our children, so that a
// number that has come to mean another process is never signalled.
package pidfd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Process is one that ran when it was opened. It has to be closed.
type Process struct {
	PID int
	fd  int
}

// Open holds on to a running process. It fails when there is none.
func Open(pid int) (Process, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	return Process{pid, fd}, err
}

// Close lets go of it.
func (p Process) Close() { _ = unix.Close(p.fd) }

// Signal sends a signal. It fails when the process has ended.
func (p Process) Signal(sig unix.Signal) error { return unix.PidfdSendSignal(p.fd, sig, nil, 0) }

// turn is how long Await is deaf to its context.
const turn = 100 * time.Millisecond

// Await reports whether the process ended before the deadline.
func (p Process) Await(ctx context.Context, deadline time.Time) (bool, error) {
	for {
		left := max(0, time.Until(deadline))
		fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int((min(left, turn)+time.Millisecond-1)/time.Millisecond))
		switch {
		case n > 0:
			return true, nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return false, fmt.Errorf("wait for process %d: %w", p.PID, err)
		case ctx.Err() != nil:
			return false, ctx.Err()
		case left == 0:
			return false, nil
		}
	}
}
