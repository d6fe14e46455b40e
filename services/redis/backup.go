package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/shim"
)

const (
	dumpFile    = dataFolder + "/dump.rdb" // a snapshot on its way
	restored    = shim.DataFolder + "/restored"
	restoredRDB = "appendonly.aof.1.base.rdb" // the first file of data that is restored
)

// snapshotWithin is how long the server may take to write its data down.
const snapshotWithin = time.Hour

// TakeBackup has the server write all its data down as of one moment, and keeps
// that, unless it is there.
func (e *engine) TakeBackup(ctx context.Context, job *process.Job, order driver.BackupOrder) error {
	r, err := within(ctx, job.Host, job.Want.BackupSource())
	if err != nil {
		return err
	}
	h, err := r.look(ctx)
	if err != nil || h.index(order.ID) >= 0 {
		return err
	}
	if h.repositories > 0 {
		r = r.at(h.repositories - 1)
	} else if err := r.begin(ctx); err != nil {
		return err
	}
	began := time.Now()
	if err := dump(ctx, job.Host); err != nil {
		return err
	}
	output, err := r.restic(ctx, "backup", "--host", "souk", "--tag", tagID+order.ID+","+tagKind+order.Kind+","+tagAt+order.At.UTC().Format(time.RFC3339Nano), job.Path(dumpFile))
	if err != nil {
		return r.inWords(err)
	}
	var said struct {
		Added    int64  `json:"data_added"`
		Size     int64  `json:"total_bytes_processed"`
		Snapshot string `json:"snapshot_id"`
	}
	for line := range strings.Lines(string(output)) {
		_ = json.Unmarshal([]byte(line), &said)
	}
	took := time.Since(began).Milliseconds()
	_, err = r.restic(ctx, "tag", "--add", fmt.Sprintf("%s%d,%s%d,%s%d", tagTook, took, tagSize, said.Size, tagStored, said.Added), "--tag", tagID+order.ID)
	if err != nil {
		return r.inWords(err)
	}
	return job.Remove(ctx, dumpFile)
}

// dump has the server write its data to dumpFile.
func dump(ctx context.Context, host *process.Host) error {
	ctx, cancel := context.WithTimeout(ctx, snapshotWithin)
	defer cancel()
	s, err := connect(ctx, host)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := host.Remove(ctx, dumpFile); err != nil {
		return err
	}
	if _, err := s.Do("BGSAVE", "SCHEDULE"); err != nil && !strings.Contains(err.Error(), "in progress") {
		return err
	}
	for pause := 10 * time.Millisecond; ; pause = min(pause*2, time.Second) {
		text, err := redis.String(s.Do("INFO", "persistence"))
		if err != nil {
			return err
		}
		if strings.Contains(text, "rdb_bgsave_in_progress:0") {
			there, err := host.Exists(ctx, dumpFile)
			if err != nil || there {
				return err
			}
			if strings.Contains(text, "rdb_last_bgsave_status:err") {
				return &driver.BlockedError{Message: "The server could not write its data down for a backup: its memory or its storage may be full. Choose a larger plan, more storage, or delete data.", BlockedBy: "you"}
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// Archived says nothing: there are snapshots, and no points in time between them.
func (e *engine) Archived(context.Context, *process.Host, *driver.BackupReport) error { return nil }

// Flush has nothing to do: what changes between snapshots is not kept.
func (e *engine) Flush(context.Context, *process.Host) error { return nil }

// Bring brings a snapshot beside the data.
func (e *engine) Bring(ctx context.Context, job *process.Job) error {
	if err := job.Remove(ctx, unfinished); err != nil {
		return err
	}
	return (&work{Job: job, engine: e}).restore(ctx)
}

// DataFolders are where the data lies, and where it is made.
func (e *engine) DataFolders() (data, brought string) { return dataFolder, unfinished }

// restore brings a snapshot into the unfinished data, as the file that the log of
// writes goes on from.
func (w *work) restore(ctx context.Context) error {
	r, err := within(ctx, w.Host, w.Want.Restore.From)
	if err != nil {
		return err
	}
	h, err := r.look(ctx)
	if err != nil {
		return err
	}
	i := h.index(w.Want.Restore.BackupID)
	if i < 0 || len(h.snapshots[i].Paths) != 1 {
		return goneBackup(nil)
	}
	is := h.snapshots[i]
	if err := w.Remove(ctx, restored); err != nil {
		return err
	}
	if _, err := r.at(is.in).restic(ctx, "restore", is.ID, "--verify", "--target", w.Path(restored)); err != nil {
		var exit *shim.ExitError
		if !errors.As(err, &exit) || !damaged(string(exit.Output)) {
			return r.inWords(err)
		}
		if is.in == h.repositories-1 { // what is taken next would share pieces with it
			if err := r.at(h.repositories).begin(ctx); err != nil {
				return err
			}
		}
		return &driver.BlockedError{Message: "The backup is damaged and cannot be restored. Restore from another one, and tell the zone's operator.", BlockedBy: "you", Permanent: true, Err: err}
	}
	folder := unfinished + "/" + appendOnly + "/"
	text := "file " + restoredRDB + " seq 1 type b\nfile " + firstFile + " seq 1 type i\n"
	if err := w.Write(ctx, shim.File{Path: folder + firstFile, Mode: 0o600}, shim.File{Path: folder + manifest, Mode: 0o600, Data: []byte(text)}); err != nil {
		return err
	}
	if err := w.Rename(ctx, restored+is.Paths[0], folder+restoredRDB); err != nil {
		return err
	}
	return w.Remove(ctx, restored)
}

// damaged says whether what restic said means that what is kept is not what was.
func damaged(said string) bool {
	for _, words := range []string{"ciphertext verification failed", "does not match", "not found in index", "invalid data returned", "wrong hash", "does not exist"} {
		if strings.Contains(said, words) {
			return true
		}
	}
	return false
}
