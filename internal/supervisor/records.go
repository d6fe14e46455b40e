package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"souk/internal/agent/durable"
)

// record is what the supervisor keeps of an instance, from before anything of
// it is made until after everything of it is gone.
type record struct {
	UID int `json:"uid,omitempty"`
}

// records are kept one file an instance.
type records struct {
	folder      string
	base, count int

	mu   sync.Mutex
	byID map[string]record
	used map[int]string // uid → instance
	next int            // offset into the range: uids are not given again soon
}

func openRecords(folder string, base, count int) (*records, error) {
	if err := durable.Folder(folder); err != nil {
		return nil, err
	}
	if err := durable.Sweep(folder); err != nil {
		return nil, err
	}
	r := &records{folder: folder, base: base, count: count, byID: map[string]record{}, used: map[int]string{}}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		id, isRecord := strings.CutSuffix(entry.Name(), ".json")
		if !isRecord || ValidID(id) != nil {
			continue
		}
		if err := r.load(id); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *records) load(id string) error {
	text, err := os.ReadFile(r.path(id))
	if err != nil {
		return err
	}
	var found record
	if err := json.Unmarshal(text, &found); err != nil {
		return fmt.Errorf("read %s: %w", r.path(id), err)
	}
	r.byID[id] = found
	if found.UID > 0 {
		r.used[found.UID] = id
		r.next = max(r.next, found.UID-r.base+1)
	}
	return nil
}

func (r *records) path(id string) string { return filepath.Join(r.folder, id+".json") }

func (r *records) get(id string) (record, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.byID[id]
	return found, ok
}

func (r *records) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]string, 0, len(r.byID))
	for id := range r.byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// allocate returns the instance's record, making one with a uid of its own.
func (r *records) allocate(id string) (record, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if found, ok := r.byID[id]; ok {
		return found, nil
	}
	made, err := r.choose()
	if err != nil {
		return record{}, err
	}
	text, err := json.Marshal(made)
	if err != nil {
		return record{}, err
	}
	if err := durable.WriteFile(r.path(id), text); err != nil {
		return record{}, err
	}
	r.byID[id] = made
	if made.UID > 0 {
		r.used[made.UID] = id
	}
	return made, nil
}

func (r *records) choose() (record, error) {
	if r.count == 0 {
		return record{}, nil
	}
	for range r.count {
		uid := r.base + r.next%r.count
		r.next = r.next%r.count + 1
		if _, taken := r.used[uid]; !taken && len(processesOf(uid)) == 0 {
			return record{UID: uid}, nil
		}
	}
	return record{}, errors.New("all uids of the zone's range are taken; give the supervisor a larger range")
}

func (r *records) remove(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := durable.Remove(r.path(id)); err != nil {
		return err
	}
	delete(r.used, r.byID[id].UID)
	delete(r.byID, id)
	return nil
}
