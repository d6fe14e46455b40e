package conformance

import (
	"context"
	"fmt"
	"io"
	"strings"

	"souk/api/client"
)

// logs: what the server writes down can be read.
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
