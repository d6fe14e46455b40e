package shim

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

// Ready is what a shim writes to its ready file descriptor once it answers;
// anything else it writes there says why it does not.
const Ready = "ready"

// Args is the command line of a shim for the instance in folder. File
// descriptor 3 is the program itself, 4 is where it says that it is ready.
func Args(folder string) []string { return []string{"shim", "--dir", folder} }

const (
	programFD = 3
	readyFD   = 4
)

// Main is the command "souk shim": it serves one instance until it is told to
// shut down. It returns the exit code.
func Main(args []string) int {
	flags := flag.NewFlagSet("shim", flag.ContinueOnError)
	dir := flags.String("dir", "", "the instance's folder")
	if flags.Parse(args) != nil || *dir == "" {
		return 2
	}
	syscall.Close(programFD)
	syscall.CloseOnExec(readyFD)
	ready := os.NewFile(readyFD, "ready")
	// A shim is small: it gives memory back rather than keep it for later.
	debug.SetGCPercent(25)
	if err := serve(*dir, ready); err != nil {
		_, _ = fmt.Fprint(ready, err)
		return 1
	}
	return 0
}

func serve(dir string, ready io.WriteCloser) error {
	if err := os.Chdir(dir); err != nil {
		return err
	}
	syscall.Umask(0o027)
	logFile, err := os.OpenFile(ownLog, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	defer logFile.Close()
	log := slog.New(slog.NewTextHandler(logFile, nil))
	alone, err := beTheOne()
	if err != nil {
		return err
	}
	if alone == nil {
		return announce(ready) // another one answers
	}
	defer alone.Close()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// Caught and dropped, not ignored: an engine would inherit that a signal is
	// ignored, and lose one that reaches it before it has handlers of its own.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	go func() {
		<-terminated
		cancel()
	}()
	root, err := os.OpenRoot(".")
	if err != nil {
		return err
	}
	keeper := newKeeper(log)
	listener, err := listen()
	if err != nil {
		return err
	}
	go rotateLogs(ctx, log)
	keeper.resume()
	if err := announce(ready); err != nil {
		return err
	}
	log.Info("shim ready", "pid", os.Getpid())
	s := &server{files: files{root}, keeper: keeper, quit: cancel, turn: make(chan struct{}, 1), never: make(chan struct{})}
	return s.serve(ctx, listener)
}

// takeover is how long a shim that is ending may hold up the next one.
const takeover = 10 * time.Second

// beTheOne takes the instance's shim lock, or returns nil when another shim
// has it and answers.
func beTheOne() (*os.File, error) {
	for deadline := time.Now().Add(takeover); ; {
		held, err := lock(shimLock)
		if !errors.Is(err, errLocked) {
			return held, err
		}
		if _, err := NewClient(".").Status(context.Background()); err == nil {
			return nil, nil
		}
		if time.Now().After(deadline) {
			return nil, errors.New("another shim holds the instance and does not answer")
		}
		time.Sleep(5 * time.Millisecond) // the kernel tells nobody that a lock was let go
	}
}

// listen opens the socket to the shim's own user and to the run folder's
// group, which is the agent's.
func listen() (net.Listener, error) {
	if err := os.Remove(Socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	listener, err := net.Listen("unix", Socket)
	if err != nil {
		return nil, err
	}
	return listener, os.Chmod(Socket, 0o660)
}

func announce(ready io.WriteCloser) error {
	if _, err := io.WriteString(ready, Ready); err != nil {
		return err
	}
	return ready.Close()
}
