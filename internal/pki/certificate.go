package pki

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"time"
)

// ParseCertificate reads the first certificate of a PEM text.
func ParseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// RenewAt is when a certificate should be replaced: after two thirds of its life.
func RenewAt(cert *x509.Certificate) time.Time {
	life := cert.NotAfter.Sub(cert.NotBefore)
	return cert.NotAfter.Add(-life / 3)
}

// IssuedBy says whether the authority signed the certificate.
func (c *CA) IssuedBy(cert *x509.Certificate) bool {
	return cert.CheckSignatureFrom(c.cert) == nil
}

// Covers says whether a server certificate is good for every one of names.
func Covers(cert *x509.Certificate, names []string) bool {
	for _, name := range names {
		if cert.VerifyHostname(name) != nil {
			return false
		}
	}
	return true
}
