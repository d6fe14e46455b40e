// Package conformance is the behaviour that agents rely on, as tests that every
// control plane has to pass: the real one, and the one in memory that tests of
// agents run against.
package conformance

import (
	"crypto/x509"
	"testing"
	"time"
)

// ControlPlane is one control plane under test, with one zone in it.
type ControlPlane struct {
	URL   string
	Roots *x509.CertPool // to verify it by
	// Now is the machine's time there, and Advance moves it; certificates last an hour.
	Now     func() time.Time
	Advance func(d time.Duration)
	// Token makes a one-time enrolment token for the zone.
	Token func() string
	// Order has something wanted of one more instance, and Change something else
	// wanted of one; Order returns its ID.
	Order  func() string
	Change func(id string)
	// Compact makes all resume tokens that were handed out so far too old.
	Compact func()
}

// CertificateLife and Heartbeat are what a ControlPlane has to be set to.
const (
	CertificateLife = time.Hour
	Heartbeat       = 50 * time.Millisecond
)

// Run runs all tests, each against a control plane of its own.
func Run(t *testing.T, make func(t *testing.T) ControlPlane) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, cp ControlPlane)
	}{
		{"enrolling again with the same key is the same agent", enrolAgain},
		{"a token is spent for every other key", tokenIsSpent},
		{"nobody without a certificate comes in", noCertificate},
		{"facts are acknowledged, repeats again, and nothing twice", factsOnce},
		{"a gap in the facts is refused", factsGap},
		{"another fact under a number that was taken is refused", factsConflict},
		{"hello says how far the facts came", helloAcknowledges},
		{"a stream begins with everything and goes on with changes", streamFollows},
		{"a stream resumes after a token with what came since", streamResumes},
		{"a token that is too old answers 410", streamCompacted},
		{"heartbeats fill the silence", streamBeats},
		{"another enrolment supersedes the agent", superseded},
		{"a certificate is renewed with a new key", rotates},
		{"a renewal whose answer was lost is repeated", rotatesAgain},
		{"an expired certificate may still be renewed", expiredRenews},
		{"an expired one may repeat a renewal whose answer was lost", expiredRepeats},
		{"an expired one that was renewed long ago may not", expiredAndOld},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, make(t)) })
	}
}
