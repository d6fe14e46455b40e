// Package client speaks Souk's HTTP API from Go programs.
//
// A Client is safe for concurrent use. Calls that change something carry an
// idempotency key, so that they can be repeated until the server has answered:
// they go on through lost connections, 429 and 503 with jittered back-off until
// their context ends. Other calls, and those that reach no server at all, give
// up after the client's patience. Refusals come back as *Error.
package client

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client calls one server as one principal.
type Client struct {
	base      *url.URL
	token     string
	view      string
	userAgent string
	http      *http.Client
	retry     retryPolicy
	idle      time.Duration // a stream that is silent for longer is taken for dead
}

// Option sets up a Client.
type Option func(*Client) error

// WithToken sets the bearer token.
func WithToken(token string) Option {
	return func(c *Client) error {
		if strings.ContainsAny(token, " \t\r\n") {
			return fmt.Errorf("the token contains white space: it was probably copied with a line end")
		}
		c.token = token
		return nil
	}
}

// WithView makes every request in a view of the operator's staff; see api.View.
func WithView(id string) Option {
	return func(c *Client) error { c.view = id; return nil }
}

// WithCA trusts the certificate authorities in this PEM text, and no others.
func WithCA(pem []byte) Option {
	return func(c *Client) error {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return fmt.Errorf("the certificate authority given is not a PEM certificate")
		}
		transport := newTransport()
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
		c.http.Transport = transport
		return nil
	}
}

// WithHTTPTransport replaces the transport, for proxies and tests.
func WithHTTPTransport(t http.RoundTripper) Option {
	return func(c *Client) error { c.http.Transport = t; return nil }
}

// WithUserAgent names the calling program, as in "terraform-provider-souk/1.2".
func WithUserAgent(agent string) Option {
	return func(c *Client) error { c.userAgent = agent; return nil }
}

// WithPatience sets for how long a call that changes nothing, or that reaches no
// server at all, is tried again; it is 5 s unless set. The call's context bounds
// it in any case.
func WithPatience(d time.Duration) Option {
	return func(c *Client) error { c.retry.patience = d; return nil }
}

// WithBackoff sets the longest and shortest pause between tries.
func WithBackoff(shortest, longest time.Duration) Option {
	return func(c *Client) error {
		c.retry.shortest, c.retry.longest = shortest, longest
		return nil
	}
}

// WithNotify is told of every try that failed and is going to be repeated.
func WithNotify(notify func(Retry)) Option {
	return func(c *Client) error { c.retry.notify = notify; return nil }
}

// WithIdleTimeout sets after which silence a watch is taken for dead and begun
// again; it is 60 s unless set. Servers send a comment every few seconds.
func WithIdleTimeout(d time.Duration) Option {
	return func(c *Client) error { c.idle = d; return nil }
}

// New returns a client of the server at this URL, such as
// "https://souk.example.com".
func New(server string, options ...Option) (*Client, error) {
	base, err := parseServer(server)
	if err != nil {
		return nil, err
	}
	c := &Client{
		base:      base,
		userAgent: "souk-go-client",
		http:      &http.Client{Transport: newTransport(), CheckRedirect: keepRedirect},
		retry:     defaultRetry(),
		idle:      60 * time.Second,
	}
	for _, option := range options {
		if err := option(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Server returns the server's URL.
func (c *Client) Server() string { return c.base.String() }

func parseServer(server string) (*url.URL, error) {
	base, err := url.Parse(strings.TrimRight(server, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("%q is not a server's URL; it looks like https://souk.example.com", server)
	}
	if base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("the server's URL carries more than a host and a path; log-ins do not belong in it")
	}
	return base, nil
}

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConns:          100,
		ForceAttemptHTTP2:     true,
	}
}

// keepRedirect hands a redirect back instead of following it: a token is never
// sent to a server that was not chosen, and a POST never becomes a GET.
func keepRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
