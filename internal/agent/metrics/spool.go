package metrics

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"souk/internal/agent/durable"
)

// Spool keeps requests on disk, a file each, in the order in which they came. It
// outlives the process; what the machine had not written out when it lost power is
// missing. It is safe for concurrent use.
type Spool struct {
	folder string
	most   int64 // bytes
	log    *slog.Logger

	mu    sync.Mutex
	files []file
	bytes int64
	next  uint64
	given int // up since it was last said

	news chan struct{}
}

type file struct {
	number uint64
	bytes  int64
}

const suffix = ".snappy"

// OpenSpool opens the folder, making it the first time.
func OpenSpool(folder string, most int64, log *slog.Logger) (*Spool, error) {
	if err := durable.Folder(folder); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	s := &Spool{folder: folder, most: most, log: log, news: make(chan struct{}, 1)}
	for _, entry := range entries {
		name, ours := strings.CutSuffix(entry.Name(), suffix)
		number, err := strconv.ParseUint(name, 10, 64)
		info, infoErr := entry.Info()
		if !ours || err != nil || infoErr != nil {
			_ = os.Remove(filepath.Join(folder, entry.Name())) // half a file
			continue
		}
		s.files = append(s.files, file{number, info.Size()})
		s.bytes += info.Size()
		s.next = max(s.next, number+1)
	}
	slices.SortFunc(s.files, func(a, b file) int { return int(int64(a.number) - int64(b.number)) })
	s.tell()
	return s, nil
}

func (s *Spool) path(number uint64) string {
	return filepath.Join(s.folder, fmt.Sprintf("%020d%s", number, suffix))
}

// Add keeps a request. Where there is no room left the oldest are given up.
func (s *Spool) Add(request []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.bytes+int64(len(request)) > s.most && len(s.files) > 0 {
		s.drop(0)
		s.given++
		if s.given&(s.given-1) == 0 {
			s.log.Error("figures of instances are given up, oldest first: the control plane has not taken any for long, and their place on disk is full", "requests", s.given)
		}
	}
	path := s.path(s.next)
	if err := os.WriteFile(path+".new", request, 0o600); err != nil {
		_ = os.Remove(path + ".new")
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	s.files = append(s.files, file{s.next, int64(len(request))})
	s.bytes += int64(len(request))
	s.next++
	s.tell()
	return nil
}

func (s *Spool) tell() {
	if len(s.files) == 0 {
		return
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// News has a token when something may have come.
func (s *Spool) News() <-chan struct{} { return s.news }

// Oldest returns the request that has waited longest, with its number; false when
// there is none.
func (s *Spool) Oldest() (number uint64, request []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.files) > 0 {
		number = s.files[0].number
		request, err := os.ReadFile(s.path(number))
		if err == nil {
			return number, request, true
		}
		s.log.Error("figures that were kept cannot be read any more", "error", err)
		s.drop(0)
	}
	return 0, nil, false
}

// Done forgets a request. It is idempotent.
func (s *Spool) Done(number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given = 0
	if i := slices.IndexFunc(s.files, func(f file) bool { return f.number == number }); i >= 0 {
		s.drop(i)
	}
}

// Clear forgets all requests.
func (s *Spool) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.files) > 0 {
		s.drop(0)
	}
}

// drop forgets the request at an index. Called with mu held.
func (s *Spool) drop(i int) {
	if err := os.Remove(s.path(s.files[i].number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Error("figures that were sent cannot be removed from disk", "error", err)
	}
	s.bytes -= s.files[i].bytes
	s.files = slices.Delete(s.files, i, i+1)
}
