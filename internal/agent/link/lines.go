package link

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// lines reads JSON lines and calls silent when none comes for a while; a line
// may be empty to show that the peer lives.
type lines struct {
	scanner *bufio.Scanner
	silence time.Duration
	silent  func()
}

func newLines(r io.Reader, silence time.Duration, silent func()) *lines {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 0, 64<<10), maxAnswer)
	return &lines{scanner: scanner, silence: silence, silent: silent}
}

// next decodes the next line, keeping numbers as they were written; io.EOF at
// the end. With a silence of 0 it waits for ever.
func (l *lines) next(into any) error {
	if l.silence > 0 {
		defer time.AfterFunc(l.silence, l.silent).Stop()
	}
	if !l.scanner.Scan() {
		if err := l.scanner.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	if len(l.scanner.Bytes()) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(l.scanner.Bytes()))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("read a line from the control plane: %w", err)
	}
	return nil
}
