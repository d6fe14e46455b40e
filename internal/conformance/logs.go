package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"souk/api/client"
)

// logs: what the server writes down can be read, and is kept for as long as is chosen.
func (r *Run) logs(ctx context.Context) error {
	s, err := r.session(ctx, r.main)
	if err != nil {
		return err
	}
	defer s.Close()
	before, err := r.logLines(ctx)
	if err != nil {
		return err
	}
	line, err := s.Log(ctx)
	if err != nil {
		return fmt.Errorf("nothing could be had written to the log: %w", err)
	}
	began := r.Now()
	err = r.eventually(ctx, func() error {
		after, err := r.logLines(ctx)
		if err == nil && strings.Count(after, line) <= strings.Count(before, line) {
			err = fmt.Errorf("no line with %q appears in the log", line)
		}
		return err
	})
	if err != nil {
		return err
	}
	r.note("What the server wrote down (%q) could be read after %s.", line, seconds(r.Now().Sub(began)))
	return r.logDays(ctx)
}

// logDays: for how many days it is kept can be chosen. That older entries go then no run
// shows: logs age by the clock of the zone's machines, which nobody moves forward.
func (r *Run) logDays(ctx context.Context) error {
	const field = "retentionDays"
	if err := r.refusedByField(ctx, "logs", field, -1); err != nil {
		return err
	}
	before, _, err := r.Project.Instance(ctx, r.main)
	if err != nil {
		return err
	}
	if before.Spec.Logs == nil {
		return errors.New("the instance does not say for how many days its log is kept")
	}
	for _, days := range []int{before.Spec.Logs.RetentionDays + 1, before.Spec.Logs.RetentionDays} {
		is, _, err := r.patch(ctx, map[string]any{"logs": map[string]any{field: days}})
		if err != nil {
			return err
		}
		if is.Spec.Logs == nil || is.Spec.Logs.RetentionDays != days {
			return fmt.Errorf("the log was to be kept for %d days, and the instance says %+v", days, is.Spec.Logs)
		}
	}
	r.note("For how many days the log is kept can be chosen; -1 was refused with the name of the field. Not proven: that older entries go, as a run does not last for days and cannot move the zone's clock.")
	return nil
}

// mostLines of the log are looked at.
const mostLines = 1000

func (r *Run) logLines(ctx context.Context) (string, error) {
	lines, err := r.Project.Logs(ctx, r.main, client.LogOptions{Tail: mostLines})
	if err != nil {
		return "", fmt.Errorf("the log cannot be read: %w", err)
	}
	defer lines.Close()
	text, err := io.ReadAll(lines)
	return string(text), err
}
