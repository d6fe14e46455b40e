// Package lifeline ends a program when the launcher that started it is gone,
// however that went: the kernel closes the launcher's end of a pipe with it.
package lifeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Env names the descriptor of the pipe that the launcher holds the other end of.
const Env = "SOUK_LIFELINE_FD"

// Grace is how long a program has to stop by itself once its launcher is gone.
const Grace = 1500 * time.Millisecond

// ErrLauncherGone is the cause of a context that ended with the launcher.
var ErrLauncherGone = errors.New("the launcher that started this program is gone")

// Context returns a context that ends with ctx or when the launcher is gone;
// Grace after the latter the program is ended where it stands. Without a
// launcher it is ctx. Call it once, before any other program is started: it
// keeps the pipe from being passed on.
func Context(ctx context.Context) (context.Context, error) {
	text, set := os.LookupEnv(Env)
	if !set {
		return ctx, nil
	}
	if err := os.Unsetenv(Env); err != nil {
		return nil, err
	}
	fd, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%s is set by souk dev alone; unset it", Env)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("%s is set by souk dev alone; unset it: %w", Env, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	go watch(os.NewFile(uintptr(fd), "lifeline"), cancel)
	return ctx, nil
}

// watch waits for the end of the pipe, into which nobody ever writes.
func watch(pipe *os.File, cancel context.CancelCauseFunc) {
	_, _ = pipe.Read(make([]byte, 1))
	cancel(ErrLauncherGone)
	time.AfterFunc(Grace, func() { os.Exit(1) })
}
