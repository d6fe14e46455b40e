package redis

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"souk/internal/bucket"
	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// Each backup is a repository of restic's of its own, below its ID in this folder of the
// instance's: it is whole or damaged by itself, and ends when its objects are deleted,
// without a lock and without writing others anew. That costs little: snapshots of Redis
// are compressed by the server, so that two of them have few pieces in common.
const repositoryFolder = "redis/"

// snapshotsFolder has, in a repository, what says that it holds a snapshot.
const snapshotsFolder = "/snapshots/"

// folderOf is what the keys of all that is in a backup's repository begin with.
func folderOf(repo *kubernetes.Repository, id string) string {
	return repo.Key(repositoryFolder + id + "/")
}

// errNothingKept: what a backup's pod has kept is not there.
var errNothingKept = errors.New("the pod of a backup has kept nothing")

// note puts a note beside a backup that is whole.
func note(ctx context.Context, place *driver.BackupPlace, repo *kubernetes.Repository, order driver.BackupOrder, done kubernetes.Done) error {
	size, err := strconv.ParseInt(done.Said, 10, 64)
	if err != nil {
		return fmt.Errorf("%w, or does not say what: %w", errNothingKept, err)
	}
	b := driver.Backup{ID: order.ID, Kind: order.Kind, At: order.At, SizeBytes: size, StartedAt: done.From, FinishedAt: done.Until.Add(time.Second)} // told in whole seconds
	whole := false
	err = repo.List(ctx, folderOf(repo, order.ID), func(o bucket.Object) bool {
		b.StoredBytes += o.Bytes
		whole = whole || strings.Contains(o.Key, snapshotsFolder)
		return true
	})
	if err == nil && !whole {
		return errNothingKept
	}
	if err == nil {
		err = repo.Note(ctx, order.ID, b)
	}
	if err != nil {
		return place.Unusable(err.Error(), err)
	}
	return nil
}

// clearAway deletes what is there of a backup that did not come to its end.
func clearAway(ctx context.Context, repo *kubernetes.Repository, id string) error {
	there, err := repo.Noted(ctx, id)
	if there || err != nil {
		return err
	}
	return repo.DeleteAll(ctx, folderOf(repo, id))
}

// Backups lists what is kept of an instance, oldest first. One whose snapshot somebody
// has deleted is not there any more.
func (e *clusterEngine) Backups(ctx context.Context, repo *kubernetes.Repository) ([]driver.Backup, error) {
	notes, err := kubernetes.Notes[driver.Backup](ctx, repo)
	if err != nil || len(notes) == 0 {
		return nil, err
	}
	var all []driver.Backup
	err = repo.List(ctx, repo.Key(repositoryFolder), func(o bucket.Object) bool {
		if folder, _ := path.Split(o.Key); strings.HasSuffix(folder, snapshotsFolder) {
			id := path.Base(strings.TrimSuffix(folder, snapshotsFolder))
			if b, ok := notes[id]; ok {
				all = append(all, b)
				delete(notes, id)
			}
		}
		return true
	})
	slices.SortFunc(all, func(a, b driver.Backup) int { return a.StartedAt.Compare(b.StartedAt) })
	return all, err
}

// ExpireBackup deletes one backup; with the last one everything. What says that a backup
// is there goes last.
func (e *clusterEngine) ExpireBackup(ctx context.Context, repo *kubernetes.Repository, id string, last bool) error {
	var data, rest []string
	err := repo.List(ctx, folderOf(repo, id), func(o bucket.Object) bool {
		if strings.Contains(o.Key, snapshotsFolder) {
			rest = append(rest, o.Key)
		} else {
			data = append(data, o.Key)
		}
		return true
	})
	if err != nil {
		return err
	}
	if err := repo.Delete(ctx, data...); err != nil {
		return err
	}
	if err := repo.Delete(ctx, append(rest, repo.NoteKey(id))...); err != nil {
		return err
	}
	if !last {
		return nil
	}
	left, err := e.Backups(ctx, repo)
	if err != nil || len(left) > 0 {
		return err
	}
	return repo.DeleteAll(ctx, repo.Key(""))
}
