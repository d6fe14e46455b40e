package httpapi

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/internal/authz"
)

// call is what is known of the request that is being served.
type call struct {
	requestID string
	address   string // of the client
	userAgent string // as the client calls itself
	origin    string // that the client called: scheme and host
	op        Operation
	principal authz.Principal
	// Where the request goes. The project is known by name until the
	// transaction resolves it.
	organization     uuid.UUID
	organizationName string
	projectName      string
	asOperator       bool // let in by the operation's Operator action

	route          string // method and path
	idempotencyKey string
	digest         hash.Hash // of all that is asked for
	controller     *http.ResponseController
}

type callKey struct{}

func callFrom(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil {
		return &call{}
	}
	return c
}

// PrincipalFrom returns who asks; it has no ID where nobody had to say.
func PrincipalFrom(ctx context.Context) authz.Principal { return callFrom(ctx).principal }

// RequestID returns the request's ID, which is in its answer, in the log and in
// the audit log.
func RequestID(ctx context.Context) string { return callFrom(ctx).requestID }

// bodyRead lifts the deadline for reading the body once it has been read, as it
// would end a handler that takes longer.
func (c *call) bodyRead() {
	if c.controller != nil {
		_ = c.controller.SetReadDeadline(time.Time{})
	}
}

// hashed is a body that is hashed while it is read.
type hashed struct {
	io.Reader
	io.Closer
}

// digestOf starts the hash of a request: all that makes it another request, but
// for the body, which is added as it is read.
func digestOf(r *http.Request) hash.Hash {
	h := sha256.New()
	for _, part := range []string{r.URL.RawQuery, r.Header.Get("Content-Type"), r.Header.Get("If-Match")} {
		io.WriteString(h, part)
		h.Write([]byte{0})
	}
	if r.Body != nil {
		r.Body = hashed{io.TeeReader(r.Body, h), r.Body}
	}
	return h
}
