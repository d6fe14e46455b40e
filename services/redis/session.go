package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gomodule/redigo/redis"

	"souk/internal/driver/process"
	"souk/internal/shim"
)

// session is a connection as the administrator.
type session struct{ redis.Conn }

// answerWithin is how long a command of the administrator's may take.
const answerWithin = 20 * time.Second

// The pauses between attempts to reach a server that is starting.
const (
	firstPause   = 2 * time.Millisecond
	longestPause = 50 * time.Millisecond
)

// errUnknown: the server does not know the administrator by its password.
var errUnknown = errors.New("the server does not know the agent")

// connect opens a session, waiting for a server that is starting until ctx ends
// or the server does.
func connect(ctx context.Context, host *process.Host) (*session, error) {
	for pause := firstPause; ; pause = min(pause*3/2, longestPause) {
		s, err := attempt(ctx, host)
		if err == nil || !starting(err) {
			return s, err
		}
		if alive := host.Alive(ctx); alive != nil {
			return nil, alive
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the server does not answer yet: %w (%w)", context.Cause(ctx), err)
		case <-time.After(pause):
		}
	}
}

func attempt(ctx context.Context, host *process.Host) (*session, error) {
	raw, err := host.Dial(ctx, host.Path(shim.RunFolder+"/"+socket))
	if err != nil {
		return nil, err
	}
	return administer(own.Conn(host.Instance(), raw), host.Secret(administrator))
}

// administer opens a session on a connection.
func administer(raw net.Conn, password string) (*session, error) {
	s := &session{redis.NewConn(raw, answerWithin, answerWithin)}
	_, err := s.Do("AUTH", administrator, password)
	if err == nil {
		_, err = s.Do("PING")
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Do is redis.Conn's, with the refusal of a log-in told apart and without what
// was sent in the error.
func (s *session) Do(command string, args ...any) (any, error) {
	reply, err := s.Conn.Do(command, args...)
	if refusal, ok := err.(redis.Error); ok && strings.HasPrefix(string(refusal), "WRONGPASS") {
		return nil, errUnknown
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	return reply, nil
}

// starting says whether an error means that the server is not ready yet: its
// socket is not there or not open to others yet, nobody listens on it, or the
// data is being read.
func starting(err error) bool {
	var refusal redis.Error
	if errors.As(err, &refusal) {
		return strings.HasPrefix(string(refusal), "LOADING")
	}
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EACCES)
}

// reconnect opens the pass's session anew.
func (w *work) reconnect(ctx context.Context) error {
	w.close()
	var err error
	w.admin, err = connect(ctx, w.Host)
	return err
}

// close ends the pass's session, if there is one.
func (w *work) close() {
	if w.admin != nil {
		_ = w.admin.Close()
		w.admin = nil
	}
}

// set brings settings into force, all of them or none. The certificate's file is
// read anew each time.
func (s *session) set(settings map[string]string) error {
	args := redis.Args{"SET"}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = args.Add(name, settings[name])
	}
	_, err := s.Do("CONFIG", args...)
	return err
}

// endSessions ends those of all users.
func (s *session) endSessions() error {
	for _, kind := range []string{"normal", "pubsub"} {
		if _, err := s.Do("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"); err != nil {
			return err
		}
	}
	return nil
}

// compact has the data's file written anew, without what was deleted. That one is
// being written already is no error.
func (s *session) compact() { _, _ = s.Do("BGREWRITEAOF") }

// memory returns a figure of the server's memory, in bytes.
func (s *session) memory(figure string) (int64, error) {
	value, err := s.info("memory", figure)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(value, 10, 64)
}

// info returns what the server says of itself in a section, by its name there.
func (s *session) info(section, name string) (string, error) {
	text, err := redis.String(s.Do("INFO", section))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("the server tells no %s", name)
}
