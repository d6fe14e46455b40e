package client

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"net/http"
	"net/url"

	"souk/api"
)

var (
	errSilent   = errors.New("the stream fell silent")
	errNoStream = errors.New("the server, or a proxy in between, does not stream")
)

// InstanceEvent is one message of a watch: an instance as it is now, or the
// end of the first listing.
type InstanceEvent struct {
	Instance *api.Instance
	Synced   bool // what there was at the start has been sent; changes follow
}

// Watch yields the instances that match, then each change, until ctx ends. Cut
// streams are resumed where they ended; where none can be had the listing is
// asked for again and again. An instance may be yielded more than once in the
// same state. The sequence ends after a non-nil error: the server refuses, or
// ctx has ended.
func (p *Project) Watch(ctx context.Context, opt ListOptions) iter.Seq2[InstanceEvent, error] {
	return p.client.watch(ctx, p.path(), opt.query(), func(ctx context.Context) ([]api.Instance, error) {
		return p.Instances(ctx, opt)
	})
}

// WatchInstance is Watch for one instance.
func (p *Project) WatchInstance(ctx context.Context, name string) iter.Seq2[InstanceEvent, error] {
	return p.client.watch(ctx, p.path(name), url.Values{}, func(ctx context.Context) ([]api.Instance, error) {
		instance, _, err := p.Instance(ctx, name)
		return []api.Instance{instance}, err
	})
}

// Changes is Watch without what there is already: it yields Synced once the
// stream stands, then each change of an instance of the project, or of one when
// it is named, and Synced again where changes may have been missed. Where no
// stream can be had nothing is yielded.
func (p *Project) Changes(ctx context.Context, name string) iter.Seq2[InstanceEvent, error] {
	path := p.path()
	if name != "" {
		path = p.path(name)
	}
	return p.client.watch(ctx, path, url.Values{"initial": {"false"}}, func(context.Context) ([]api.Instance, error) { return nil, nil })
}

// watch keeps a stream going. After each stream on which nothing came it asks
// once by poll, so that nobody waits for a stream that never comes.
func (c *Client) watch(ctx context.Context, path []string, query url.Values, poll func(context.Context) ([]api.Instance, error)) iter.Seq2[InstanceEvent, error] {
	query = maps.Clone(query)
	query.Set("watch", "true")
	return func(yield func(InstanceEvent, error) bool) {
		w := watcher{client: c, path: path, query: query, poll: poll, yield: yield}
		for failures := 0; ; {
			alive, err := w.stream(ctx)
			if w.stopped {
				return
			}
			if !resumable(err) {
				yield(InstanceEvent{}, err)
				return
			}
			if alive {
				failures = 0
			} else if !w.once(ctx) {
				return
			}
			failures++
			wait := c.retry.backoff(failures)
			c.retry.notify(Retry{Attempt: failures, Err: err, Wait: wait})
			if err := pause(ctx, wait); err != nil {
				yield(InstanceEvent{}, err)
				return
			}
		}
	}
}

// watcher is one watch over all the streams that it takes.
type watcher struct {
	client  *Client
	path    []string
	query   url.Values
	poll    func(context.Context) ([]api.Instance, error)
	yield   func(InstanceEvent, error) bool
	lastID  string
	synced  bool
	stopped bool // the consumer wants no more
}

// stream reads one stream to its end and tells whether anything came.
func (w *watcher) stream(ctx context.Context) (alive bool, err error) {
	body, err := w.client.openEvents(ctx, w.path, w.query, w.lastID)
	if err != nil {
		if IsStatus(err, http.StatusGone) {
			w.lastID = ""
			w.synced = w.synced && w.query.Get("initial") != "false" // what was missed is not listed: Synced says so
		}
		return false, err
	}
	defer body.Close()
	events := newSSEReader(body)
	for {
		event, err := events.next()
		if err != nil {
			return body.alive, w.client.unreachable(err)
		}
		if err := w.deliver(event); err != nil || w.stopped {
			return true, err
		}
		if event.id != "" {
			w.lastID = event.id
		}
	}
}

func (w *watcher) deliver(event sseEvent) error {
	switch event.name {
	case "instance":
		var instance api.Instance
		if err := json.Unmarshal(event.data, &instance); err != nil {
			return w.client.unreachable(err)
		}
		w.stopped = !w.yield(InstanceEvent{Instance: &instance}, nil)
	case "synced":
		w.sync()
	}
	return nil
}

func (w *watcher) sync() {
	if !w.synced {
		w.synced = true
		w.stopped = !w.yield(InstanceEvent{Synced: true}, nil)
	}
}

// once asks for what there is now, and tells whether to go on.
func (w *watcher) once(ctx context.Context) bool {
	instances, err := w.poll(ctx)
	if err != nil {
		if resumable(err) && ctx.Err() == nil {
			return true
		}
		w.yield(InstanceEvent{}, err)
		return false
	}
	for i := range instances {
		if !w.yield(InstanceEvent{Instance: &instances[i]}, nil) {
			return false
		}
	}
	w.sync()
	return !w.stopped
}

// resumable tells whether a watch goes on after this error.
func resumable(err error) bool {
	var refused *Error
	if errors.As(err, &refused) {
		switch refused.Status {
		case http.StatusGone, http.StatusNotAcceptable, http.StatusMethodNotAllowed, http.StatusNotImplemented:
			return true
		}
		return temporary(err) || refused.Status >= 500
	}
	return errors.Is(err, errNoStream) || temporary(err)
}
