package client

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// maxLine bounds one line of a stream.
const maxLine = 16 << 20

// sseEvent is one server-sent event.
type sseEvent struct {
	id   string
	name string
	data []byte
}

// sseReader reads server-sent events. Comments keep a connection alive and are
// passed over.
type sseReader struct {
	lines  *bufio.Scanner
	lastID string
}

func newSSEReader(r io.Reader) *sseReader {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	return &sseReader{lines: lines}
}

// next returns the next complete event, or io.EOF. What was cut off in the
// middle of an event is not an event.
func (r *sseReader) next() (sseEvent, error) {
	event := sseEvent{name: "message"}
	var data [][]byte
	for r.lines.Scan() {
		line := strings.TrimSuffix(r.lines.Text(), "\r")
		if line == "" {
			if data == nil && event.name == "message" {
				continue
			}
			event.id, event.data = r.lastID, bytes.Join(data, []byte("\n"))
			return event, nil
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			event.name = value
		case "data":
			data = append(data, []byte(value))
		case "id":
			r.lastID = value
		}
	}
	if err := r.lines.Err(); err != nil {
		return sseEvent{}, err
	}
	return sseEvent{}, io.EOF
}
