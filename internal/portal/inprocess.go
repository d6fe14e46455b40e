package portal

import (
	"io"
	"net/http"
	"time"

	"souk/api/client"
)

// clientFor returns a client of the API that acts as whoever has the secret, from
// the address that the request came from.
func (p *Portal) clientFor(r *http.Request, secret string, more ...client.Option) *client.Client {
	options := []client.Option{
		client.WithHTTPTransport(inProcess{p.API, r}), client.WithUserAgent(r.UserAgent()), client.WithPatience(time.Second),
	}
	if secret != "" {
		options = append(options, client.WithToken(secret))
	}
	c, err := client.New("http://souk.internal", append(options, more...)...)
	if err != nil { // a cookie with white space: nobody's
		c, _ = client.New("http://souk.internal", options[:3]...)
	}
	return c
}

// inProcess hands requests to a handler instead of the network. Answers can be
// streams.
type inProcess struct {
	handler http.Handler
	visit   *http.Request
}

// RoundTrip implements http.RoundTripper.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.RemoteAddr, r.RequestURI, r.Host, r.TLS = t.visit.RemoteAddr, r.URL.RequestURI(), t.visit.Host, t.visit.TLS
	for _, forwarded := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"} {
		if values := t.visit.Header.Values(forwarded); len(values) > 0 {
			r.Header[forwarded] = values
		}
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	reader, writer := io.Pipe()
	w := &pipeWriter{header: http.Header{}, writer: writer, answered: make(chan *http.Response, 1), reader: reader, request: r}
	go func() {
		defer func() {
			if fault := recover(); fault != nil { // the handler broke its answer off
				w.WriteHeader(http.StatusInternalServerError)
				writer.CloseWithError(io.ErrUnexpectedEOF)
			}
		}()
		t.handler.ServeHTTP(w, r)
		w.WriteHeader(http.StatusOK)
		writer.Close()
	}()
	select {
	case resp := <-w.answered:
		return resp, nil
	case <-r.Context().Done():
		reader.CloseWithError(r.Context().Err())
		return nil, r.Context().Err()
	}
}

// pipeWriter is the handler's end of an answer.
type pipeWriter struct {
	header   http.Header
	writer   *io.PipeWriter
	reader   *io.PipeReader
	request  *http.Request
	answered chan *http.Response
	begun    bool
}

func (w *pipeWriter) Header() http.Header { return w.header }

// WriteHeader lets the asker have the answer; later calls do nothing.
func (w *pipeWriter) WriteHeader(status int) {
	if w.begun {
		return
	}
	w.begun = true
	w.answered <- &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header.Clone(), Body: w.reader, ContentLength: -1, Request: w.request,
	}
}

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.writer.Write(p)
}

// Flush has nothing to do: a write is read before it returns.
func (w *pipeWriter) Flush() { w.WriteHeader(http.StatusOK) }

// SetReadDeadline and SetWriteDeadline: there is no connection that could hang.
func (w *pipeWriter) SetReadDeadline(time.Time) error  { return nil }
func (w *pipeWriter) SetWriteDeadline(time.Time) error { return nil }
