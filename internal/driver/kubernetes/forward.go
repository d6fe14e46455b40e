package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
)

// errOutOfReach: nothing is known of what could not be asked.
var errOutOfReach = errors.New("a pod cannot be reached through the API server")

// forward connects to a port of a pod through the API server, so that no
// network has to be open between the agent and the pod. The connection ends
// with ctx, or when it is closed.
func (d *Driver) forward(ctx context.Context, namespace, pod string, port int) (net.Conn, error) {
	url := d.core.Post().Namespace(namespace).Resource("pods").Name(pod).SubResource("portforward").URL()
	dialer, err := portforward.NewSPDYOverWebsocketDialerForStreaming(url, rest.CopyConfig(d.cfg.REST))
	if err != nil {
		return nil, err
	}
	tunnel, err := dialWithin(ctx, dialer)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errOutOfReach, pod, err)
	}
	errs, data, err := streams(tunnel, port)
	if err != nil {
		tunnel.Close()
		return nil, err
	}
	ours, theirs := net.Pipe()
	stop := context.AfterFunc(ctx, func() { ours.Close() })
	go func() {
		defer tunnel.Close()
		defer stop()
		defer theirs.Close()
		go func() {
			_, _ = io.Copy(data, theirs)
			data.Close()
		}()
		go func() {
			if text, _ := io.ReadAll(errs); len(text) > 0 {
				theirs.Close()
			}
		}()
		_, _ = io.Copy(theirs, data)
	}()
	return ours, nil
}

// dialWithin dials until ctx ends: the API server takes long to find out that a node is gone.
func dialWithin(ctx context.Context, dialer httpstream.Dialer) (httpstream.Connection, error) {
	type outcome struct {
		tunnel httpstream.Connection
		err    error
	}
	dialed := make(chan outcome, 1)
	go func() {
		tunnel, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
		dialed <- outcome{tunnel, err}
	}()
	select {
	case o := <-dialed:
		return o.tunnel, o.err
	case <-ctx.Done():
		go func() {
			if o := <-dialed; o.err == nil {
				o.tunnel.Close()
			}
		}()
		return nil, context.Cause(ctx)
	}
}

// streams opens the two streams of one forwarded connection.
func streams(tunnel httpstream.Connection, port int) (errs, data httpstream.Stream, err error) {
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(port))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	errs, err1 := tunnel.CreateStream(headers)
	if err1 == nil {
		errs.Close() // nothing is written to it
	}
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err2 := tunnel.CreateStream(headers)
	return errs, data, errors.Join(err1, err2)
}
