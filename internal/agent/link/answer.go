package link

import (
	"context"
	"errors"
	"io"

	"souk/internal/agentapi"
	"souk/internal/bucket"
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
	if keeper, ok := s.zone.(driver.BucketKeeper); ok && request.TryBucket != nil {
		return s.tryBucket(ctx, keeper, request.TryBucket, last)
	}
	if request.TryBucket != nil {
		last.Code, last.Error = "zone", "Backups cannot be kept in a bucket of yours in this zone: its driver cannot put them there."
		return last
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

// tryBucket says whether backups can be kept in a bucket of a customer's.
func (s *stream) tryBucket(ctx context.Context, keeper driver.BucketKeeper, place *driver.BackupPlace, last agentapi.Response) agentapi.Response {
	err := keeper.TryBucket(ctx, place)
	if err == nil {
		return last
	}
	last.Code, last.Error = "zone", "The bucket could not be tried; the operator of the zone finds the reason in the agent's log."
	if wrong, ok := errors.AsType[*bucket.Wrong](err); ok {
		last.Code, last.Error = wrong.Field, wrong.Message
	}
	s.log.Warn("a customer's bucket cannot be used", "endpoint", place.Endpoint, "field", last.Code, "error", err)
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
