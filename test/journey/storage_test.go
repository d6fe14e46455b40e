//go:build journey

package journey

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"souk/api"
	"souk/test/soukdev"
)

// A storage that has become full reaches the customer's webhook; the runbook that it
// names, followed as it stands, mends it, and the webhook hears of that too.
func TestFullStorageIsToldAndMended(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: only root mounts a disk of its own")
	}
	hook := &receiver{}
	server := httptest.NewServer(hook)
	defer server.Close()
	s := soukdev.Build(t)
	mountDisk(t, s.DataDir)
	s.Start()
	s.Cleanup()
	s.Sh("souk context use acme").Done()
	address := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(address, []byte(server.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Sh("souk alert channel create hook --kind webhook --url-file " + address + " --secret-file " + address + ".secret").Done()
	s.Sh("souk order redis cache --wait").Done()
	fill(t, filepath.Join(s.DataDir, "instances", "instances", s.Instance("cache").Metadata.ID), s.Instance("cache").Spec.StorageGiB)

	told := hook.wait(s, "storage-nearly-full", "firing")
	page := s.Sh("souk alert runbook cache " + told.RunbookURL[strings.LastIndex(told.RunbookURL, "/")+1:]).Done("The storage is filling up").Out
	followed := 0
	for line := range strings.Lines(page) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "souk ") && strings.HasSuffix(line, "--wait") {
			s.Sh(line).Done()
			followed++
		}
	}
	if followed == 0 {
		t.Fatalf("the runbook says nothing that mends it:\n%s", page)
	}
	hook.wait(s, "storage-nearly-full", "resolved")
	s.Sh(`eval "$(souk credentials cache -o shell)"; redis-cli --tls --cacert $REDIS_TLS_CA -h $REDIS_HOST -p $REDIS_PORT --user $REDIS_USERNAME set k v`).Prints("OK")
	s.Interrupt()
}

// mountDisk has the data on a disk of its own, in memory, so that none of the machine's
// becomes full. Only what is written takes memory.
func mountDisk(t *testing.T, at string) {
	t.Helper()
	if err := os.MkdirAll(at, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("souk-test", at, "tmpfs", 0, "size=20g,mode=700"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// fill takes all of an instance's storage, by a file that its server knows nothing of.
func fill(t *testing.T, folder string, gib int64) {
	t.Helper()
	var data string
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == "data" {
			data = path
			return filepath.SkipAll
		}
		return err
	})
	if err != nil || data == "" {
		t.Fatalf("no data in %s: %v", folder, err)
	}
	file, err := os.Create(filepath.Join(data, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := unix.Fallocate(int(file.Fd()), 0, 0, gib<<30); err != nil {
		t.Fatal(err)
	}
}

// receiver is the customer's webhook.
type receiver struct {
	mu      sync.Mutex
	notices []api.AlertNotice
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	var told struct {
		Data struct {
			Alerts []api.AlertNotice `json:"alerts"`
		} `json:"data"`
	}
	body, err := io.ReadAll(q.Body)
	if err != nil || json.Unmarshal(body, &told) != nil || q.Header.Get("webhook-signature") == "" {
		http.Error(w, "no notice", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notices = append(r.notices, told.Data.Alerts...)
}

// wait until the alert is told to be so.
func (r *receiver) wait(s *soukdev.Souk, name, status string) (found api.AlertNotice) {
	look := func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, n := range r.notices {
			if n.Name == name && n.Status == status && n.Instance == "cache" {
				found = n
				return nil
			}
		}
		return errors.New("the webhook was not told that " + name + " is " + status)
	}
	s.EventuallyWithin(3*soukdev.Patience, name+" is "+status, look) // it is measured each minute, and has to hold for one
	return found
}
