// Package line speaks JSON lines over unix sockets: one request a line, one
// answer a line. The shim and the supervisor share it.
package line

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Max is the length of the longest line taken, in bytes. Whoever sends more is
// cut off.
const Max = 8 << 20

// Conn is a connection that carries JSON lines. One reader and one writer may
// use it at the same time.
type Conn struct {
	net.Conn
	reader *bufio.Reader
}

// New wraps a connection.
func New(c net.Conn) *Conn {
	return &Conn{Conn: c, reader: bufio.NewReader(c)}
}

// Dial connects to a unix socket.
func Dial(ctx context.Context, path string) (*Conn, error) {
	c, err := DialUnix(ctx, path)
	if err != nil {
		return nil, err
	}
	return New(c), nil
}

// DialUnix connects to a unix socket. The path may be of any length, although
// the kernel takes no more than 107 bytes of one. Who answers must be the owner
// of the folder that the socket lies in: an instance, which owns its run folder,
// could put there a link to the socket of another instance, and have done to
// that one what is meant for itself.
func DialUnix(ctx context.Context, path string) (net.Conn, error) {
	folder, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: filepath.Dir(path), Err: err}
	}
	defer unix.Close(folder)
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", "/proc/self/fd/"+strconv.Itoa(folder)+"/"+filepath.Base(path))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", path, err)
	}
	if err := answeredByOwner(c, folder); err != nil {
		c.Close()
		return nil, fmt.Errorf("connect to %s: %w", path, err)
	}
	return c, nil
}

// answeredByOwner refuses a connection that others than the folder's owner
// listen for.
func answeredByOwner(c net.Conn, folder int) error {
	var stat unix.Stat_t
	if err := unix.Fstat(folder, &stat); err != nil {
		return err
	}
	uid, err := Peer(c)
	if err != nil {
		return err
	}
	if uid != stat.Uid {
		return fmt.Errorf("user %d answers there, not the folder's owner, user %d", uid, stat.Uid)
	}
	return nil
}

// Send writes one line.
func (c *Conn) Send(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(text) >= Max {
		return fmt.Errorf("a message of %d bytes is too long; at most %d", len(text), Max)
	}
	_, err = c.Write(append(text, '\n'))
	return err
}

// Receive reads one line into v. At the end of the connection it returns io.EOF.
func (c *Conn) Receive(v any) error {
	var text []byte
	for {
		part, err := c.reader.ReadSlice('\n')
		text = append(text, part...)
		if len(text) > Max {
			return errors.New("the other side sent a line that is too long")
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err == io.EOF && len(text) > 0 {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		return json.Unmarshal(text, v)
	}
}

// WhileAsked returns a context that ends when the one who sent a request goes
// away, who sends nothing more.
func (c *Conn) WhileAsked(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		_ = c.Receive(&struct{}{})
	}()
	return ctx, cancel
}

// Call sends a request on a connection of its own and waits for the answer.
func Call(ctx context.Context, path string, request, answer any) error {
	conn, err := Dial(ctx, path)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	err = conn.Send(request)
	if err == nil {
		err = conn.Receive(answer)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// Peer returns the user at the other end of a unix connection: who opened it, or
// who listened for it.
func Peer(c net.Conn) (uid uint32, err error) {
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var credentials *unix.Ucred
	var sysErr error
	err = raw.Control(func(fd uintptr) {
		credentials, sysErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, sysErr); err != nil {
		return 0, err
	}
	return credentials.Uid, nil
}
