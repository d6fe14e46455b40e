package kubernetes

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"

	"souk/internal/driver"
)

// standardTail is how many lines of a log are shown unless told otherwise.
const standardTail = 200

// longestLine of a pod's log that is read.
const longestLine = 1 << 20

// Logs implements driver.Driver: the log of the pod that clients are led to;
// with Follow, of whichever takes its place as well.
func (d *Driver) Logs(ctx context.Context, id string, opt driver.LogOptions) (io.ReadCloser, error) {
	if err := validID(id); err != nil {
		return nil, err
	}
	ns, err := d.namespace(ctx, id)
	if err != nil {
		return nil, err
	}
	if ns == nil || ns.GetDeletionTimestamp() != nil {
		return nil, driver.ErrNotFound
	}
	rec := recordOf(ns)
	engine, err := d.engine(rec.Service)
	if err != nil {
		return nil, err
	}
	if opt.Tail <= 0 {
		opt.Tail = standardTail
	}
	reader, writer := io.Pipe()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		writer.CloseWithError(d.copyLogs(ctx, engine, id, opt, writer))
	}()
	return &logReader{reader, cancel}, nil
}

type logReader struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close ends the reading of the log.
func (r *logReader) Close() error {
	r.cancel()
	return r.PipeReader.Close()
}

// copyLogs writes the tail of the log, and then follows it from pod to pod.
func (d *Driver) copyLogs(ctx context.Context, engine Engine, id string, opt driver.LogOptions, to io.Writer) error {
	log := podLog{driver: d, engine: engine, namespace: namespaceOf(id), filter: driver.LogFormat{}.Filter(opt)}
	if logged, ok := engine.(interface{ LogFormat() driver.LogFormat }); ok {
		log.filter = logged.LogFormat().Filter(opt)
	}
	if pod := d.primary(ctx, engine, id); pod != "" {
		recent, err := log.tail(ctx, pod, opt.Tail)
		if err != nil {
			return err
		}
		if _, err := to.Write(recent); err != nil || !opt.Follow {
			return err
		}
	}
	for opt.Follow && ctx.Err() == nil {
		changed := d.waiters.next(id)
		if pod := d.primary(ctx, engine, id); pod != "" {
			err := log.follow(ctx, pod, to)
			if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsBadRequest(err) && ctx.Err() == nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	return nil
}

// primary is the pod that clients are led to, or "".
func (d *Driver) primary(ctx context.Context, engine Engine, id string) string {
	rec := recordOf(d.watches.get(namespaces, "", namespaceOf(id)))
	engine = madeBy(engine, rec)
	return engine.Look(d.view(ctx, engine, rec.instance(id))).Primary
}

// podLog reads logs of an instance's pods, one after the other.
type podLog struct {
	driver    *Driver
	engine    Engine
	namespace string
	filter    *driver.LogFilter
	last      string // when the last line was written that was read, as RFC 3339
}

// tail returns the last lines of a pod's log.
func (l *podLog) tail(ctx context.Context, pod string, lines int) ([]byte, error) {
	var kept [][]byte
	err := l.read(ctx, pod, &corev1.PodLogOptions{}, func(line []byte) error {
		if len(kept) == lines {
			kept = kept[1:]
		}
		kept = append(kept, bytes.Clone(line))
		return nil
	})
	return bytes.Join(kept, nil), err
}

// follow writes what is new in a pod's log until it ends or ctx does.
func (l *podLog) follow(ctx context.Context, pod string, to io.Writer) error {
	options := &corev1.PodLogOptions{Follow: true}
	if at, err := time.Parse(time.RFC3339Nano, l.last); err == nil {
		since := metav1.NewTime(at)
		options.SinceTime = &since
	}
	return l.read(ctx, pod, options, func(line []byte) error {
		_, err := to.Write(line)
		return err
	})
}

// read passes on the user's lines of a pod's log that were not read before.
func (l *podLog) read(ctx context.Context, pod string, options *corev1.PodLogOptions, take func(line []byte) error) error {
	options.Timestamps = true
	if logged, ok := l.engine.(Logged); ok {
		options.Container = logged.LogContainer()
	}
	stream, err := l.driver.core.Get().Namespace(l.namespace).Resource("pods").Name(pod).SubResource("log").
		VersionedParams(options, scheme.ParameterCodec).Stream(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		at, text, _ := bytes.Cut(lines.Bytes(), []byte(" "))
		if string(at) <= l.last {
			continue
		}
		l.last = string(at)
		line, ok := l.engine.LogLine(text)
		if when, err := time.Parse(time.RFC3339Nano, string(at)); err != nil || !ok || !l.filter.Take(line, when) {
			ok = false
		}
		if ok {
			if err := take(append(line, '\n')); err != nil {
				return err
			}
		}
	}
	return nil
}
