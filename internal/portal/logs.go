package portal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
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
	searchLines = 5000    // that a search looks at
	longestLine = 1 << 20 // of a log
)

// logsOf is what the page of an instance's log shows.
type logsOf struct {
	*shown
	search string
	lines  []string
	wrong  *formErrors
}

func (p *Portal) logs(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := p.instanceAt(r, v)
	if err != nil {
		return err
	}
	l := &logsOf{shown: s, search: v.query.Get("q")}
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

// read reads the latest lines that the search matches.
func (l *logsOf) read(ctx context.Context) error {
	tail := shownLines
	if l.search != "" {
		tail = searchLines
	}
	lines, err := l.project.Logs(ctx, l.Metadata.Name, client.LogOptions{Tail: tail})
	if err != nil {
		return err
	}
	defer lines.Close()
	scanner := lineScanner(lines)
	for scanner.Scan() {
		if matches(scanner.Text(), l.search) {
			l.lines = append(l.lines, scanner.Text())
		}
	}
	if len(l.lines) > shownLines {
		l.lines = l.lines[len(l.lines)-shownLines:]
	}
	return scanner.Err()
}

func lineScanner(r io.Reader) *bufio.Scanner {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 0, 64<<10), longestLine)
	return scanner
}

func matches(line, search string) bool {
	return search == "" || strings.Contains(strings.ToLower(line), strings.ToLower(search))
}

// streamPath is where the log goes on, with the page's search.
func (l *logsOf) streamPath() string {
	path := l.path("logs", "stream")
	if l.search != "" {
		path += "?" + url.Values{"q": {l.search}}.Encode()
	}
	return path
}

// logStream sends the latest lines and those that follow, as server-sent events.
// Each stream begins anew, so that one that was cut and resumed misses nothing.
func (p *Portal) logStream(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, cancel := drain.Stream(r.Context())
	defer cancel()
	body, err := v.organization().Project(r.PathValue("project")).Logs(ctx, r.PathValue("name"), client.LogOptions{Tail: shownLines, Follow: true})
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
			if matches(line, v.query.Get("q")) {
				text = "data: " + strings.ReplaceAll(line, "\r", " ") + "\n\n"
			}
		case <-beat.C:
			text = ":\n\n"
		}
	}
}
