package process

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"souk/internal/driver"
	"souk/internal/shim"
	"souk/internal/supervisor"
)

// Logged is an Engine that says how it writes its log.
type Logged interface {
	LogFormat() driver.LogFormat
}

// chosen returns the lines that the options ask for, of all that is kept.
func (d *Driver) chosen(ctx context.Context, id string, place supervisor.Place, opt driver.LogOptions) (io.ReadCloser, error) {
	var format driver.LogFormat
	if u, err := d.unit(id); err == nil {
		u.mu.Lock()
		logged, ok := d.engines[u.record.Service].(Logged)
		u.mu.Unlock()
		if ok {
			format = logged.LogFormat()
		}
	}
	filter := format.Filter(opt)
	recent, end, err := search(ctx, place, filter, opt.Tail)
	if err != nil {
		return nil, err
	}
	if at := droppedUntil(place); opt.Since.Before(at) {
		recent = fmt.Sprintf("-- The log outgrew what is kept of it: entries from before %s were dropped before their time. --\n", at.Format(time.RFC3339)) + recent
	}
	if !opt.Follow {
		return io.NopCloser(strings.NewReader(recent)), nil
	}
	return follow(ctx, place, recent, end, filter)
}

// droppedUntil is up to when entries were dropped before their time; zero: none were.
func droppedUntil(place supervisor.Place) time.Time {
	file, err := openLog(place, shim.DroppedFile)
	if err != nil {
		return time.Time{}
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 64))
	if err != nil {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return time.Time{}
	}
	return at
}

// search returns the last n lines that the filter takes, across older files of the
// log, and where the current file ended.
func search(ctx context.Context, place supervisor.Place, filter *driver.LogFilter, n int) (text string, end int64, err error) {
	var kept [][]byte
	take := func(line []byte) bool {
		if filter.Take(line, time.Time{}) {
			if len(kept) == n {
				kept = kept[1:]
			}
			kept = append(kept, bytes.Clone(line))
		}
		return ctx.Err() == nil && !filter.Over()
	}
	for _, name := range shim.LogNames() {
		read, err := searchFile(place, name, take)
		if err != nil {
			return "", 0, err
		}
		if name == shim.LogFile {
			end = read
		}
	}
	return string(bytes.Join(kept, nil)), end, ctx.Err()
}

// searchFile hands each whole line of a file to take, until that says no, and says
// how much of the file is whole lines. A file that is not there is empty.
func searchFile(place supervisor.Place, name string, take func(line []byte) bool) (int64, error) {
	file, err := openLog(place, name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer file.Close()
	lines, err := lineReader(file, name)
	if err != nil {
		return 0, nil // of a file that is only being made
	}
	var read int64
	for going := true; ; {
		line, err := lines.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) { // longer than anybody reads
			read += int64(len(line))
			line, err = lines.ReadSlice('\n')
		}
		if err != nil {
			return read, nil // the end, or that of what could be compressed
		}
		read += int64(len(line))
		if going {
			going = take(line)
		}
	}
}

func lineReader(file *os.File, name string) (*bufio.Reader, error) {
	if !strings.HasSuffix(name, shim.Compressed) {
		return bufio.NewReaderSize(file, longestRead), nil
	}
	text, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(text, longestRead), nil
}

// longestRead is how long a line may be.
const longestRead = 1 << 20
