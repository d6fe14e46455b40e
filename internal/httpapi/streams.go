package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"souk/internal/problem"
)

// streams counts those that are open, by principal: each holds a connection and
// memory for as long as it goes on, whatever the limit of requests.
type streams struct {
	most int
	mu   sync.Mutex
	open map[string]int
}

// begin counts a stream in, until end is called, or refuses it.
func (s *streams) begin(principal string) (end func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[principal] >= s.most {
		return nil, problem.TooMany(time.Minute, "%d watches and logs are being followed with this account or token. End some first.", s.open[principal])
	}
	s.open[principal]++
	return func() { s.end(principal) }, nil
}

func (s *streams) end(principal string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[principal]--; s.open[principal] == 0 {
		delete(s.open, principal)
	}
}

// whileAdmitted returns a context that ends with ctx, or soon after the asker may
// not see any more what the request is for. The function returned ends it, and
// returns when nothing looks at the request any more.
func (s *Server) whileAdmitted(ctx context.Context, r *http.Request) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer cancel()
		tick := time.NewTicker(keepAlive)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if s.enter(ctx, callFrom(ctx), r) != nil {
					return
				}
			}
		}
	}()
	return ctx, func() { cancel(); <-ended }
}
