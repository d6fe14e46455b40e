// Package pki issues the certificates of a zone's servers and of agents, from
// an authority whose key stays where it was made.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// How long certificates last. A clock that is an hour behind still takes a new
// one, or as far behind as the certificate lasts where that is less.
const (
	CAValidity     = 10 * 365 * 24 * time.Hour
	ServerValidity = 90 * 24 * time.Hour
	backdate       = time.Hour
)

// CA is a certificate authority on ECDSA P-256. It is safe for concurrent use.
type CA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// Pair is a certificate and its private key, both in PEM.
type Pair struct {
	Cert []byte
	Key  []byte
}

// NewCA makes an authority of the given name, valid from now for CAValidity.
func NewCA(name string, now time.Time) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template, err := template(name, now, CAValidity)
	if err != nil {
		return nil, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.MaxPathLenZero = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make certificate authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &CA{cert: cert, key: key, pem: encode("CERTIFICATE", der)}, nil
}

// LoadCA reads an authority that Pair wrote.
func LoadCA(pair Pair) (*CA, error) {
	cert, err := ParseCertificate(pair.Cert)
	if err != nil {
		return nil, fmt.Errorf("read the authority's certificate: %w", err)
	}
	block, _ := pem.Decode(pair.Key)
	if block == nil {
		return nil, errors.New("read the authority's key: no PEM block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("read the authority's key: not a PKCS #8 key")
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(cert.PublicKey) {
		return nil, errors.New("read the authority's key: it does not belong to the certificate")
	}
	return &CA{cert: cert, key: key, pem: encode("CERTIFICATE", cert.Raw)}, nil
}

// CertPEM is what clients verify by.
func (c *CA) CertPEM() []byte { return c.pem }

// Pair returns certificate and key, to be kept with mode 0600.
func (c *CA) Pair() (Pair, error) {
	key, err := encodeKey(c.key)
	return Pair{Cert: c.pem, Key: key}, err
}

// IssueServer makes a key and a server certificate for names (host names or IP
// addresses), valid from now for validity.
func (c *CA) IssueServer(names []string, now time.Time, validity time.Duration) (Pair, error) {
	if len(names) == 0 {
		return Pair{}, errors.New("a server certificate needs at least one name")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	template, err := template(names[0], now, validity)
	if err != nil {
		return Pair{}, err
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	cert, err := c.sign(template, key.Public())
	if err != nil {
		return Pair{}, err
	}
	keyPEM, err := encodeKey(key)
	return Pair{Cert: cert, Key: keyPEM}, err
}

// IssueClient makes a client certificate for the key of a certificate request
// in PEM. The subject is what the caller says; the request's own is ignored.
func (c *CA) IssueClient(csr []byte, subject pkix.Name, now time.Time, validity time.Duration) ([]byte, error) {
	block, _ := pem.Decode(csr)
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, errors.New("the certificate request is not in PEM")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the certificate request cannot be read: %w", err)
	}
	if err := request.CheckSignature(); err != nil {
		return nil, fmt.Errorf("the certificate request is not signed by its own key: %w", err)
	}
	key, ok := request.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("the certificate request must carry an ECDSA P-256 key")
	}
	template, err := template("", now, validity)
	if err != nil {
		return nil, err
	}
	template.Subject = subject
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return c.sign(template, key)
}

// sign issues a leaf, which never outlives the authority.
func (c *CA) sign(leaf *x509.Certificate, key crypto.PublicKey) ([]byte, error) {
	if leaf.NotAfter.After(c.cert.NotAfter) {
		leaf.NotAfter = c.cert.NotAfter
	}
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, leaf, c.cert, key, c.key)
	if err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	return encode("CERTIFICATE", der), nil
}

func template(name string, now time.Time, validity time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-min(backdate, validity)),
		NotAfter:     now.Add(validity),
	}, nil
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return encode("PRIVATE KEY", der), nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
