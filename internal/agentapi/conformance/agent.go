package conformance

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"souk/internal/agentapi"
)

// Agent speaks the agent API by hand, one request at a time.
type Agent struct {
	t    testing.TB
	cp   ControlPlane
	http *http.Client
	// Epoch and Zone that it is enrolled for.
	Epoch int64
	Zone  string
}

// Key is a private key with its certificate request.
type Key struct {
	key *ecdsa.PrivateKey
	CSR string
}

// NewKey makes a key.
func NewKey(t testing.TB) Key {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return Key{key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))}
}

// Stranger is an agent without a certificate.
func Stranger(t testing.TB, cp ControlPlane) *Agent {
	return agentWith(t, cp)
}

func agentWith(t testing.TB, cp ControlPlane, certificates ...tls.Certificate) *Agent {
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{
		RootCAs: cp.Roots, Time: cp.Now, MinVersion: tls.VersionTLS13, Certificates: certificates,
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &Agent{t: t, cp: cp, http: &http.Client{Transport: transport}}
}

// Enrol enrols with a new token and a new key.
func Enrol(t testing.TB, cp ControlPlane) *Agent {
	t.Helper()
	a, status, code := EnrolWith(t, cp, cp.Token(), NewKey(t))
	if status != http.StatusOK {
		t.Fatalf("enrolling was answered with %d %s", status, code)
	}
	return a
}

// EnrolWith enrols with a token and a key.
func EnrolWith(t testing.TB, cp ControlPlane, token string, key Key) (a *Agent, status int, code string) {
	t.Helper()
	var out agentapi.EnrolResponse
	status, code = Stranger(t, cp).Post(agentapi.PathEnrol, agentapi.EnrolRequest{Token: token, CSR: key.CSR, Version: "test"}, &out)
	return with(t, cp, key, out), status, code
}

// with returns the agent that an answer makes.
func with(t testing.TB, cp ControlPlane, key Key, out agentapi.EnrolResponse) *Agent {
	t.Helper()
	if out.Certificate == "" {
		return nil
	}
	block, _ := pem.Decode([]byte(out.Certificate))
	if block == nil {
		t.Fatal("the certificate is not in PEM")
	}
	a := agentWith(t, cp, tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: key.key})
	a.Epoch, a.Zone = out.Epoch, out.ZoneID
	return a
}

// Rotate asks for a certificate for another key.
func (a *Agent) Rotate(key Key) (next *Agent, status int, code string) {
	a.t.Helper()
	var out agentapi.RotateResponse
	status, code = a.Post(agentapi.PathRotate, agentapi.RotateRequest{CSR: key.CSR}, &out)
	return with(a.t, a.cp, key, out), status, code
}

// Hello says hello.
func (a *Agent) Hello() (out agentapi.HelloResponse, status int, code string) {
	a.t.Helper()
	status, code = a.Post(agentapi.PathHello, agentapi.Hello{Version: "test", Protocol: agentapi.ProtocolVersion, BootID: "boot"}, &out)
	return out, status, code
}

// Facts sends facts.
func (a *Agent) Facts(facts ...agentapi.Fact) (out agentapi.FactReceipt, status int, code string) {
	a.t.Helper()
	status, code = a.Post(agentapi.PathFacts, agentapi.FactBatch{Epoch: a.Epoch, Facts: facts}, &out)
	return out, status, code
}

// Post sends a document and returns the status, and the code of a problem.
func (a *Agent) Post(path string, in, out any) (status int, code string) {
	a.t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		a.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, _ := http.NewRequestWithContext(ctx, http.MethodPost, a.cp.URL+path, bytes.NewReader(text))
	return a.do(request, out)
}

func (a *Agent) do(request *http.Request, out any) (status int, code string) {
	a.t.Helper()
	response, err := a.http.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return response.StatusCode, problemCode(a.t, response)
	}
	if err := json.NewDecoder(response.Body).Decode(out); err != nil {
		a.t.Fatal(err)
	}
	return response.StatusCode, ""
}

// problemCode reads a problem document, which has to say something.
func problemCode(t testing.TB, response *http.Response) string {
	t.Helper()
	var p struct{ Code, Detail string }
	if err := json.NewDecoder(response.Body).Decode(&p); err != nil || p.Detail == "" || response.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s was answered with %d and no problem document: %v", response.Request.URL.Path, response.StatusCode, err)
	}
	return p.Code
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// Stream is an open desired stream.
type Stream struct {
	t     testing.TB
	in    *json.Decoder
	close func()
}

// Desired opens a desired stream; it is nil when that was refused.
func (a *Agent) Desired(token string) (s *Stream, status int, code string) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	address := a.cp.URL + agentapi.PathDesired
	if token != "" {
		address += "?after=" + url.QueryEscape(token)
	}
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	response, err := a.http.Do(request)
	if err != nil {
		cancel()
		a.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		defer cancel()
		defer response.Body.Close()
		return nil, response.StatusCode, problemCode(a.t, response)
	}
	s = &Stream{a.t, json.NewDecoder(response.Body), func() { cancel(); response.Body.Close() }}
	a.t.Cleanup(s.close)
	return s, response.StatusCode, ""
}

// Next returns the next event; false when the stream has ended.
func (s *Stream) Next() (e agentapi.DesiredEvent, ok bool) {
	return e, s.in.Decode(&e) == nil
}

// Until reads up to the event that the condition holds of, and returns the
// instances before it, it, and the newest token.
func (s *Stream) Until(what string, condition func(agentapi.DesiredEvent) bool) (instances []agentapi.Desired, last agentapi.DesiredEvent, token string) {
	s.t.Helper()
	for {
		e, ok := s.Next()
		if !ok {
			s.t.Fatalf("the stream ended before %s", what)
		}
		if e.Token != "" {
			token = e.Token
		}
		if e.Instance != nil {
			instances = append(instances, *e.Instance)
		}
		if condition(e) {
			return instances, e, token
		}
	}
}

// Close ends the stream.
func (s *Stream) Close() { s.close() }

// At returns the same agent, with the same certificate, at another control plane.
func (a *Agent) At(cp ControlPlane) *Agent {
	b := agentWith(a.t, cp, a.http.Transport.(*http.Transport).TLSClientConfig.Certificates...)
	b.Epoch, b.Zone = a.Epoch, a.Zone
	return b
}

// Requests opens the stream of requests into the zone, hands each to f, answers
// nothing, and returns the status once the stream has ended.
func (a *Agent) Requests(f func(agentapi.Request)) int {
	a.t.Helper()
	body, open := io.Pipe()
	defer open.Close()
	request, _ := http.NewRequest(http.MethodPost, a.cp.URL+agentapi.PathStream, body)
	response, err := a.http.Do(request)
	if err != nil {
		a.t.Error(err)
		return 0
	}
	defer response.Body.Close()
	for in := json.NewDecoder(response.Body); ; {
		var r agentapi.Request
		if in.Decode(&r) != nil {
			return response.StatusCode
		}
		f(r)
	}
}
