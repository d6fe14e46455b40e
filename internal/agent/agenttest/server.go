// Package agenttest is a control plane in memory, for tests of agents: the whole
// agent API over real TLS and HTTP/2, faithful to its contract, which can be
// told to fail in every way that a real one does.
package agenttest

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"souk/internal/agentapi"
)

// ZoneID is the zone that all agents of a Server are enrolled for.
const ZoneID = "5f0c2a4e-0000-4000-8000-000000000001"

// Options of a Server; the zero value will do.
type Options struct {
	Now       func() time.Time // for certificates; time.Now when nil
	Life      time.Duration    // of agents' certificates; an hour when 0
	Heartbeat time.Duration    // of silence on the desired stream; 10 s when 0
}

// Server is the control plane of one zone.
type Server struct {
	t    testing.TB
	opt  Options
	ca   *authority
	http *httptest.Server

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change of the below

	tokens map[string]*enrolment
	epoch  int64
	serial int64
	latest *x509.Certificate // issued in the epoch
	issued int

	feed   []agentapi.DesiredEvent // the change at index i is resumed from by token i+1
	wanted map[string]agentapi.Desired
	order  []string // of wanted
	oldest int      // tokens below are too old
	clock  agentapi.Clock
	lists  int

	facts     []agentapi.Fact
	oldFolder bool // the agent may number facts that were accepted before
	hellos    []agentapi.Hello

	streams []*askStream
	asks    map[string]chan agentapi.Response
	faults  faults
}

type enrolment struct {
	key   string // public key that spent it
	epoch int64
}

// New starts a control plane that ends with the test. A breach of the contract
// by the agent fails the test.
func New(t testing.TB, opt Options) *Server {
	t.Helper()
	if opt.Now == nil {
		opt.Now = time.Now
	}
	opt.Life = cmp.Or(opt.Life, time.Hour)
	opt.Heartbeat = cmp.Or(opt.Heartbeat, 10*time.Second)
	ca, err := newAuthority(opt.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{
		t: t, opt: opt, ca: ca, changed: make(chan struct{}),
		tokens: make(map[string]*enrolment), wanted: make(map[string]agentapi.Desired),
		asks: make(map[string]chan agentapi.Response), faults: newFaults(),
	}
	s.start()
	t.Cleanup(s.close)
	return s
}

func (s *Server) start() {
	certificate, err := s.ca.server(s.opt.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+agentapi.PathEnrol, s.enrol)
	mux.HandleFunc("POST "+agentapi.PathRotate, s.known(s.rotate, mayBeExpired))
	mux.HandleFunc("POST "+agentapi.PathHello, s.known(s.hello, inForce))
	mux.HandleFunc("GET "+agentapi.PathDesired, s.known(s.desired, inForce))
	mux.HandleFunc("POST "+agentapi.PathFacts, s.known(s.takeFacts, inForce))
	mux.HandleFunc("POST "+agentapi.PathStream, s.known(s.stream, inForce))
	s.http = httptest.NewUnstartedServer(s.faults.around(mux))
	s.http.EnableHTTP2 = true
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.http.TLS = &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   tls.RequestClientCert,
		Time:         s.opt.Now,
	}
	s.http.StartTLS()
}

func (s *Server) close() {
	s.faults.end()
	s.http.CloseClientConnections()
	s.http.Close()
}

// URL is the server's address.
func (s *Server) URL() string { return s.http.URL }

// CAFile writes the authority to verify the server by into a folder of the test.
func (s *Server) CAFile() string { return s.file("ca.pem", s.ca.pem) }

// TokenFile makes a one-time token and writes it into a file of the test.
func (s *Server) TokenFile() string {
	token := s.Token()
	return s.file("token", token+"\n")
}

func (s *Server) file(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// notify wakes everybody who waits for a change; the lock must be held.
func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// breach fails the test because the agent broke the contract.
func (s *Server) breach(w http.ResponseWriter, format string, args ...any) {
	s.t.Errorf("the agent broke the contract: "+format, args...)
	problem(w, http.StatusBadRequest, "", fmt.Sprintf(format, args...))
}

func problem(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"status": status, "code": code, "title": http.StatusText(status), "detail": detail,
	})
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func (s *Server) read(w http.ResponseWriter, r *http.Request, into any) bool {
	err := json.NewDecoder(r.Body).Decode(into)
	if err == nil {
		return true
	}
	if r.Context().Err() == nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		s.breach(w, "%s: not JSON: %v", r.URL.Path, err)
	}
	return false
}
