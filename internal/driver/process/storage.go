package process

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"souk/internal/shim"
)

const (
	gib = 1 << 30
	// freeAgain is the part of the plan's storage, in percent, below which what
	// was full counts as free again.
	freeAgain = 95
	// diskReserve is what a disk must have free, in bytes, not to count as full.
	diskReserve = 64 << 20
)

// storage is what was last measured.
type storage struct {
	used     int64
	at       time.Time
	diskFull bool // the machine's disk, whatever the plan
}

// full says whether an instance's storage is to count as full. What has not
// been measured is as it was.
func (s storage) full(r record) bool {
	limit := r.StorageGiB * gib
	if s.at.IsZero() || limit == 0 {
		return r.Full
	}
	if r.Full {
		return s.used >= limit/100*freeAgain
	}
	return s.used >= limit
}

// measure finds out what the instance's data occupies.
func (d *Driver) measure(ctx context.Context, u *unit) error {
	used, err := u.client().Usage(ctx, shim.DataFolder)
	if err != nil {
		return fmt.Errorf("measure storage: %w", err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.record.Rewind.Stage != "" {
		used = u.storage.used // for a while the data is there twice, which is not the user's doing
	}
	u.storage = storage{used: used, at: d.cfg.Now().UTC().Truncate(time.Microsecond), diskFull: diskFull(u.place.Folder)}
	return nil
}

func diskFull(folder string) bool {
	var stat syscall.Statfs_t
	if syscall.Statfs(folder, &stat) != nil {
		return false
	}
	return int64(stat.Bavail)*stat.Bsize < diskReserve
}

// lookAfter measures all instances now and then, and tells of those that need
// attention: storage that crossed a threshold, a certificate to be renewed.
func (d *Driver) lookAfter() {
	ticker := time.NewTicker(d.cfg.MeasureEvery)
	defer ticker.Stop()
	for {
		select {
		case <-d.ctx.Done():
			return
		case <-ticker.C:
		}
		for _, u := range d.all() {
			if d.needsAttention(u) {
				d.events.Add(u.id)
			}
		}
	}
}

func (d *Driver) needsAttention(u *unit) bool {
	u.mu.Lock()
	skip := !u.connected || u.record.Stopped || u.inCall
	u.mu.Unlock()
	if skip {
		return false
	}
	ctx, cancel := context.WithTimeout(d.ctx, 10*time.Second)
	defer cancel()
	if err := d.measure(ctx, u); err != nil {
		d.cfg.Logger.Warn("storage could not be measured", "instance", u.id, "error", err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.news() || (!u.renewAt.IsZero() && d.cfg.Now().After(u.renewAt))
}
