package zone

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/zone/zonedb"
)

var (
	errSuperseded = &problem.Error{Status: http.StatusConflict, Code: agentapi.CodeSuperseded, Detail: "Another agent has been enrolled for this zone. Stop this one, or enrol it again: souk zone enrol NAME."}
	errNoIdentity = &problem.Error{Status: http.StatusUnauthorized, Code: "no-identity", Detail: "This needs the certificate of an enrolled agent."}
	errExpired    = &problem.Error{Status: http.StatusUnauthorized, Code: "certificate-expired", Detail: "The agent's certificate has expired. Ask for a new one first."}
	errRevoked    = &problem.Error{Status: http.StatusForbidden, Code: "revoked", Detail: "This agent's access has been revoked. Enrol it again: souk zone enrol NAME."}
)

// serverValidity of the listener's own certificate, and how early it is renewed.
const (
	serverValidity = 30 * 24 * time.Hour
	renewBefore    = 10 * 24 * time.Hour
)

// Serve serves the agent API on the listener until ctx ends.
func (z *Zones) Serve(ctx context.Context, l net.Listener) error {
	certs := &serverCertificate{zones: z}
	srv := &http.Server{
		Handler:           z.handler(),
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.RequestClientCert, GetCertificate: certs.get, NextProtos: []string{"h2", "http/1.1"}},
		// A line that broke says nothing: without these an agent would seem to listen
		// for as long as the system tries to send.
		HTTP2:       &http.HTTP2Config{SendPingTimeout: z.Heartbeat, PingTimeout: z.WriteWithin},
		ErrorLog:    slog.NewLogLogger(z.Logger.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() {
		short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if srv.Shutdown(short) != nil {
			srv.Close()
		}
	})
	defer stop()
	err := srv.ServeTLS(l, "", "")
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// serverCertificate issues the listener's own certificate and renews it in time.
type serverCertificate struct {
	zones *Zones
	mu    sync.Mutex
	cert  *tls.Certificate
	until time.Time
}

func (c *serverCertificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.zones.RealNow()
	if c.cert != nil && now.Before(c.until.Add(-renewBefore)) {
		return c.cert, nil
	}
	pair, err := c.zones.ca.IssueServer(c.zones.Names, now, serverValidity)
	if err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		return nil, err
	}
	c.cert, c.until = &cert, now.Add(serverValidity)
	return c.cert, nil
}

func (z *Zones) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+agentapi.PathEnrol, z.serveEnrol)
	mux.HandleFunc("POST "+agentapi.PathRotate, z.serveRotate)
	mux.HandleFunc("POST "+agentapi.PathHello, z.known(z.serveHello))
	mux.HandleFunc("GET "+agentapi.PathDesired, z.known(z.fitting(z.serveDesired)))
	mux.HandleFunc("POST "+agentapi.PathFacts, z.known(z.fitting(z.serveFacts)))
	mux.HandleFunc("POST "+agentapi.PathMetrics, z.known(z.fitting(z.serveMetrics)))
	mux.HandleFunc("POST "+agentapi.PathStream, z.known(z.fitting(z.serveStream)))
	return mux
}

// identify checks the request's certificate against the record. An expired one
// passes where mayBeExpired is set.
func (z *Zones) identify(r *http.Request, mayBeExpired bool) (agent, []byte, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return agent{}, nil, errNoIdentity
	}
	cert := r.TLS.PeerCertificates[0]
	zone, zoneErr := uuid.Parse(cert.Subject.CommonName)
	epoch, epochErr := strconv.ParseInt(cert.Subject.SerialNumber, 10, 64)
	if !z.ca.IssuedBy(cert) || zoneErr != nil || epochErr != nil || z.RealNow().Before(cert.NotBefore) {
		return agent{}, nil, errNoIdentity
	}
	key := hash(cert.RawSubjectPublicKeyInfo)
	var now zonedb.ZoneAgent
	err := z.Store.System(r.Context(), func(tx store.Tx) (err error) {
		q := zonedb.New(tx)
		if now, err = q.Agent(r.Context(), zone); err != nil {
			return err
		}
		if now.PreviousKeyHash != nil && string(now.KeyHash) == string(key) {
			return q.ForgetPreviousKey(r.Context(), zonedb.ForgetPreviousKeyParams{ZoneID: zone, KeyHash: key})
		}
		return nil
	})
	expired := z.RealNow().After(cert.NotAfter)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return agent{}, nil, errNoIdentity
	case err != nil:
		return agent{}, nil, err
	case now.Epoch != epoch:
		return agent{}, nil, errSuperseded
	case now.RevokedAt != nil:
		return agent{}, nil, errRevoked
	case string(now.KeyHash) != string(key) && string(now.PreviousKeyHash) != string(key):
		return agent{}, nil, errNoIdentity
	case expired && !mayBeExpired:
		return agent{}, nil, errExpired
	}
	return agent{zone, epoch, now.Version}, key, nil
}

// known wraps a handler that needs an agent in force. No stream outlives the
// certificate that it was opened with, or a stolen one would be good for ever.
func (z *Zones) known(f func(w http.ResponseWriter, r *http.Request, a agent)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, _, err := z.identify(r, false)
		if err != nil {
			z.refuse(w, r, err)
			return
		}
		left := r.TLS.PeerCertificates[0].NotAfter.Sub(z.RealNow())
		ctx, cancel := context.WithTimeout(r.Context(), left)
		defer cancel()
		f(w, r.WithContext(ctx), a)
	}
}

