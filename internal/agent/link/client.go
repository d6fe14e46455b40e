// Package link is the agent's side of the agent API: it dials the control
// plane, over HTTP/2 and mutual TLS 1.3, and is never dialled.
package link

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"souk/internal/agentapi"
)

// maxAnswer bounds one JSON answer, and one line of a stream.
const maxAnswer = 8 << 20

// Options of a client. All durations are in real time.
type Options struct {
	Server string // URL of the agents' listener
	Now    func() time.Time
	Logger *slog.Logger

	Request time.Duration // for one request and its answer
	Silence time.Duration // after which a stream without a line is taken for dead
	Ping    time.Duration // of silence on the connection, after which it is tried
	Drain   time.Duration // for which requests in flight may go on over an old connection
	MaxAsks int           // requests into the zone answered at one time
}

// Client talks to the control plane. It is safe for concurrent use.
type Client struct {
	base *url.URL
	opt  Options

	mu          sync.Mutex
	http        *http.Client
	switched    chan struct{} // closed when http is replaced
	certificate *tls.Certificate
	roots       *x509.CertPool

	draining sync.WaitGroup // streams that end on an old connection
}

// New returns a client that verifies the server by roots; until Use it has no
// certificate of its own and can only enrol.
func New(opt Options, roots *x509.CertPool) (*Client, error) {
	base, err := url.Parse(opt.Server)
	if err != nil || base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("the server %q is not an address that starts with https://", opt.Server)
	}
	c := &Client{base: base, opt: opt, switched: make(chan struct{}), roots: roots}
	c.http = c.dialer()
	return c, nil
}

// Use makes all further requests with the certificate, over a new connection.
// Streams move over; requests in flight end on the old one.
func (c *Client) Use(certificate tls.Certificate, roots *x509.CertPool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.certificate, c.roots = &certificate, roots
	c.replace()
}

// redial gives up a connection that has gone silent, unless it was replaced
// already.
func (c *Client) redial(silent <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if silent == c.switched {
		c.replace()
	}
}

func (c *Client) replace() {
	old := c.http
	c.http = c.dialer()
	close(c.switched)
	c.switched = make(chan struct{})
	old.CloseIdleConnections()
}

// Close waits for the streams that end on old connections, whose contexts must
// have ended, and closes idle connections.
func (c *Client) Close() {
	c.draining.Wait()
	current, _ := c.current()
	current.CloseIdleConnections()
}

func (c *Client) current() (*http.Client, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.http, c.switched
}

func (c *Client) dialer() *http.Client {
	certificate := c.certificate
	config := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: c.roots, Time: c.opt.Now}
	if certificate != nil {
		// Always sent, even when it has expired: the control plane decides.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return certificate, nil
		}
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	return &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: c.opt.Request, KeepAlive: c.opt.Ping}).DialContext,
			TLSClientConfig:     config,
			TLSHandshakeTimeout: c.opt.Request,
			Protocols:           protocols,
			HTTP2:               &http.HTTP2Config{SendPingTimeout: c.opt.Ping, PingTimeout: c.opt.Ping},
			IdleConnTimeout:     c.opt.Silence,
			DisableCompression:  true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Enrol spends a one-time token.
func (c *Client) Enrol(ctx context.Context, in agentapi.EnrolRequest) (*agentapi.EnrolResponse, error) {
	out := new(agentapi.EnrolResponse)
	return out, c.call(ctx, agentapi.PathEnrol, in, out)
}

// Rotate asks for a new certificate.
func (c *Client) Rotate(ctx context.Context, in agentapi.RotateRequest) (*agentapi.RotateResponse, error) {
	out := new(agentapi.RotateResponse)
	return out, c.call(ctx, agentapi.PathRotate, in, out)
}

// Hello says what the zone can do.
func (c *Client) Hello(ctx context.Context, in agentapi.Hello) (*agentapi.HelloResponse, error) {
	out := new(agentapi.HelloResponse)
	return out, c.call(ctx, agentapi.PathHello, in, out)
}

// Facts reports a batch.
func (c *Client) Facts(ctx context.Context, in agentapi.FactBatch) (*agentapi.FactReceipt, error) {
	out := new(agentapi.FactReceipt)
	return out, c.call(ctx, agentapi.PathFacts, in, out)
}

// Metrics sends samples: a remote write request, compressed by snappy.
func (c *Client) Metrics(ctx context.Context, body []byte) (*agentapi.MetricsReceipt, error) {
	out := new(agentapi.MetricsReceipt)
	return out, c.post(ctx, agentapi.PathMetrics, "application/x-protobuf", body, out)
}

// call posts one JSON document and reads one.
func (c *Client) call(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("write the request to %s: %w", path, err)
	}
	return c.post(ctx, path, "application/json", body, out)
}

// post sends a body and reads one JSON document.
func (c *Client) post(ctx context.Context, path, kind string, body []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.opt.Request)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("write the request to %s: %w", path, err)
	}
	request.Header.Set("Content-Type", kind)
	current, _ := c.current()
	response, err := current.Do(request)
	if err != nil {
		return fmt.Errorf("reach the control plane: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return readProblem(response)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("read the control plane's answer to %s: %w", path, err)
	}
	return nil
}
