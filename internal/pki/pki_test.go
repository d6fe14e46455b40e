package pki_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"testing"
	"time"

	"souk/internal/pki"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func newCA(t *testing.T) *pki.CA {
	t.Helper()
	ca, err := pki.NewCA("test zone", now)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func parse(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	cert, err := pki.ParseCertificate(text)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestServerCertificateVerifiesForItsNamesOnly(t *testing.T) {
	ca := newCA(t)
	pair, err := ca.IssueServer([]string{"127.0.0.1", "localhost"}, now, pki.ServerValidity)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.CertPEM())
	cert := parse(t, pair.Cert)
	for name, want := range map[string]bool{"127.0.0.1": true, "localhost": true, "example.org": false} {
		_, err := cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: now})
		if (err == nil) != want {
			t.Errorf("verify for %s: %v", name, err)
		}
	}
	if !ca.IssuedBy(cert) || newCA(t).IssuedBy(cert) {
		t.Error("IssuedBy must hold for the issuing authority alone")
	}
	if !pki.Covers(cert, []string{"localhost"}) || pki.Covers(cert, []string{"localhost", "db.example"}) {
		t.Error("Covers must ask for every name")
	}
}

func TestRenewAfterTwoThirds(t *testing.T) {
	pair, err := newCA(t).IssueServer([]string{"localhost"}, now, 90*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	renew := pki.RenewAt(parse(t, pair.Cert))
	if days := renew.Sub(now).Hours() / 24; days < 59 || days > 61 {
		t.Errorf("renewed after %.1f days, want about 60", days)
	}
}

func TestAuthoritySurvivesReload(t *testing.T) {
	ca := newCA(t)
	pair, err := ca.Pair()
	if err != nil {
		t.Fatal(err)
	}
	again, err := pki.LoadCA(pair)
	if err != nil {
		t.Fatal(err)
	}
	server, err := again.IssueServer([]string{"localhost"}, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if !ca.IssuedBy(parse(t, server.Cert)) {
		t.Error("the reloaded authority is another one")
	}
	other, _ := newCA(t).Pair()
	if _, err := pki.LoadCA(pki.Pair{Cert: pair.Cert, Key: other.Key}); err == nil {
		t.Error("a key of another authority was accepted")
	}
}

func TestLeafNeverOutlivesAuthority(t *testing.T) {
	ca := newCA(t)
	pair, err := ca.IssueServer([]string{"localhost"}, now, 2*pki.CAValidity)
	if err != nil {
		t.Fatal(err)
	}
	if parse(t, pair.Cert).NotAfter.After(parse(t, ca.CertPEM()).NotAfter) {
		t.Error("the certificate outlives its authority")
	}
}

func TestClientCertificateTakesTheCallersSubject(t *testing.T) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "admin"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	csr := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	ca := newCA(t)
	text, err := ca.IssueClient(csr, pkix.Name{CommonName: "zone-1"}, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	cert := parse(t, text)
	if cert.Subject.CommonName != "zone-1" {
		t.Errorf("subject %q", cert.Subject.CommonName)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parse(t, ca.CertPEM()))
	opt := x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if _, err := cert.Verify(opt); err != nil {
		t.Error(err)
	}
}

func TestClientRequestsThatAreRefused(t *testing.T) {
	weak, _ := rsa.GenerateKey(rand.Reader, 2048)
	der, _ := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, weak)
	for name, csr := range map[string][]byte{
		"not PEM":     []byte("hello"),
		"empty block": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST"}),
		"RSA key":     pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}),
	} {
		if _, err := newCA(t).IssueClient(csr, pkix.Name{}, now, time.Hour); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
