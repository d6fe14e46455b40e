package agent

import "context"

// serve answers requests into the zone, for as long as the agent runs.
func (s *session) serve(ctx context.Context) error {
	return s.attempt(ctx, "answer requests", func(ctx context.Context, well func()) error {
		return s.client.Serve(ctx, s.driver, well)
	})
}
