package shim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"souk/internal/shim/line"
)

// Client asks the shim of one instance. All methods are safe for concurrent
// use; what changes something waits its turn.
type Client struct{ socket string }

// NewClient is for the shim of the instance in folder.
func NewClient(folder string) *Client {
	return &Client{socket: filepath.Join(folder, Socket)}
}

// Error is what a shim says went wrong. errors.Is tells fs.ErrNotExist and
// syscall.ENOSPC.
type Error struct {
	Message string
	code    string
}

func (e *Error) Error() string { return e.Message }

// Is compares with the errors that a shim tells apart.
func (e *Error) Is(target error) bool {
	switch e.code {
	case codeNotExist:
		return target == fs.ErrNotExist
	case codeDiskFull:
		return target == syscall.ENOSPC
	}
	return false
}

// ExitError is a program that ended with a code other than 0.
type ExitError struct {
	Program string
	Code    int    // -1 when a signal ended it
	Output  []byte // its end
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s ended with code %d: %s", e.Program, e.Code, e.Output)
}

// Unreachable says whether the error means that no shim answers: none listens, or the one
// that did ended before it answered.
func Unreachable(err error) bool {
	return slices.ContainsFunc([]error{syscall.ENOENT, syscall.ECONNREFUSED, syscall.EPIPE, syscall.ECONNRESET, io.EOF, io.ErrUnexpectedEOF},
		func(gone error) bool { return errors.Is(err, gone) })
}

// Write replaces files, each whole or not at all.
func (c *Client) Write(ctx context.Context, files ...File) error {
	_, err := c.call(ctx, request{Op: opWrite, Files: files})
	return err
}

// Read returns the content of a file of at most 4 MiB.
func (c *Client) Read(ctx context.Context, path string) ([]byte, error) {
	resp, err := c.call(ctx, request{Op: opRead, Path: path})
	return resp.Data, err
}

// Rename moves a file or folder, for good once it returns nil.
func (c *Client) Rename(ctx context.Context, from, to string) error {
	_, err := c.call(ctx, request{Op: opRename, Path: from, To: to})
	return err
}

// Remove removes a file or a folder with all that is in it, if it is there.
func (c *Client) Remove(ctx context.Context, path string) error {
	_, err := c.call(ctx, request{Op: opRemove, Path: path})
	return err
}

// Exists says whether there is a file or folder.
func (c *Client) Exists(ctx context.Context, path string) (bool, error) {
	resp, err := c.call(ctx, request{Op: opExists, Path: path})
	return resp.Exists, err
}

// Usage returns the bytes that everything below path occupies on disk.
func (c *Client) Usage(ctx context.Context, path string) (int64, error) {
	resp, err := c.call(ctx, request{Op: opUsage, Path: path})
	return resp.Bytes, err
}

// Run carries out a command; it is killed when ctx ends. An exit code other
// than 0 is an error that shows the end of the output.
func (c *Client) Run(ctx context.Context, command Command) ([]byte, error) {
	resp, err := c.call(ctx, request{Op: opRun, Command: &command})
	if err != nil {
		return nil, err
	}
	if resp.Result == nil {
		return nil, errors.New("the shim gave no result")
	}
	if resp.Result.ExitCode != 0 {
		return resp.Result.Output, &ExitError{filepath.Base(command.Argv[0]), resp.Result.ExitCode, resp.Result.Output}
	}
	return resp.Result.Output, nil
}

// Start has the engine run and be kept running. It is idempotent.
func (c *Client) Start(ctx context.Context, engine Engine) error {
	_, err := c.call(ctx, request{Op: opStart, Engine: &engine})
	return err
}

// Stop ends the engine by a signal, and by force after timeout; it returns when
// the engine has ended. It is idempotent.
func (c *Client) Stop(ctx context.Context, signal syscall.Signal, timeout time.Duration) error {
	_, err := c.call(ctx, request{Op: opStop, Signal: int(signal), Timeout: timeout})
	return err
}

// Signal sends a signal to the running engine.
func (c *Client) Signal(ctx context.Context, signal syscall.Signal) error {
	_, err := c.call(ctx, request{Op: opSignal, Signal: int(signal)})
	return err
}

// Status tells what is true of the engine now.
func (c *Client) Status(ctx context.Context) (Status, error) {
	resp, err := c.call(ctx, request{Op: opStatus})
	if err != nil || resp.Status == nil {
		return Status{}, errors.Join(err, missing(resp.Status == nil))
	}
	return *resp.Status, nil
}

// Shutdown ends the shim, leaves the engine as it is, and returns when the
// shim's process has ended. Without a shim there is nothing to do.
func (c *Client) Shutdown(ctx context.Context) error {
	conn, err := line.Dial(ctx, c.socket)
	if Unreachable(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := conn.Send(request{Op: opShutdown}); err != nil {
		return err
	}
	for err == nil {
		err = conn.Receive(&response{})
	}
	return context.Cause(ctx)
}

// Watch calls each with the status now and after every change, until ctx ends
// or the shim does.
func (c *Client) Watch(ctx context.Context, each func(Status)) error {
	conn, err := line.Dial(ctx, c.socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := conn.Send(request{Op: opWatch}); err != nil {
		return err
	}
	for {
		var resp response
		if err := conn.Receive(&resp); err != nil {
			return err
		}
		if resp.Status != nil {
			each(*resp.Status)
		}
	}
}

func (c *Client) call(ctx context.Context, req request) (response, error) {
	var resp response
	if err := line.Call(ctx, c.socket, req, &resp); err != nil {
		return response{}, err
	}
	if resp.Error != "" {
		return resp, &Error{Message: resp.Error, code: resp.Code}
	}
	return resp, nil
}

func missing(is bool) error {
	if is {
		return errors.New("the shim gave no status")
	}
	return nil
}
