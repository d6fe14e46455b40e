package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
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
		Description: "Plain text, streamed from the zone. With `follow=true` the answer goes on until you end it. What is searched is all that is kept.", Action: authz.InstanceLogs, Stream: true, Serve: s.serveLogs},
		func(context.Context, *struct {
			InInstance
			Tail   int       `query:"tail" minimum:"1" maximum:"10000" default:"200" doc:"The last lines, of those asked for"`
			Follow bool      `query:"follow"`
			Since  time.Time `query:"since" doc:"Only entries from then on, by the zone's clock"`
			Until  time.Time `query:"until" doc:"Only entries from before then"`
			Grep   string    `query:"grep" maxLength:"200" doc:"Only lines that contain this text, in whatever case"`
			Level  string    `query:"level" enum:"debug,info,warning,error" doc:"Only entries as grave as this, or graver"`
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
	err := chooseLogs(r, &opt)
	return opt, err
}

// longestGrep bounds what is searched for.
const longestGrep = 200

// chooseLogs reads which lines are asked for.
func chooseLogs(r *http.Request, opt *driver.LogOptions) error {
	query := r.URL.Query()
	var wrong []problem.Field
	for name, to := range map[string]*time.Time{"since": &opt.Since, "until": &opt.Until} {
		text := query.Get(name)
		at, err := time.Parse(time.RFC3339, text)
		if text != "" && err != nil {
			wrong = append(wrong, problem.Field{Location: "query." + name, Value: text, Message: "Give a time such as 2026-03-20T00:00:00Z."})
		}
		*to = at
	}
	if opt.Grep = query.Get("grep"); len(opt.Grep) > longestGrep {
		wrong = append(wrong, problem.Field{Location: "query.grep", Message: fmt.Sprintf("Search for at most %d bytes.", longestGrep)})
	}
	if opt.Level = query.Get("level"); opt.Level != "" && !slices.Contains(driver.LogLevels, opt.Level) {
		wrong = append(wrong, problem.Field{Location: "query.level", Value: opt.Level, Message: "Give one of " + strings.Join(driver.LogLevels, ", ") + "."})
	}
	if len(wrong) > 0 {
		slices.SortFunc(wrong, func(a, b problem.Field) int { return strings.Compare(a.Location, b.Location) })
		return problem.Invalid(wrong...)
	}
	return nil
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
