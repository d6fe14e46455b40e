package httpapi

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/problem"
)

func (s *Server) registerMeta() {
	register(s, Operation{
		Method: http.MethodGet, Path: "/api/v1/version", ID: "version", Tag: "meta", Summary: "Version of the server", Action: authz.Public,
	}, func(context.Context, *struct{}) (*body[api.Version], error) {
		return &body[api.Version]{api.Version{Version: s.Version, Go: runtime.Version()}}, nil
	})
}

func (s *Server) serveDocument(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/openapi+json")
	_, _ = w.Write(s.Document())
}

// serveHealth says that the process is up.
func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// readyWithin is how long the record has to answer for the server to be ready.
const readyWithin = 2 * time.Second

// serveReady says that requests can be served: the record answers, and the server
// is not about to end.
func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	if s.stopping.Load() {
		s.refuse(w, r, &problem.Error{Status: http.StatusServiceUnavailable, Code: "not-ready", Detail: "This server is about to end.", RetryAfter: time.Second})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	if err := s.Store.SystemPool().Ping(ctx); err != nil {
		s.Logger.WarnContext(ctx, "not ready", "error", err)
		s.refuse(w, r, &problem.Error{Status: http.StatusServiceUnavailable, Code: "not-ready", Detail: "The database does not answer.", RetryAfter: time.Second})
		return
	}
	s.serveHealth(w, r)
}
