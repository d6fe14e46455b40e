package process

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"souk/internal/agent/durable"
	"souk/internal/driver"
	"souk/internal/supervisor"
)

// record is what the driver keeps of an instance on disk. It holds no secret.
type record struct {
	Service     string      `json:"service"`
	Port        int         `json:"port,omitempty"`
	PortUsed    bool        `json:"portUsed,omitempty"` // clients may know it: it stays
	Initialised bool        `json:"initialised,omitempty"`
	Stopped     bool        `json:"stopped,omitempty"` // by the last call
	Generation  int64       `json:"generation,omitempty"`
	Plan        driver.Plan `json:"plan,omitzero"`
	StorageGiB  int64       `json:"storageGiB,omitempty"`
	Full        bool        `json:"full,omitempty"` // storage was found full and has not become free enough
	NoLimits    string      `json:"noLimits,omitempty"`
	// Restart is the last that was asked for, and RestartOf when the engine began
	// that it is to end.
	Restart   int64     `json:"restart,omitempty"`
	RestartOf time.Time `json:"restartOf,omitzero"`
	// Rewind is the restore in place that is being carried out, or was last.
	Rewind rewind `json:"rewind,omitzero"`
	// Interruption is the last one, as it was measured.
	Interruption driver.Interruption `json:"interruption,omitzero"`
}

func (d *Driver) recordPath(id string) string {
	return filepath.Join(d.cfg.Dir, "instances", id+".json")
}

// loadRecords reads all records at start.
func (d *Driver) loadRecords() error {
	folder := filepath.Join(d.cfg.Dir, "instances")
	if err := durable.Folder(folder); err != nil {
		return err
	}
	if err := durable.Sweep(folder); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		id, isRecord := strings.CutSuffix(entry.Name(), ".json")
		if !isRecord || supervisor.ValidID(id) != nil {
			continue
		}
		text, err := os.ReadFile(d.recordPath(id))
		if err != nil {
			return err
		}
		u := &unit{id: id, known: true}
		if err := json.Unmarshal(text, &u.record); err != nil {
			return fmt.Errorf("read %s: %w", d.recordPath(id), err)
		}
		d.units[id] = u
		d.ports.take(u.record.Port, id)
	}
	return nil
}

// save changes an instance's record and makes it durable. Without a change
// nothing is written.
func (d *Driver) save(u *unit, change func(*record)) error {
	u.mu.Lock()
	before, known := u.record, u.known
	after := before
	u.mu.Unlock()
	change(&after)
	if known && after == before {
		return nil
	}
	text, err := json.Marshal(after)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(d.recordPath(u.id), text); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.record, u.known = after, true
	return nil
}
