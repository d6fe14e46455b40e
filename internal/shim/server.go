package shim

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"souk/internal/shim/line"
)

// server answers the agent.
type server struct {
	files  files
	keeper *keeper
	quit   context.CancelFunc

	// turn is held by the one operation that changes something.
	turn   chan struct{}
	ending atomic.Bool // told to shut down: it answers nobody else any more
	never  chan struct{}
}

func (s *server) serve(ctx context.Context, listener net.Listener) error {
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	for {
		c, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go s.talk(ctx, line.New(c))
	}
}

// talk answers one request. When the asker goes away its operation is called off.
func (s *server) talk(ctx context.Context, conn *line.Conn) {
	defer conn.Close()
	var req request
	if err := conn.Receive(&req); err != nil {
		return
	}
	ctx, cancel := conn.WhileAsked(ctx)
	defer cancel()
	if req.Op == opWatch {
		s.watch(ctx, conn)
		return
	}
	resp, err := s.handle(ctx, req)
	if s.ending.Load() && req.Op != opShutdown {
		<-s.never // who asks one that ends asks the next one
	}
	if err != nil {
		resp = response{Error: err.Error(), Code: code(err)}
	}
	_ = conn.Send(resp)
	if req.Op == opShutdown && err == nil {
		s.quit()
		<-s.never // the end of the connection tells the asker that the process has ended
	}
}

func (s *server) watch(ctx context.Context, conn *line.Conn) {
	for {
		status, changed := s.keeper.current()
		if err := conn.Send(response{Status: &status}); err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

func (s *server) handle(ctx context.Context, req request) (response, error) {
	switch req.Op {
	case opStatus:
		status, _ := s.keeper.current()
		return response{Status: &status}, nil
	case opRead:
		data, err := s.files.read(req.Path)
		return response{Data: data}, err
	case opExists:
		exists, err := s.files.exists(req.Path)
		return response{Exists: exists}, err
	case opUsage:
		bytes, err := s.files.usage(req.Path)
		return response{Bytes: bytes}, err
	}
	if req.Op == opRun && req.Command != nil && req.Command.Aside {
		return s.change(ctx, req)
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return response{}, context.Cause(ctx)
	}
	return s.change(ctx, req)
}

// change carries out an operation that changes something; one at a time.
func (s *server) change(ctx context.Context, req request) (response, error) {
	switch req.Op {
	case opWrite:
		return response{}, s.files.write(req.Files)
	case opRename:
		return response{}, s.files.rename(req.Path, req.To)
	case opRemove:
		return response{}, s.files.root.RemoveAll(req.Path)
	case opRun:
		if req.Command == nil {
			return response{}, errors.New("no command given")
		}
		result, err := run(ctx, *req.Command)
		return response{Result: &result}, err
	case opStart:
		if req.Engine == nil {
			return response{}, errors.New("no engine given")
		}
		return response{}, s.keeper.start(*req.Engine)
	case opStop:
		return response{}, s.keeper.stop(syscall.Signal(req.Signal), max(req.Timeout, time.Second))
	case opSignal:
		return response{}, s.keeper.signal(syscall.Signal(req.Signal))
	case opShutdown:
		s.ending.Store(true)
		return response{}, nil
	}
	return response{}, fmt.Errorf("unknown operation %q; the agent and the shim are of different versions", req.Op)
}

// The codes of errors that callers tell apart.
const (
	codeNotExist = "not-exist"
	codeDiskFull = "disk-full"
)

func code(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return codeNotExist
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return codeDiskFull
	}
	return ""
}
