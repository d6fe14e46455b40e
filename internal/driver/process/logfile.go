package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"souk/internal/driver"
	"souk/internal/shim"
	"souk/internal/supervisor"
)

// maxLog is how much of one log file is looked at for its last lines.
const maxLog = 4 << 20

// openLog opens a log file that the instance's own account has written, and
// nothing that it might have put in its place: no link, no device, no file of
// somebody else.
func openLog(place supervisor.Place, name string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(place.Folder, name), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil {
		stat, ok := info.Sys().(*syscall.Stat_t)
		if ok && info.Mode().IsRegular() && int(stat.Uid) == place.UID {
			return file, nil
		}
		err = fmt.Errorf("%s is not a log of this instance", name)
	}
	file.Close()
	return nil, err
}

// lastLines returns the last n lines of the log, across older files of it, and
// where the current file ended.
func lastLines(place supervisor.Place, n int) (text string, end int64, err error) {
	tail, end, err := readTail(place, shim.LogFile, n)
	if err != nil {
		return "", 0, err
	}
	names := shim.LogNames()
	for _, name := range slices.Backward(names[:len(names)-1]) {
		missing := n - bytes.Count(tail, []byte{'\n'})
		if missing <= 0 {
			break
		}
		more, err := readOlder(place, name, missing)
		if err != nil {
			break
		}
		tail = append(more, tail...)
	}
	return string(tail), end, nil
}

// readOlder returns the last n lines of an older file; one that is not there is empty.
func readOlder(place supervisor.Place, name string, n int) ([]byte, error) {
	if !strings.HasSuffix(name, shim.Compressed) {
		lines, _, err := readTail(place, name, n)
		return lines, err
	}
	var kept [][]byte
	_, err := searchFile(place, name, func(line []byte) bool {
		if len(kept) == n {
			kept = kept[1:]
		}
		kept = append(kept, bytes.Clone(line))
		return true
	})
	return bytes.Join(kept, nil), err
}

// readTail returns the last n lines of one file; a file that is not there is empty.
func readTail(place supervisor.Place, name string, n int) (lines []byte, end int64, err error) {
	file, err := openLog(place, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	end, err = file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, 0, err
	}
	from := max(0, end-maxLog)
	text := make([]byte, end-from)
	read, err := file.ReadAt(text, from)
	if err != nil && err != io.EOF {
		return nil, 0, err
	}
	return keepLines(text[:read], n), from + int64(read), nil
}

// keepLines returns the last n lines of text.
func keepLines(text []byte, n int) []byte {
	at := len(text)
	if at > 0 && text[at-1] == '\n' {
		at--
	}
	for ; n > 0 && at > 0; n-- {
		at = bytes.LastIndexByte(text[:at], '\n')
		if at < 0 {
			return text
		}
	}
	if at == 0 {
		return text
	}
	return text[at+1:]
}

// follow returns recent and then what is added to the log, as far as the filter takes
// it, until ctx ends.
func follow(ctx context.Context, place supervisor.Place, recent string, from int64, filter *driver.LogFilter) (io.ReadCloser, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	changes := os.NewFile(uintptr(fd), "inotify")
	if _, err := unix.InotifyAddWatch(fd, filepath.Join(place.Folder, shim.LogFolder), unix.IN_MODIFY|unix.IN_CREATE); err != nil {
		changes.Close()
		return nil, err
	}
	reader, writer := io.Pipe()
	following := &follower{PipeReader: reader, changes: changes}
	stop := context.AfterFunc(ctx, func() {
		writer.CloseWithError(io.EOF) // before the reading end, or its reader would see a closed pipe
		changes.Close()
	})
	go func() {
		defer stop()
		defer changes.Close()
		writer.CloseWithError(copyAdded(writer, place, changes, recent, from, filter))
	}()
	return following, nil
}

// follower is the reading end; closing it ends the watching of the log too.
type follower struct {
	*io.PipeReader
	changes *os.File
}

func (f *follower) Close() error {
	return errors.Join(f.changes.Close(), f.PipeReader.CloseWithError(io.EOF))
}

func copyAdded(out io.Writer, place supervisor.Place, changes *os.File, recent string, from int64, filter *driver.LogFilter) error {
	if _, err := io.WriteString(out, recent); err != nil {
		return err
	}
	if filter != nil {
		out = &driver.LogWriter{To: out, Filter: filter}
	}
	events := make([]byte, 4096)
	for {
		next, err := copyFrom(out, place, from)
		if err != nil {
			return err
		}
		from = next
		if _, err := changes.Read(events); err != nil {
			return io.EOF
		}
	}
}

// copyFrom copies what the log has from an offset on, and returns the next. A
// log that has become shorter was emptied, and is read from its beginning.
func copyFrom(out io.Writer, place supervisor.Place, from int64) (int64, error) {
	file, err := openLog(place, shim.LogFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() < from {
		from = 0
	}
	n, err := io.Copy(out, io.NewSectionReader(file, from, info.Size()-from))
	return from + n, err
}
