package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// maxAnswer bounds what is read of one answer.
const maxAnswer = 64 << 20

// call is one request and where its answer goes.
type call struct {
	method string
	path   []string // segments below /api/v1, not yet escaped
	query  url.Values
	body   any
	raw    []byte // a body that is no document, in place of body
	out    any
	// changes marks a request that must not be carried out twice.
	changes     bool
	slow        bool   // the answer may take minutes
	contentType string // application/json unless set
	ifMatch     string
	etag        *string
	accept      string // media type of an answer that is no document; out is then a *[]byte
}

// do carries the call out, repeating it safely.
func (c *Client) do(ctx context.Context, k call) error {
	payload := k.raw
	if k.body != nil {
		var err error
		if payload, err = json.Marshal(k.body); err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
	}
	header := http.Header{"Accept": {cmp.Or(k.accept, "application/json")}}
	if payload != nil {
		header.Set("Content-Type", cmp.Or(k.contentType, "application/json"))
	}
	if k.ifMatch != "" {
		header.Set("If-Match", k.ifMatch)
	}
	if k.changes {
		header.Set("Idempotency-Key", idempotencyKey(ctx))
	}
	policy := c.retry
	policy.insist = k.changes
	if k.slow {
		policy.attempt = 0
	}
	return policy.do(ctx, func(ctx context.Context) error {
		resp, err := c.send(ctx, k.method, k.path, k.query, header, payload)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return c.decode(resp, k)
	})
}

type keyOfContext struct{}

// WithIdempotencyKey returns a context whose changing calls carry this key, so
// that the same call made again, by another process even, is carried out once.
// Without it each call has a key of its own. One context is for one call.
func WithIdempotencyKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyOfContext{}, key)
}

func idempotencyKey(ctx context.Context) string {
	if key, ok := ctx.Value(keyOfContext{}).(string); ok && key != "" {
		return key
	}
	return rand.Text()
}

// send makes one try and returns a 2xx answer, the refusal as *Error, or an
// *UnreachableError. The caller closes the body.
func (c *Client) send(ctx context.Context, method string, path []string, query url.Values, header http.Header, payload []byte) (*http.Response, error) {
	target, err := c.url(path, query)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	req.Header = header.Clone()
	req.Header.Set("User-Agent", c.userAgent)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.view != "" {
		req.Header.Set("Souk-View", c.view)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		return nil, problem(resp)
	}
	return resp, nil
}

func (c *Client) decode(resp *http.Response, k call) error {
	if k.etag != nil {
		*k.etag = resp.Header.Get("ETag")
	}
	if k.out == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	if k.accept != "" && resp.Header.Get("Content-Type") == k.accept {
		raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return c.unreachable(err)
		}
		*k.out.(*[]byte) = raw
		return nil
	}
	if !isJSON(resp.Header.Get("Content-Type")) || k.accept != "" {
		return fmt.Errorf("%s answered with something that is not Souk: check the server's address", c.base)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return c.unreachable(err)
	}
	if err := json.Unmarshal(body, k.out); err != nil {
		return fmt.Errorf("%s answered with a document this version does not understand: %w", c.base, err)
	}
	return nil
}

// url builds the address of a path's segments, each escaped.
func (c *Client) url(path []string, query url.Values) (string, error) {
	var b strings.Builder
	b.WriteString(c.base.String() + "/api/v1")
	for _, segment := range path {
		if segment == "" || segment == "." || segment == ".." {
			return "", fmt.Errorf("%q is not a name", segment)
		}
		b.WriteString("/" + url.PathEscape(segment))
	}
	if len(query) > 0 {
		b.WriteString("?" + query.Encode())
	}
	return b.String(), nil
}

// unreachable drops the request's URL from the error: the server is named once.
func (c *Client) unreachable(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return &UnreachableError{Server: c.base.String(), Err: err}
}

// hopeless tells whether a connection error will not go away by itself.
func hopeless(err error) bool {
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		record   tls.RecordHeaderError
		verify   *tls.CertificateVerificationError
		dns      *net.DNSError
	)
	return errors.As(err, &unknown) || errors.As(err, &hostname) || errors.As(err, &invalid) ||
		errors.As(err, &record) || errors.As(err, &verify) || (errors.As(err, &dns) && dns.IsNotFound) ||
		errors.Is(err, http.ErrSchemeMismatch)
}
