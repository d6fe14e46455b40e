package portal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"souk/api/client"
	"souk/internal/drain"
)

func (p *Portal) logRoutes() []Route {
	return []Route{
		{"GET " + instanceBase + "/logs", SignedIn, p.logs},
		{"GET " + instanceBase + "/logs/stream", SignedIn, p.logStream},
	}
}

const (
	shownLines  = 500     // at once
	longestLine = 1 << 20 // of a log
)

// logsOf is what the page of an instance's log shows.
type logsOf struct {
	*shown
	search string
	level  string
	since  string // how long ago, as it is chosen
	lines  []string
	wrong  *formErrors
}

func (p *Portal) logs(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := p.instanceAt(r, v)
	if err != nil {
		return err
	}
	l := &logsOf{shown: s, search: v.query.Get("q"), level: v.query.Get("level"), since: v.query.Get("since")}
	err = l.read(r.Context())
	if client.IsStatus(err, http.StatusBadGateway) {
		err = &client.Error{Status: http.StatusServiceUnavailable, Detail: err.Error()}
	}
	if err != nil {
		if l.wrong, err = formProblem(err); err != nil {
			return err
		}
	}
	return show(w, r, v, logsPage(v, l))
}

// read reads the latest lines that are asked for.
func (l *logsOf) read(ctx context.Context) error {
	lines, err := l.project.Logs(ctx, l.Metadata.Name, logOptions(l.search, l.level, l.since))
	if err != nil {
		return err
	}
	defer lines.Close()
	scanner := lineScanner(lines)
	for scanner.Scan() {
		l.lines = append(l.lines, scanner.Text())
	}
	return scanner.Err()
}

func lineScanner(r io.Reader) *bufio.Scanner {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 0, 64<<10), longestLine)
	return scanner
}

// logSince are the spans that can be chosen, and how long they are.
var logSince = map[string]time.Duration{"1h": time.Hour, "1d": 24 * time.Hour, "7d": 7 * 24 * time.Hour}

// logChoices are in the order in which the form has them; "": all.
var (
	logSpans  = []string{"", "1h", "1d", "7d"}
	logLevels = []string{"", "info", "warning", "error"}
)

// logOptions choose lines as the form says; what it does not know chooses nothing.
func logOptions(search, level, since string) client.LogOptions {
	opt := client.LogOptions{Tail: shownLines, Grep: search}
	if slices.Contains(logLevels, level) {
		opt.Level = level
	}
	if span := logSince[since]; span > 0 {
		opt.Since = time.Now().Add(-span) // logs are by the machine's clock
	}
	return opt
}

// searched says that not all lines are shown.
func (l *logsOf) searched() bool { return l.search != "" || l.level != "" || l.since != "" }

// streamPath is where the log goes on, with the page's search.
func (l *logsOf) streamPath() string {
	path := l.path("logs", "stream")
	if l.searched() {
		path += "?" + url.Values{"q": {l.search}, "level": {l.level}, "since": {l.since}}.Encode()
	}
	return path
}

// logStream sends the latest lines and those that follow, as server-sent events.
// Each stream begins anew, so that one that was cut and resumed misses nothing.
func (p *Portal) logStream(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, cancel := drain.Stream(r.Context())
	defer cancel()
	opt := logOptions(v.query.Get("q"), v.query.Get("level"), v.query.Get("since"))
	opt.Follow = true
	body, err := v.organization().Project(r.PathValue("project")).Logs(ctx, r.PathValue("name"), opt)
	if err != nil {
		return err
	}
	defer body.Close()
	lines := make(chan string, 256)
	go func() {
		defer close(lines)
		for scanner := lineScanner(body); scanner.Scan(); {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Time{})
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for text := "retry: 2000\nevent: begin\ndata:\n\n"; ; {
		if _, err := fmt.Fprint(w, text); err != nil {
			return nil
		}
		if len(lines) == 0 && out.Flush() != nil {
			return nil
		}
		text = ""
		select {
		case <-ctx.Done():
			return nil
		case line, ok := <-lines:
			if !ok {
				return nil // the browser comes back
			}
			text = "data: " + strings.ReplaceAll(line, "\r", " ") + "\n\n"
		case <-beat.C:
			text = ":\n\n"
		}
	}
}

// kept is for how many days the log is kept.
func (l *logsOf) kept() int {
	if l.Spec.Logs == nil {
		return 0
	}
	return l.Spec.Logs.RetentionDays
}
