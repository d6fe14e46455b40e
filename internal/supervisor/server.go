package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"souk/internal/shim/line"
)

// Serve answers the agent on a unix socket until ctx ends; all instances go on
// running then. Others than the agent's account and root are turned away.
func (s *Supervisor) Serve(ctx context.Context, socket string) error {
	listener, err := s.listen(socket)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	return s.serve(ctx, listener)
}

func (s *Supervisor) listen(socket string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(socket), 0o711); err != nil {
		return nil, err
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Chown(socket, s.cfg.AgentUID, s.cfg.AgentGID), os.Chmod(socket, 0o600)); err != nil {
		listener.Close()
		return nil, err
	}
	return listener, nil
}

func (s *Supervisor) serve(ctx context.Context, listener net.Listener) error {
	for {
		c, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		uid, err := line.Peer(c)
		if err != nil || (int(uid) != s.cfg.AgentUID && uid != 0) {
			s.cfg.Logger.Warn("a caller that is not the agent was turned away", "uid", uid, "error", err)
			c.Close()
			continue
		}
		go s.talk(ctx, line.New(c))
	}
}

// talk answers one request. When the asker goes away its operation is called off.
func (s *Supervisor) talk(ctx context.Context, conn *line.Conn) {
	defer conn.Close()
	var req request
	if err := conn.Receive(&req); err != nil {
		return
	}
	ctx, cancel := conn.WhileAsked(ctx)
	defer cancel()
	resp, err := s.handle(ctx, req)
	switch {
	case errors.Is(err, ErrNotFound):
		resp.NotFound = true
	case err != nil:
		s.cfg.Logger.Warn("a request failed", "op", req.Op, "instance", req.ID, "error", err)
		resp.Error = err.Error()
	}
	_ = conn.Send(resp)
}

func (s *Supervisor) handle(ctx context.Context, req request) (resp response, err error) {
	switch req.Op {
	case opInfo:
		resp.Info, err = s.Info(ctx)
	case opPrepare:
		resp.Place, err = s.Prepare(ctx, req.ID)
	case opFind:
		resp.Place, err = s.Find(ctx, req.ID)
	case opSpawn:
		resp.Problem, err = s.Spawn(ctx, req.ID, req.Limits)
	case opSetLimits:
		resp.Problem, err = s.SetLimits(ctx, req.ID, req.Limits)
	case opDestroy:
		err = s.Destroy(ctx, req.ID)
	case opUsage:
		resp.Usage, err = s.Usage(ctx, req.ID)
	case opList:
		resp.IDs, err = s.List(ctx)
	default:
		err = fmt.Errorf("unknown operation %q; the agent and the supervisor are of different versions", req.Op)
	}
	return resp, err
}
