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

	"souk/internal/driver"
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
		if c["name"] == serverName {
			return limits["cpu"] == size["cpu"] && limits["memory"] == size["memory"]
		}
	}
	return false
}

// Settle brings settings, certificate and log-ins into force within the server,
// once its pod has its size. Files that the pod has come some time after the Secrets
// that they are of.
func (e *clusterEngine) Settle(ctx context.Context, job *kubernetes.Job, v kubernetes.View) error {
	if !kubernetes.Sized(v, v.Pods, serverName) || !restarted(v) {
		return kubernetes.ErrNotYet
	}
	wanted, err := pki.ParseCertificate(v.Certificate)
	if err != nil {
		return fmt.Errorf("%w: no certificate is known", kubernetes.ErrNotYet)
	}
	if job.Want.ServiceLevel == driver.Guaranteed {
		return e.settleMembers(ctx, job, v, wanted)
	}
	in := inForce{certificate: wanted}
	if in.live, in.open, err = clusterSettings(job.Want); err != nil {
		return err
	}
	if in.users, err = clusterLogins(job); err != nil {
		return err
	}
	return notServing(in.bring(ctx, job, e.Look(v).Primary))
}

// inForce is what has to be in force within a server.
type inForce struct {
	live        map[string]string
	open        bool
	users       map[string][]string
	certificate *x509.Certificate
}

// bring brings it into force within the server of a pod.
func (in inForce) bring(ctx context.Context, job *kubernetes.Job, pod string) error {
	s, shown, err := enterPod(ctx, job, pod)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.set(in.live); err != nil {
		return err
	}
	if err := s.letIn(in.users); err != nil {
		return err
	}
	if !in.open {
		if err := s.endSessions(); err != nil {
			return err
		}
	}
	if bytes.Equal(shown.Raw, in.certificate.Raw) {
		return nil
	}
	again, shown, err := enterPod(ctx, job, pod)
	if err != nil {
		return err
	}
	defer again.Close()
	if !bytes.Equal(shown.Raw, in.certificate.Raw) {
		return kubernetes.ErrNotYet
	}
	return nil
}

// enterPod opens a session as the administrator from within a pod, and returns the
// certificate that the server shows.
func enterPod(ctx context.Context, job *kubernetes.Job, pod string) (*session, *x509.Certificate, error) {
	return enterPort(ctx, job, pod, serverPort)
}

func enterPort(ctx context.Context, job *kubernetes.Job, pod string, port int) (*session, *x509.Certificate, error) {
	raw, err := job.Dial(ctx, pod, port)
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