// fitting wraps a handler that needs an agent whose version fits: the control plane
// may have been upgraded since that said hello.
func (z *Zones) fitting(f func(w http.ResponseWriter, r *http.Request, a agent)) func(http.ResponseWriter, *http.Request, agent) {
	return func(w http.ResponseWriter, r *http.Request, a agent) {
		if text := VersionProblem(z.Version, a.version); text != "" {
			z.refuse(w, r, errVersion(text))
			return
		}
		f(w, r, a)
	}
}

func (z *Zones) serveEnrol(w http.ResponseWriter, r *http.Request) {
	var req agentapi.EnrolRequest
	if !z.read(w, r, &req) {
		return
	}
	out, err := z.Enrol(r.Context(), req)
	z.answer(w, r, out, err)
}

func (z *Zones) serveRotate(w http.ResponseWriter, r *http.Request) {
	a, key, err := z.identify(r, true)
	if err != nil {
		z.refuse(w, r, err)
		return
	}
	var req agentapi.RotateRequest
	if !z.read(w, r, &req) {
		return
	}
	expired := z.RealNow().After(r.TLS.PeerCertificates[0].NotAfter)
	out, err := z.Rotate(r.Context(), a, key, expired, req)
	z.answer(w, r, out, err)
}

func (z *Zones) serveHello(w http.ResponseWriter, r *http.Request, a agent) {
	var hello agentapi.Hello
	if !z.read(w, r, &hello) {
		return
	}
	if d := hello.Protocol - agentapi.ProtocolVersion; d < -1 || d > 1 {
		z.refuse(w, r, &problem.Error{Status: http.StatusUpgradeRequired, Code: "agent-version", Detail: "This agent is more than one version apart from the control plane. Install the agent of the control plane's version."})
		return
	}
	if !plain(hello.BootID) || !plain(hello.Version) {
		z.refuse(w, r, errBootID)
		return
	}
	if text := VersionProblem(z.Version, hello.Version); text != "" {
		z.refuse(w, r, errors.Join(errVersion(text), z.noteVersion(r.Context(), a, hello.Version)))
		return
	}
	if !plainDomains(hello.Info.FailureDomains) {
		z.refuse(w, r, errDomains)
		return
	}
	var acknowledged int64
	err := z.Store.System(r.Context(), func(tx store.Tx) (err error) {
		now, real := z.Clock.Now(), z.RealNow()
		acknowledged, err = zonedb.New(tx).SayHello(r.Context(), zonedb.SayHelloParams{ZoneID: a.zone, BootID: hello.BootID, Version: hello.Version, Info: infoJSON(hello.Info), LastSeenAt: &now, LastSeenReal: &real, Epoch: a.epoch})
		if errors.Is(err, pgx.ErrNoRows) {
			return errSuperseded // just now
		}
		return err
	})
	z.answer(w, r, agentapi.HelloResponse{Clock: agentapi.Clock{Offset: z.Clock.Offset()}, Acknowledged: uint64(acknowledged)}, err)
}

// noteVersion writes down the version of an agent that was refused for it, for the
// operator to see.
func (z *Zones) noteVersion(ctx context.Context, a agent, version string) error {
	return z.Store.System(ctx, func(tx store.Tx) error {
		return zonedb.New(tx).NoteVersion(ctx, zonedb.NoteVersionParams{ZoneID: a.zone, Version: version, Epoch: a.epoch})
	})
}

// mostDomains bounds what a zone may say that can fail by itself in it.
const mostDomains = 100

var errDomains = problem.InvalidField("body.info.failureDomains", nil, "A zone has at most %d failure domains, each a different name of 1 to 100 printable ASCII characters.", mostDomains)

// plainDomains says whether names can be those of a zone's failure domains.
func plainDomains(names []string) bool {
	seen := map[string]bool{}
	for _, name := range names {
		if name == "" || !plain(name) || seen[name] {
			return false
		}
		seen[name] = true
	}
	return len(names) <= mostDomains
}

func infoJSON(i driver.Info) json.RawMessage {
	b, err := json.Marshal(i)
	if err != nil {
		return json.RawMessage("{}")
	}
	return b
}

// What the body of an agent's request may hold: a batch of facts far less than
// the first, everything else, which may come from anybody, less than the second.
const (
	maxFacts = 16 << 20
	maxBody  = 256 << 10
)

// readWithin is how long a body may take to arrive.
const readWithin = 30 * time.Second

func (z *Zones) read(w http.ResponseWriter, r *http.Request, into any) bool {
	most := int64(maxBody)
	if _, facts := into.(*agentapi.FactBatch); facts {
		most = maxFacts
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(readWithin))
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, most)).Decode(into)
	_ = control.SetReadDeadline(time.Time{})
	if err == nil {
		return true
	}
	z.refuse(w, r, &problem.Error{Status: http.StatusBadRequest, Code: "malformed", Detail: "The request's body is not what this path takes."})
	return false
}

func (z *Zones) answer(w http.ResponseWriter, r *http.Request, v any, err error) {
	if err != nil {
		z.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (z *Zones) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.As(err)
	if p == nil {
		if r.Context().Err() == nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			z.Logger.Error("an agent's request failed", "path", r.URL.Path, "error", err)
		}
		p = &problem.Error{Status: http.StatusInternalServerError, Code: "internal", Detail: "Something went wrong in the control plane. Try again."}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": p.Status, "code": p.Code, "title": http.StatusText(p.Status), "detail": p.Detail})
}
