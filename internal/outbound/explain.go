package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"syscall"
)

// Explain says in plain words why a server could not be asked. Nothing of its
// address, and nothing that it sent, is repeated.
func Explain(err error) string {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		expired   x509.CertificateInvalidError
		broken    *tls.CertificateVerificationError
		timeout   net.Error
	)
	switch {
	case errors.Is(err, ErrPrivate):
		return "Its address is in a private network, which Souk's operator has not allowed."
	case errors.Is(err, ErrPlain):
		return "Its addresses have to begin with https://."
	case errors.Is(err, ErrRedirect):
		return "It sends requests on to another address."
	case errors.Is(err, ErrTooLarge):
		return "Its answer is larger than it should be."
	case errors.As(err, &dns):
		return "Its name is not known in DNS."
	case errors.As(err, &authority), errors.As(err, &name), errors.As(err, &expired), errors.As(err, &broken):
		return "Its certificate is not valid."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "Nothing listens at its address."
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "It does not answer in time."
	}
	return "It cannot be reached."
}
