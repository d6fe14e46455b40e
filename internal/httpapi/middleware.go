package httpapi

import (
	"context"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"souk/internal/problem"
	"souk/internal/store"
)

var requestIDs = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// withRequestID takes the ID that a proxy or client gave, if it is a plain one,
// or makes one.
func (s *Server) withRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !requestIDs.MatchString(id) {
			id = store.NewID().String()
		}
		w.Header().Set("X-Request-Id", id)
		c := &call{requestID: id, address: s.clientAddress(r), userAgent: userAgent(r), origin: origin(r)}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callKey{}, c)))
	})
}

// withLog logs requests that fail or are slow. The query is not logged: it may
// hold what a user typed.
func (s *Server) withLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		watched := &watchedWriter{ResponseWriter: w}
		next.ServeHTTP(watched, r)
		took, c := time.Since(start), callFrom(r.Context())
		if s.Observe != nil && !c.op.Stream {
			s.Observe(c.op.ID, watched.status, took)
		}
		if watched.status < 500 && (took < s.SlowRequest || c.op.Stream) {
			return
		}
		s.Logger.WarnContext(r.Context(), "slow or failed request", "request", c.requestID, "method", r.Method, "path", r.URL.Path,
			"operation", c.op.ID, "status", watched.status, "took", took, "actor", c.principal.ID)
	})
}

// watchedWriter remembers the status.
type watchedWriter struct {
	http.ResponseWriter
	status int
}

func (w *watchedWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watchedWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush is for streams.
func (w *watchedWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// withRecovery keeps a fault of ours in one request from ending the others.
func (s *Server) withRecovery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			fault := recover()
			if fault == nil {
				return
			}
			if fault == http.ErrAbortHandler {
				panic(fault)
			}
			s.Logger.ErrorContext(r.Context(), "panic", "request", RequestID(r.Context()), "path", r.URL.Path, "fault", fault, "stack", string(debug.Stack()))
			if watched, ok := w.(*watchedWriter); ok && watched.status != 0 {
				panic(http.ErrAbortHandler) // half an answer is out: break the connection
			}
			s.refuse(w, r, &Problem{Title: http.StatusText(http.StatusInternalServerError), Status: http.StatusInternalServerError, Code: "internal", Detail: internalDetail})
		}()
		next.ServeHTTP(w, r)
	})
}

// withHeaders forbids browsers what an API never needs. What serves pages
// replaces the policy by its own.
func (s *Server) withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if s.stopping.Load() {
			h.Set("Connection", "close")
		}
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
		}
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// writeTimeout is how long an answer may take that is not a stream.
const writeTimeout = time.Minute

// withLimits gives the body and the answer their time, refuses a body that says it is too large
// before any of it is read, and cuts one that does not say so.
func (s *Server) withLimits(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Fails only for writers that have no connection.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
		if r.ContentLength != 0 {
			// Also of a request that is refused unread: the server waits for the
			// rest of it before it sends the answer.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.ReadTimeout))
		}
		limit := s.bodyLimit(r.URL.Path)
		if r.ContentLength > limit {
			s.refuse(w, r, &problem.Error{Status: http.StatusRequestEntityTooLarge, Code: "too-large", Detail: tooLargeDetail})
			return
		}
		// One byte more than operations read, so that they find out first.
		r.Body = http.MaxBytesReader(w, r.Body, limit+1)
		next.ServeHTTP(w, r)
	})
}

// AllowBody lets the body of requests to a path that something else serves be longer than
// MaxBody, in bytes. Call it before the server serves.
func (s *Server) AllowBody(path string, most int64) { s.largeBodies[path] = most }

// bodyLimit is how long the body of a request to a path may be, in bytes.
func (s *Server) bodyLimit(path string) int64 {
	if limit, large := s.largeBodies[path]; large {
		return limit
	}
	return s.MaxBody
}

// withProblems answers with a problem document where the mux itself would
// answer in plain text: nothing there, or not with this method.
func (s *Server) withProblems(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		silent := &silentWriter{header: http.Header{}}
		h.ServeHTTP(silent, r)
		if silent.status != http.StatusMethodNotAllowed && s.missing != nil && !strings.HasPrefix(r.URL.Path, "/api/") {
			s.missing.ServeHTTP(w, r)
			return
		}
		if silent.status != http.StatusMethodNotAllowed {
			s.refuse(w, r, &problem.Error{Status: http.StatusNotFound, Code: "not-found", Detail: missingDetail})
			return
		}
		w.Header().Set("Allow", silent.header.Get("Allow"))
		s.refuse(w, r, &problem.Error{Status: http.StatusMethodNotAllowed, Code: "method-not-allowed",
			Detail: "This address does not take " + r.Method + ", only " + silent.header.Get("Allow") + "."})
	})
}

// silentWriter keeps an answer's status and headers, and drops its body.
type silentWriter struct {
	header http.Header
	status int
}

func (w *silentWriter) Header() http.Header         { return w.header }
func (w *silentWriter) WriteHeader(status int)      { w.status = status }
func (w *silentWriter) Write(b []byte) (int, error) { return len(b), nil }
