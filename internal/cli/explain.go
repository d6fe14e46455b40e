package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"

	"souk/api/client"
)

// explain says in plain words what happened and what to do.
func (a *App) explain(err error) string {
	var refused *client.Error
	var unreachable *client.UnreachableError
	var coded *codeError
	switch {
	case errors.As(err, &coded) && coded.err == nil:
		return ""
	case errors.Is(err, context.Canceled):
		return "interrupted; what had been sent already may have been carried out"
	case errors.As(err, &refused):
		return a.explainRefusal(err, refused)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s; --timeout allows for more", a.timeout)
	case errors.As(err, &unreachable):
		return explainUnreachable(unreachable)
	}
	return err.Error()
}

func (a *App) explainRefusal(err error, refused *client.Error) string {
	text := refused.Detail
	if text == "" {
		text = refused.Title
	}
	if prefix, ok := strings.CutSuffix(err.Error(), refused.Error()); ok {
		text = prefix + text
	}
	for _, f := range refused.Fields {
		text += "\n  " + strings.TrimPrefix(f.Name()+": "+f.Message, ": ")
	}
	if hint := a.hint(refused); hint != "" {
		text += "\n" + hint
	}
	if refused.RequestID != "" && refused.Status >= 500 {
		text += "\nIf it goes on, tell the operator this request's number: " + refused.RequestID
	}
	return text
}

// hint says what to do about a refusal, where its status alone tells.
func (a *App) hint(refused *client.Error) string {
	switch refused.Status {
	case http.StatusUnauthorized:
		if a.Getenv("SOUK_TOKEN") != "" {
			return "The token in SOUK_TOKEN is not valid here: it may have expired or been revoked."
		}
		return "Sign in with: souk login"
	case http.StatusForbidden:
		return "souk whoami shows your role; an owner or admin of the organization can change it."
	case http.StatusPreconditionFailed:
		return "It has been changed since you looked at it. Look again, then repeat the change."
	case http.StatusTooManyRequests:
		return "Too many requests: try again a little later."
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return "The server cannot answer now: try again a little later."
	}
	return ""
}

func explainUnreachable(e *client.UnreachableError) string {
	var (
		dns     *net.DNSError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
	)
	text := "cannot reach " + e.Server + ": "
	const choose = "\nStart one on this machine with: souk dev\nOr choose another: souk context list, souk context use NAME, or set SOUK_SERVER"
	switch {
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return text + "nothing listens there (connection refused)." + choose
	case errors.As(e.Err, &dns):
		return text + fmt.Sprintf("no such host (%s).", dns.Name) + choose
	case errors.As(e.Err, &unknown):
		return text + "its certificate comes from an authority that is not known here.\nName the authority's PEM file in SOUK_CA, or sign in with: souk login --ca FILE"
	case errors.As(e.Err, &host), errors.As(e.Err, &invalid):
		return text + "its certificate is not valid for it: " + e.Err.Error()
	case errors.As(e.Err, &record), errors.Is(e.Err, http.ErrSchemeMismatch):
		return text + "it does not speak TLS there; its address begins with http://"
	}
	return text + e.Err.Error() + choose
}
