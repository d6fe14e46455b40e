package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"souk/internal/authz"
	"souk/internal/drain"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/zone"
)

const maxTail = 10_000

func (s *Server) registerLogs() {
	register(s, Operation{Method: http.MethodGet, Path: instancesPath + "/{name}/logs", ID: "instances-logs", Tag: "instances", Summary: "Log lines of an instance, oldest first",
		Description: "Plain text, streamed from the zone. With `follow=true` the answer goes on until you end it.", Action: authz.InstanceLogs, Stream: true, Serve: s.serveLogs},
		func(context.Context, *struct {
			InInstance
			Tail   int  `query:"tail" minimum:"1" maximum:"10000" default:"200" doc:"The last lines"`
			Follow bool `query:"follow"`
		}) (*struct {
			ContentType string `header:"Content-Type"`
			Body        []byte
		}, error) {
			return nil, nil // Serve answers
		})
}

// serveLogs copies log lines from the zone as they come.
func (s *Server) serveLogs(w http.ResponseWriter, r *http.Request) bool {
	ctx, cancel := drain.Stream(r.Context())
	defer cancel()
	end, err := s.streams.begin(PrincipalFrom(ctx).ID)
	if err != nil {
		s.refuse(w, r, err)
		return true
	}
	defer end()
	opt, err := logOptions(r)
	var v instance.View
	if err == nil {
		err = s.Read(ctx, func(tx store.Tx, p Place) (err error) {
			v, err = s.Instances.Get(ctx, tx, at(p), r.PathValue("name"))
			return err
		})
	}
	out := &logWriter{w: w, control: http.NewResponseController(w)}
	if err == nil {
		admitted, done := s.whileAdmitted(ctx, r)
		defer done()
		err = s.Zones.Logs(admitted, v.ZoneID, v.ID.String(), opt, out)
		if errors.Is(err, zone.ErrAway) && !out.begun && s.askPeers(admitted, r, out) {
			err = nil
		}
	}
	if err != nil && !out.begun {
		s.refuse(w, r, err)
	} else if !out.begun {
		out.begin()
	}
	return true
}

func logOptions(r *http.Request) (driver.LogOptions, error) {
	opt := driver.LogOptions{Tail: 200, Follow: r.URL.Query().Get("follow") == "true"}
	if text := r.URL.Query().Get("tail"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxTail {
			return opt, problem.InvalidField("query.tail", text, "Ask for 1 to %d lines.", maxTail)
		}
		opt.Tail = n
	}
	return opt, nil
}

// logWriter answers 200 with the first line.
type logWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

func (l *logWriter) begin() {
	l.begun = true
	l.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	l.w.WriteHeader(http.StatusOK)
}

func (l *logWriter) Write(b []byte) (int, error) {
	if !l.begun {
		l.begin()
	}
	_ = l.control.SetWriteDeadline(time.Now().Add(eventWithin))
	n, err := l.w.Write(b)
	if err != nil {
		return n, err
	}
	return n, l.control.Flush()
}
