package driver

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"time"
)

// LogFormat says how an engine writes when a line of its log was written, and how
// grave it is. Its zero value knows neither.
type LogFormat struct {
	// Line matches lines that begin an entry; its groups "time" and "level" are what
	// Layout and Levels read. What it does not match goes on with the entry before.
	Line   *regexp.Regexp
	Layout string            // of the time, in UTC
	Levels map[string]string // what the engine writes, as one of LogLevels; others go on with the entry before
}

// LogLevels are how grave an entry is, the gravest last.
var LogLevels = []string{"debug", "info", "warning", "error"}

// Filters says whether the options leave lines out.
func (o LogOptions) Filters() bool {
	return o.Grep != "" || o.Level != "" || !o.Since.IsZero() || !o.Until.IsZero()
}

// LogFilter chooses lines of one log, in their order.
type LogFilter struct {
	opt    LogOptions
	format LogFormat
	grep   []byte
	at     time.Time // of the entry that is being read; zero: not known
	level  int       // -1: not known
}

// Filter returns what chooses lines by the options.
func (f LogFormat) Filter(opt LogOptions) *LogFilter {
	return &LogFilter{opt: opt, format: f, grep: bytes.ToLower([]byte(opt.Grep)), level: -1}
}

// Take says whether a line is one of those asked for. at is when it was written,
// where that is known beside the line.
func (l *LogFilter) Take(line []byte, at time.Time) bool {
	l.read(line)
	if !at.IsZero() {
		l.at = at
	}
	switch {
	case !l.opt.Since.IsZero() && l.at.Before(l.opt.Since),
		!l.opt.Until.IsZero() && !l.at.IsZero() && !l.at.Before(l.opt.Until),
		l.opt.Level != "" && l.level < slices.Index(LogLevels, l.opt.Level):
		return false
	}
	return len(l.grep) == 0 || bytes.Contains(bytes.ToLower(line), l.grep)
}

// Over says that no later line can be asked for.
func (l *LogFilter) Over() bool {
	return !l.opt.Until.IsZero() && !l.at.IsZero() && !l.at.Before(l.opt.Until)
}

// read takes in what a line says of itself.
func (l *LogFilter) read(line []byte) {
	if l.format.Line == nil {
		return
	}
	m := l.format.Line.FindSubmatch(line)
	if m == nil {
		return
	}
	for i, name := range l.format.Line.SubexpNames() {
		switch name {
		case "time":
			if at, err := time.Parse(l.format.Layout, string(m[i])); err == nil {
				l.at = at
			}
		case "level":
			if known, ok := l.format.Levels[string(m[i])]; ok {
				l.level = slices.Index(LogLevels, known)
			}
		}
	}
}

// LogWriter passes on those lines that a filter takes.
type LogWriter struct {
	To     io.Writer
	Filter *LogFilter
	rest   []byte // of a line that is not whole yet
}

// longestRest bounds how much of a line is waited for.
const longestRest = 1 << 20

// Write passes on whole lines.
func (w *LogWriter) Write(text []byte) (int, error) {
	w.rest = append(w.rest, text...)
	for {
		end := bytes.IndexByte(w.rest, '\n')
		if end < 0 && len(w.rest) < longestRest {
			return len(text), nil
		}
		if end < 0 {
			end = len(w.rest) - 1
		}
		line := w.rest[:end+1]
		w.rest = w.rest[end+1:]
		if !w.Filter.Take(line, time.Time{}) {
			continue
		}
		if _, err := w.To.Write(line); err != nil {
			return 0, err
		}
	}
}
