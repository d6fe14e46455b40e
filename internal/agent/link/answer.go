package link

import (
	"context"
	"errors"
	"io"

	"souk/internal/agentapi"
	"souk/internal/driver"
)

// chunk is how much of a log goes into one line.
const chunk = 16 << 10

// answer carries a request out and returns the line that ends it.
func (s *stream) answer(ctx context.Context, request agentapi.Request) agentapi.Response {
	last := agentapi.Response{ID: request.ID, Done: true}
	if keeper, ok := s.zone.(driver.BackupKeeper); ok && request.ExpireBackup != nil {
		return s.expireBackup(ctx, keeper, *request.ExpireBackup, last)
	}
	if request.Logs == nil {
		last.Error = "This zone's agent does not know that request; it may be older than the control plane."
		return last
	}
	err := s.copyLogs(ctx, request.ID, *request.Logs)
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.Is(err, driver.ErrNotFound):
		last.Code, last.Error = "not-found", "There is no such instance in this zone."
	default:
		last.Error = "The logs cannot be read now; the operator of the zone finds the reason in the agent's log."
		s.log.Error("logs cannot be read", "instance", request.Logs.InstanceID, "error", err)
	}
	return last
}

// expireBackup destroys a backup and says whether it did.
func (s *stream) expireBackup(ctx context.Context, keeper driver.BackupKeeper, r agentapi.ExpireRequest, last agentapi.Response) agentapi.Response {
	err := keeper.ExpireBackup(ctx, r.Of, r.ID, r.Last)
	if err != nil {
		last.Error = "The backup could not be removed from the zone's place for backups."
		s.log.Error("a backup could not be removed; it is asked for again", "instance", r.Of.InstanceID, "backup", r.ID, "error", err)
	} else {
		s.log.Info("backup removed", "instance", r.Of.InstanceID, "backup", r.ID)
	}
	return last
}

func (s *stream) copyLogs(ctx context.Context, id string, request agentapi.LogsRequest) error {
	logs, err := s.zone.Logs(ctx, request.InstanceID, request.Options)
	if err != nil {
		return err
	}
	defer logs.Close()
	for {
		part := make([]byte, chunk)
		n, err := logs.Read(part)
		if n > 0 && ctx.Err() == nil {
			s.send(agentapi.Response{ID: id, Data: part[:n]})
		}
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
