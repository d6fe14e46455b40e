package agenttest

import (
	"crypto/x509"
	"fmt"
	"net/http"

	"souk/internal/agentapi"
)

// Token makes a one-time token.
func (s *Server) Token() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := fmt.Sprintf("token-%d", len(s.tokens)+1)
	s.tokens[token] = new(enrolment)
	return token
}

// Issued counts the certificates issued so far.
func (s *Server) Issued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issued
}

// Epoch is the zone's epoch: 0 before an agent has enrolled.
func (s *Server) Epoch() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// Supersede enrols another agent for the zone.
func (s *Server) Supersede() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newEpoch()
	s.notify()
}

func (s *Server) newEpoch() {
	s.epoch++
	s.latest = nil
	s.facts = nil
}

func (s *Server) enrol(w http.ResponseWriter, r *http.Request) {
	var in agentapi.EnrolRequest
	if !s.read(w, r, &in) {
		return
	}
	csr, err := parseCSR(in.CSR)
	if err != nil {
		s.breach(w, "enrol: %v", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	token, found := s.tokens[in.Token]
	if !found {
		problem(w, http.StatusUnauthorized, "unknown-token", "This token does not exist.")
		return
	}
	if token.key != "" && token.key != string(csr.RawSubjectPublicKeyInfo) {
		problem(w, http.StatusUnauthorized, "token-spent", "This token has been used already.")
		return
	}
	if token.key == "" {
		s.newEpoch()
		*token = enrolment{key: string(csr.RawSubjectPublicKeyInfo), epoch: s.epoch}
	}
	if token.epoch != s.epoch {
		problem(w, http.StatusConflict, agentapi.CodeSuperseded, "Another agent has been enrolled.")
		return
	}
	s.certify(w, csr)
}

func (s *Server) rotate(w http.ResponseWriter, r *http.Request) {
	var in agentapi.RotateRequest
	if !s.read(w, r, &in) {
		return
	}
	csr, err := parseCSR(in.CSR)
	if err != nil {
		s.breach(w, "rotate: %v", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	asking := r.TLS.PeerCertificates[0]
	if string(csr.RawSubjectPublicKeyInfo) == string(asking.RawSubjectPublicKeyInfo) {
		s.breach(w, "rotate: the key is not a new one")
		return
	}
	// An expired certificate may ask if it is the latest issued, or if what was
	// issued since went to this very key and never arrived.
	isLatest := s.latest != nil && asking.Equal(s.latest)
	isRepeat := s.latest != nil && string(s.latest.RawSubjectPublicKeyInfo) == string(csr.RawSubjectPublicKeyInfo)
	if !s.opt.Now().Before(asking.NotAfter) && !isLatest && !isRepeat {
		problem(w, http.StatusForbidden, "expired", "The certificate has expired and is not the latest.")
		return
	}
	s.certify(w, csr)
}

// certify answers with a certificate of the present epoch; the lock is held.
func (s *Server) certify(w http.ResponseWriter, csr *x509.CertificateRequest) {
	s.serial++
	now := s.opt.Now()
	cert, err := s.ca.issue(csr, s.epoch, s.serial+100, now, now.Add(s.opt.Life))
	if err != nil {
		problem(w, http.StatusInternalServerError, "", err.Error())
		return
	}
	s.latest = cert
	s.issued++
	s.notify()
	answer(w, agentapi.EnrolResponse{
		ZoneID: ZoneID, Zone: "test", Epoch: s.epoch,
		Certificate: certificatePEM(cert.Raw), NotAfter: cert.NotAfter, CA: s.ca.pem,
	})
}

// validity says which dates a path accepts of a certificate.
type validity bool

const (
	inForce      validity = false
	mayBeExpired validity = true
)

// known lets only agents of the present epoch through.
func (s *Server) known(next http.HandlerFunc, dates validity) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 || s.ca.verify(r.TLS.PeerCertificates[0]) != nil {
			problem(w, http.StatusUnauthorized, "no-certificate", "A certificate of this zone's agent is needed.")
			return
		}
		cert := r.TLS.PeerCertificates[0]
		if cert.Subject.CommonName != fmt.Sprintf("epoch-%d", s.Epoch()) {
			problem(w, http.StatusConflict, agentapi.CodeSuperseded, "Another agent has been enrolled for this zone.")
			return
		}
		if dates == inForce && !s.opt.Now().Before(cert.NotAfter) {
			problem(w, http.StatusUnauthorized, "expired", "The certificate has expired.")
			return
		}
		next(w, r)
	}
}
