package kubernetes

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"syscall"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver"
)

// Prober is an Engine whose instances can be tried as their clients use them.
type Prober interface {
	Engine
	// Probe returns how the instance is tried; nil where nobody may connect.
	Probe(job *Job, way Way) *driver.Probe
}

// Way is how clients get to an instance.
type Way struct {
	// Dial connects, without TLS. driver.ErrCannotTell where it is not known that
	// the agent could get there.
	Dial func(ctx context.Context) (net.Conn, error)
	// TLS verifies the server by the name that clients are told.
	TLS *tls.Config
}

var _ driver.Prober = (*Driver)(nil)

// Probe implements driver.Prober.
func (d *Driver) Probe(ctx context.Context, want driver.Instance) (*driver.Probe, error) {
	rec, err := d.cached(ctx, want.ID)
	if err != nil {
		return nil, err
	}
	if !d.watches.synced(ctx, services) {
		return nil, context.Cause(ctx)
	}
	prober, ok := d.engines[rec.Service].(Prober)
	if !ok || rec.Stopped || !rec.Initialised {
		return nil, nil
	}
	way, err := d.way(want)
	if err != nil {
		return nil, err
	}
	return prober.Probe(d.job(want), way), nil
}

// way is that of clients from everywhere: the address that they are told. Where only
// some networks are let in, which the agent is in none of, it is that of the same
// Service within the cluster.
func (d *Driver) way(want driver.Instance) (Way, error) {
	host, _, ok := d.address(d.accessOf(want.ID))
	if !ok {
		return Way{}, errors.New("the instance has no address")
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(d.authority.ca.CertPEM())
	way := Way{TLS: &tls.Config{RootCAs: roots, ServerName: host, Time: d.cfg.Now, MinVersion: tls.VersionTLS12}}
	if everybody, _ := driver.AllOrNone(want.AllowedNetworks); everybody {
		way.Dial = func(ctx context.Context) (net.Conn, error) {
			host, port, ok := d.address(d.accessOf(want.ID))
			if !ok {
				return nil, errors.New("the instance has no address")
			}
			return connect(ctx, host, port)
		}
		return way, nil
	}
	way.Dial = func(ctx context.Context) (net.Conn, error) {
		host, port := within(d.accessOf(want.ID))
		conn, err := connect(ctx, host, port)
		return conn, d.inside.judge(err)
	}
	return way, nil
}

// accessOf is the Service that clients of an instance use, or nil.
func (d *Driver) accessOf(id string) *unstructured.Unstructured {
	return d.watches.get(services, namespaceOf(id), accessName)
}

func connect(ctx context.Context, host string, port int) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
}

// within is the address of a Service within the cluster.
func within(service *unstructured.Unstructured) (host string, port int) {
	if service == nil {
		return "", 0
	}
	host, _, _ = unstructured.NestedString(service.Object, "spec", "clusterIP")
	entries, _, _ := unstructured.NestedSlice(service.Object, "spec", "ports")
	if len(entries) > 0 {
		entry, _ := entries[0].(map[string]any)
		number, _, _ := unstructured.NestedInt64(entry, "port")
		port = int(number)
	}
	return host, port
}

// route is whether this agent gets to addresses within the cluster: one outside of it
// may not, and then nothing is known of what does not answer there.
type route struct{ known atomic.Bool }

// judge says of what came of a connection what it says of an instance.
func (r *route) judge(err error) error {
	if err == nil || errors.Is(err, syscall.ECONNREFUSED) {
		r.known.Store(true)
		return err
	}
	if r.known.Load() {
		return err
	}
	return fmt.Errorf("%w: nothing has answered at addresses of the cluster's Services yet: %w", driver.ErrCannotTell, err)
}
