package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/change"
	"souk/internal/drain"
	"souk/internal/instance"
	"souk/internal/problem"
	"souk/internal/store"
)

// keepAlive is how often a silent stream says that it lives, and how soon a
// token that has been revoked ends it.
const keepAlive = 15 * time.Second

// watched serves a watch in place of a listing where the request asks for one.
func (s *Server) watched(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Query().Get("watch") != "true" {
		return false
	}
	end, err := s.streams.begin(PrincipalFrom(r.Context()).ID)
	if err == nil {
		defer end()
		err = s.watch(w, r)
	}
	if err != nil {
		s.refuse(w, r, err)
	}
	return true
}

// watch streams a project's instances, or one of them, as server-sent events.
// An error is returned only while nothing has been sent.
func (s *Server) watch(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := drain.Stream(r.Context())
	defer cancel()
	q, err := watchQuery(r)
	if err != nil {
		return err
	}
	var organization uuid.UUID
	name := r.PathValue("name")
	err = s.Read(ctx, func(tx store.Tx, p Place) error {
		organization, q.Project = p.Organization, p.Project
		if name == "" {
			return nil
		}
		v, err := s.Instances.Get(ctx, tx, at(p), name)
		q.ID = v.ID
		return err
	})
	if err != nil {
		return err
	}
	match := func(c change.Change) bool {
		return c.Kind == "instance" && c.Organization == organization && c.Project != nil && *c.Project == q.Project && (q.ID == uuid.Nil || c.Object == q.ID)
	}
	sub, start, err := s.Feed.Subscribe(ctx, match)
	if err != nil {
		return err
	}
	defer s.Feed.Close(sub)
	missed, err := s.missed(ctx, r.Header.Get("Last-Event-ID"), start, match)
	if err != nil {
		return err
	}
	callFrom(ctx).op.Stream = true // however long it takes now, it is not slow
	out := newEventStream(w)
	switch {
	case r.Header.Get("Last-Event-ID") != "":
		err = s.sendChanges(ctx, out, q, missed)
	case r.URL.Query().Get("initial") == "false":
		err = out.synced(start)
	default:
		err = s.sendAll(ctx, out, q, start)
	}
	if err == nil {
		err = s.sendOn(ctx, r, out, q, sub)
	}
	if err != nil && ctx.Err() == nil {
		s.Logger.InfoContext(ctx, "a watch ended", "error", err)
	}
	return nil
}

func watchQuery(r *http.Request) (instance.Query, error) {
	v := r.URL.Query()
	return InstanceFilter{Phase: v.Get("phase"), Service: v.Get("service"), Zone: v.Get("zone"), Plan: v.Get("plan"), Q: v.Get("q"), Labels: v.Get("labels"), Limit: 200}.query()
}

func (s *Server) missed(ctx context.Context, token string, until change.Position, match func(change.Change) bool) ([]change.Change, error) {
	if token == "" {
		return nil, nil
	}
	after, err := change.ParseToken(token)
	if err != nil {
		return nil, problem.InvalidField("header.Last-Event-ID", token, "This is not an event of this stream. Start again without it.")
	}
	missed, err := s.Feed.Missed(ctx, after, until, match)
	if errors.Is(err, change.ErrCompacted) {
		return nil, &problem.Error{Status: http.StatusGone, Code: "compacted", Detail: "That event is too long ago. Start again without Last-Event-ID; everything is listed then."}
	}
	return missed, err
}

// sendAll lists what matches, page by page, and then says that this was all.
func (s *Server) sendAll(ctx context.Context, out *eventStream, q instance.Query, start change.Position) error {
	for {
		var views []instance.View
		var next string
		err := s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
			views, next, err = s.Instances.List(ctx, tx, q)
			return err
		})
		if err != nil {
			return err
		}
		for _, v := range views {
			if err := out.send("", "instance", v.API(time.Now())); err != nil {
				return err
			}
		}
		if q.Cursor = next; next == "" {
			return out.synced(start)
		}
	}
}

// sendChanges sends the present state of what has changed.
func (s *Server) sendChanges(ctx context.Context, out *eventStream, q instance.Query, changes []change.Change) error {
	for _, c := range changes {
		var views []instance.View
		one := q
		one.ID, one.Cursor, one.Purged = c.Object, "", true
		err := s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
			views, _, err = s.Instances.List(ctx, tx, one)
			return err
		})
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		for _, v := range views {
			if err := out.send(c.Position.String(), "instance", v.API(time.Now())); err != nil {
				return err
			}
		}
	}
	return nil
}

// sendOn sends changes as they come, until the client has gone, lags too far
// behind, or may not see them any more.
func (s *Server) sendOn(ctx context.Context, r *http.Request, out *eventStream, q instance.Query, sub *change.Subscription) error {
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case c, open := <-sub.C:
			if !open {
				return nil
			}
			if err := s.sendChanges(ctx, out, q, []change.Change{c}); err != nil {
				return err
			}
		case <-tick.C:
			if err := s.enter(ctx, callFrom(ctx), r); err != nil {
				return err
			}
			if err := out.comment("keep-alive"); err != nil {
				return err
			}
		}
	}
}

// eventStream writes server-sent events (WHATWG HTML, section 9.2).
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// eventWithin is how long a client may take to take an event.
const eventWithin = 20 * time.Second

func newEventStream(w http.ResponseWriter) *eventStream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	s := &eventStream{w, http.NewResponseController(w)}
	_ = s.control.Flush()
	return s
}

func (e *eventStream) send(id, event string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	return e.write(fmt.Sprintf("%sevent: %s\ndata: %s\n\n", id, event, raw))
}

// synced says that what was there before start has been sent, or is not wanted.
func (e *eventStream) synced(start change.Position) error {
	return e.send(start.String(), "synced", struct{}{})
}

func (e *eventStream) comment(text string) error { return e.write(": " + text + "\n\n") }

func (e *eventStream) write(text string) error {
	_ = e.control.SetWriteDeadline(time.Now().Add(eventWithin))
	if _, err := e.w.Write([]byte(text)); err != nil {
		return err
	}
	return e.control.Flush()
}
