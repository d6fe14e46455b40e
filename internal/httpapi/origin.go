package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"strings"
)

// publicURL is where people open the portal.
func (s *Server) publicURL(ctx context.Context) string {
	return cmp.Or(strings.TrimRight(s.PublicURL, "/"), callFrom(ctx).origin)
}

// origin is the scheme and host of a request's own address.
func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
