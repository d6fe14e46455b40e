package redis

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver/kubernetes"
	"souk/internal/pki"
)

// Fits implements kubernetes.Careful: a plan is refused that the data has no room in,
// before the server is started with it.
func (e *clusterEngine) Fits(ctx context.Context, job *kubernetes.Job, v kubernetes.View) error {
	seen := e.Look(v)
	if !seen.Serving || asksFor(v.Main, kubernetes.Resources(job.Want.Plan)) {
		return nil
	}
	live, _, err := clusterSettings(job.Want)
	if err != nil {
		return err
	}
	s, _, err := enterPod(ctx, job, seen.Primary)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.fits(job.Want.Plan, live["maxmemory-policy"])
}

// asksFor says whether a StatefulSet's pods are to have a size.
func asksFor(set *unstructured.Unstructured, size map[string]any) bool {
	containers, _, _ := unstructured.NestedSlice(set.Object, "spec", "template", "spec", "containers")
	for _, c := range containers {
		c, _ := c.(map[string]any)
		limits, _, _ := unstructured.NestedMap(c, "resources", "limits")
		if c["name"] == setName {
			return limits["cpu"] == size["cpu"] && limits["memory"] == size["memory"]
		}
	}
	return false
}

// Settle brings settings, certificate and log-ins into force within the server,
// once its pod has its size. Files that the pod has come some time after the Secrets
// that they are of.
func (e *clusterEngine) Settle(ctx context.Context, job *kubernetes.Job, v kubernetes.View) error {
	if !kubernetes.Sized(v, v.Pods, setName) || !restarted(v) {
		return kubernetes.ErrNotYet
	}
	live, open, err := clusterSettings(job.Want)
	if err != nil {
		return err
	}
	users, err := clusterLogins(job)
	if err != nil {
		return err
	}
	wanted, err := pki.ParseCertificate(v.Certificate)
	if err != nil {
		return fmt.Errorf("%w: no certificate is known", kubernetes.ErrNotYet)
	}
	pod := e.Look(v).Primary
	s, shown, err := enterPod(ctx, job, pod)
	if err != nil {
		return notServing(err)
	}
	defer s.Close()
	if err := s.set(live); err != nil {
		return notServing(err)
	}
	if err := s.letIn(users); err != nil {
		return notServing(err)
	}
	if !open {
		if err := s.endSessions(); err != nil {
			return notServing(err)
		}
	}
	if bytes.Equal(shown.Raw, wanted.Raw) {
		return nil
	}
	again, shown, err := enterPod(ctx, job, pod)
	if err != nil {
		return notServing(err)
	}
	defer again.Close()
	if !bytes.Equal(shown.Raw, wanted.Raw) {
		return kubernetes.ErrNotYet
	}
	return nil
}

// enterPod opens a session as the administrator from within a pod, and returns the
// certificate that the server shows.
func enterPod(ctx context.Context, job *kubernetes.Job, pod string) (*session, *x509.Certificate, error) {
	raw, err := job.Dial(ctx, pod, serverPort)
	if err != nil {
		return nil, nil, err
	}
	conn := tls.Client(raw, verifying(job.Authority()))
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, nil, err
	}
	s, err := administer(own.Conn(job.Want.ID, conn), clusterPassword(job, administrator))
	if err != nil {
		return nil, nil, err
	}
	return s, conn.ConnectionState().PeerCertificates[0], nil
}

// verifying accepts what the zone's authority has signed, and be it out of date: a
// server gets its next certificate by a session. The name needs no proof, for the
// way to the pod is the API server's.
func verifying(authority []byte) *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &tls.Config{
		InsecureSkipVerify: true, // VerifyConnection does
		VerifyConnection: func(state tls.ConnectionState) error {
			leaf := state.PeerCertificates[0]
			_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: leaf.NotBefore, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
			return err
		},
	}
}

// notServing turns what a server that is starting or ending does into ErrNotYet.
func notServing(err error) error {
	if starting(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) {
		return fmt.Errorf("%w: %w", kubernetes.ErrNotYet, err)
	}
	return err
}
