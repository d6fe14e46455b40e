package shim

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"
)

// Older logs are kept beside the current one, compressed: engine.log.1.gz is the
// youngest.
const (
	Compressed = ".gz"
	mostLogs   = 100

	// LogDaysFile says for how many days logs are kept; LogDays, where it says nothing.
	LogDaysFile = ConfFolder + "/log-days"
	LogDays     = 7
	// MostLog bounds what older logs of an instance occupy, in bytes. The oldest go
	// first; DroppedFile then holds up to when.
	MostLog     = 128 << 20
	DroppedFile = LogFolder + "/dropped"
)

const (
	rotateAt    = 16 << 20 // bytes
	rotateAfter = 24 * time.Hour
	rotateEvery = 10 * time.Second
)

// LogNames are the files that the engine's log may be in, the oldest first. Those
// without compression are of an earlier version.
func LogNames() []string {
	var all []string
	for n := mostLogs; n > 0; n-- {
		all = append(all, segment(LogFile, n, Compressed), segment(LogFile, n, ""))
	}
	return append(all, LogFile)
}

func segment(name string, n int, suffix string) string {
	return fmt.Sprintf("%s.%d%s", name, n, suffix)
}

// openLog opens the engine's log. The engine writes straight to the file, so
// that nothing is lost and nothing blocks while there is no shim.
func openLog() (*os.File, error) {
	return os.OpenFile(LogFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
}

// rotateLogs keeps the logs within bounds until ctx ends.
func rotateLogs(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(rotateEvery)
	defer ticker.Stop()
	since := time.Now()
	for {
		for _, name := range []string{LogFile, ownLog} {
			r := rotation{name: name, limit: rotateAt, since: since, days: logDays(), most: MostLog}
			if name == LogFile {
				r.dropped = DroppedFile
			}
			if err := r.rotate(time.Now()); err != nil {
				log.Warn("the log could not be rotated", "file", name, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func logDays() int {
	text, err := os.ReadFile(LogDaysFile)
	if days, bad := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && bad == nil && days > 0 {
		return days
	}
	return LogDays
}

// rotation keeps one log and its older parts within bounds.
type rotation struct {
	name    string
	limit   int64     // bytes at which it is put aside
	since   time.Time // when it was begun at the latest, where nothing older says so
	days    int       // for which it is kept
	most    int64     // bytes of its older parts
	dropped string    // file that says what was dropped before its time; "": none does
}

// rotate puts the log aside when it is large or a day old, and forgets what is too
// old or too much.
func (r rotation) rotate(now time.Time) error {
	info, err := os.Stat(r.name)
	if err != nil {
		return nil
	}
	begun := r.since
	if youngest, err := os.Stat(segment(r.name, 1, Compressed)); err == nil {
		begun = youngest.ModTime()
	}
	if info.Size() >= r.limit || info.Size() > 0 && now.Sub(begun) >= rotateAfter {
		err = putAside(r.name)
	}
	r.forget(now)
	return err
}

// putAside copies a log aside and empties it. The file stays the same one, for the
// engine has it open; lines written between the copy and the emptying, a fraction of
// a millisecond, are lost. When the copy cannot be made (a full disk) the log is
// emptied all the same.
func putAside(name string) error {
	for n := mostLogs; n > 1; n-- {
		for _, suffix := range []string{Compressed, ""} {
			_ = os.Rename(segment(name, n-1, suffix), segment(name, n, suffix))
		}
	}
	plain := segment(name, 1, "")
	copyErr := copyLog(name, plain)
	if err := os.Truncate(name, 0); err != nil {
		return err
	}
	if copyErr != nil {
		return copyErr
	}
	return compress(plain) // what is not compressed is read as well
}

func copyLog(from, to string) error {
	return makeLog(from, to, func(out io.Writer, in io.Reader) error {
		_, err := io.Copy(out, in)
		return err
	})
}

// compress takes the place of a log by a compressed one.
func compress(name string) error {
	unfinished := name + ".new"
	err := makeLog(name, unfinished, func(out io.Writer, in io.Reader) error {
		z := gzip.NewWriter(out)
		if _, err := io.Copy(z, in); err != nil {
			return err
		}
		return z.Close()
	})
	if err != nil {
		return err
	}
	if err := os.Rename(unfinished, name+Compressed); err != nil {
		return err
	}
	return os.Remove(name)
}

func makeLog(from, to string, fill func(out io.Writer, in io.Reader) error) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := fill(out, in); err != nil {
		_ = os.Remove(to)
		return err
	}
	return nil
}

// forget removes older parts that were put aside too long ago, and the oldest beyond
// what may be kept in all.
func (r rotation) forget(now time.Time) {
	var size int64
	for n := 1; n <= mostLogs; n++ {
		for _, suffix := range []string{Compressed, ""} {
			name := segment(r.name, n, suffix)
			info, err := os.Stat(name)
			if err != nil {
				continue
			}
			if now.Sub(info.ModTime()) >= time.Duration(r.days)*24*time.Hour {
				_ = os.Remove(name)
				continue
			}
			if size += info.Size(); size > r.most {
				r.drop(name, info.ModTime())
			}
		}
	}
}

// drop removes a part before its time, and says up to when.
func (r rotation) drop(name string, until time.Time) {
	if os.Remove(name) != nil || r.dropped == "" {
		return
	}
	before, err := os.ReadFile(r.dropped)
	if at, bad := time.Parse(time.RFC3339, string(before)); err == nil && bad == nil && at.After(until) {
		return
	}
	_ = os.WriteFile(r.dropped, []byte(until.UTC().Format(time.RFC3339)), 0o640)
}
