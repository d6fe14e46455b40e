package httpapi

import (
	"context"
	"net/http"
)

// publicURL is where people find the portal: as the client of this request
// addressed it.
func (s *Server) publicURL(ctx context.Context) string { return callFrom(ctx).origin }

// origin is the scheme and host of a request's own address.
func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
