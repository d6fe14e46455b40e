package zone

import (
	"encoding/json"
	"net/http"
	"time"
)

// lineWriter writes JSON lines, each flushed.
type lineWriter struct {
	to      *json.Encoder
	control *http.ResponseController
	within  time.Duration // how long one line may take to be taken by the agent
}

func newLineWriter(w http.ResponseWriter, within time.Duration) *lineWriter {
	return &lineWriter{json.NewEncoder(w), http.NewResponseController(w), within}
}

func (l *lineWriter) write(v any) error {
	_ = l.control.SetWriteDeadline(time.Now().Add(l.within))
	defer l.control.SetWriteDeadline(time.Time{}) // one that passes in a silence would end the stream
	if err := l.to.Encode(v); err != nil {
		return err
	}
	return l.control.Flush()
}
