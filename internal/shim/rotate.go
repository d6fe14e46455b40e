package shim

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"
)

// LogFiles is how many older logs are kept beside the current one, as
// engine.log.1 (the youngest) and so on.
const LogFiles = 4

const (
	rotateAt    = 16 << 20 // bytes
	rotateEvery = 10 * time.Second
)

// openLog opens the engine's log. The engine writes straight to the file, so
// that nothing is lost and nothing blocks while there is no shim.
func openLog() (*os.File, error) {
	return os.OpenFile(LogFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
}

// rotateLogs keeps the log within bounds until ctx ends.
func rotateLogs(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(rotateEvery)
	defer ticker.Stop()
	for {
		for _, name := range []string{LogFile, ownLog} {
			if err := rotate(name, rotateAt); err != nil {
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

// rotate copies a log that is larger than limit aside and empties it. The file
// stays the same one, for the engine has it open; lines written between the
// copy and the emptying, a fraction of a millisecond, are lost. When the copy
// cannot be made (a full disk) the log is emptied all the same.
func rotate(name string, limit int64) error {
	info, err := os.Stat(name)
	if err != nil || info.Size() < limit {
		return nil
	}
	for n := LogFiles; n > 1; n-- {
		_ = os.Rename(fmt.Sprintf("%s.%d", name, n-1), fmt.Sprintf("%s.%d", name, n))
	}
	copyErr := copyLog(name, name+".1")
	if err := os.Truncate(name, 0); err != nil {
		return err
	}
	return copyErr
}

func copyLog(from, to string) error {
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
	if _, err := io.Copy(out, in); err != nil {
		_ = os.Remove(to)
		return err
	}
	return nil
}
