package process

import (
	"crypto/tls"
	"crypto/x509"
)

// TLS is how the agent itself connects to the instance's address, where an engine
// has no other way in: the server has to show a certificate of the zone's authority.
func (h *Host) TLS() *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(h.ca.CertPEM())
	return &tls.Config{RootCAs: roots, ServerName: h.names[0], Time: h.now, MinVersion: tls.VersionTLS12}
}
