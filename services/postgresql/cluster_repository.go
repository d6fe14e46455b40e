package postgresql

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/bucket"
	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// Where barman has things below an instance's key.
const (
	baseFolder = clusterName + "/base/"
	walFolder  = clusterName + "/wals/"
	backupInfo = "backup.info" // without it barman knows of no backup
)

// note is what is known of a backup, kept beside it.
type note struct {
	driver.Backup
	Label    string `json:"label"`    // what barman calls it
	FirstWAL string `json:"firstWAL"` // the first file of changes that it needs
}

// noteOf reads what the operator says of a backup that is whole.
func noteOf(taken *unstructured.Unstructured, order driver.BackupOrder, size int64) (note, error) {
	n := note{
		Backup: driver.Backup{ID: order.ID, Kind: order.Kind, At: order.At, SizeBytes: size},
		Label:  text(taken, "status", "backupId"), FirstWAL: text(taken, "status", "beginWal"),
	}
	began, err1 := time.Parse(time.RFC3339, text(taken, "status", "startedAt"))
	ended, err2 := time.Parse(time.RFC3339, text(taken, "status", "stoppedAt"))
	if err := errors.Join(err1, err2); err != nil || n.Label == "" || !walName.MatchString(n.FirstWAL) {
		return n, fmt.Errorf("the operator does not say what it has backed up: %w", err)
	}
	n.StartedAt, n.FinishedAt = began.UTC(), ended.UTC().Add(time.Second) // told in whole seconds
	return n, nil
}

// keepNote puts a note beside its backup.
func keepNote(ctx context.Context, repo *kubernetes.Repository, n note) error {
	err := repo.List(ctx, repo.Key(baseFolder+n.Label+"/"), func(o bucket.Object) bool {
		n.StoredBytes += o.Bytes
		return true
	})
	if err != nil {
		return err
	}
	return repo.Note(ctx, n.ID, n)
}

// notesOf are the notes of an instance's backups that are there, oldest first.
func notesOf(ctx context.Context, repo *kubernetes.Repository) ([]note, error) {
	all, _, err := allNotes(ctx, repo)
	return all, err
}

// allNotes returns also the keys of notes whose backup is not there any more.
func allNotes(ctx context.Context, repo *kubernetes.Repository) (all []note, left []string, err error) {
	notes, err := kubernetes.Notes[note](ctx, repo)
	if err != nil || len(notes) == 0 {
		return nil, nil, err
	}
	there := map[string]bool{}
	err = repo.List(ctx, repo.Key(baseFolder), func(o bucket.Object) bool {
		if path.Base(o.Key) == backupInfo {
			there[path.Base(path.Dir(o.Key))] = true
		}
		return true
	})
	if err != nil {
		return nil, nil, err
	}
	for id, n := range notes {
		if there[n.Label] {
			all = append(all, n)
		} else {
			left = append(left, repo.NoteKey(id))
		}
	}
	slices.SortFunc(all, func(a, b note) int { return a.StartedAt.Compare(b.StartedAt) })
	return all, left, nil
}

// Backups lists what is kept of an instance, oldest first.
func (e *clusterEngine) Backups(ctx context.Context, repo *kubernetes.Repository) ([]driver.Backup, error) {
	notes, err := notesOf(ctx, repo)
	if err != nil {
		return nil, err
	}
	backups := make([]driver.Backup, len(notes))
	for i, n := range notes {
		backups[i] = n.Backup
	}
	return backups, nil
}

// ExpireBackup removes one backup, and the changes that only it needed. With the
// last one it removes everything. What says that a backup is there goes last.
func (e *clusterEngine) ExpireBackup(ctx context.Context, repo *kubernetes.Repository, id string, last bool) error {
	notes, left, err := allNotes(ctx, repo)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(notes, func(n note) bool { return n.ID == id })
	if last && !slices.ContainsFunc(notes, func(n note) bool { return n.ID != id }) {
		for _, folder := range []string{walFolder, baseFolder, ""} {
			if err := repo.DeleteAll(ctx, repo.Key(folder)); err != nil {
				return err
			}
		}
		return nil
	}
	if i < 0 {
		return repo.Delete(ctx, left...)
	}
	gone := notes[i]
	notes = slices.Delete(notes, i, i+1)
	if err := deleteBase(ctx, repo, gone.Label); err != nil {
		return err
	}
	if len(notes) > 0 {
		if err := deleteWALs(ctx, repo, notes); err != nil {
			return err
		}
	}
	return repo.Delete(ctx, append(left, repo.Key(baseFolder+gone.Label+"/"+backupInfo), repo.NoteKey(id))...)
}

// deleteBase deletes the data of a backup, but for what says that it is there.
func deleteBase(ctx context.Context, repo *kubernetes.Repository, label string) error {
	var keys []string
	err := repo.List(ctx, repo.Key(baseFolder+label+"/"), func(o bucket.Object) bool {
		if path.Base(o.Key) != backupInfo {
			keys = append(keys, o.Key)
		}
		return true
	})
	if err != nil {
		return err
	}
	return repo.Delete(ctx, keys...)
}

// walName is the beginning of the name of a file of changes; histories of
// timelines, which are kept, have others.
var walName = regexp.MustCompile(`^[0-9A-F]{24}`)

// deleteWALs deletes the files of changes before those that a kept backup needs.
func deleteWALs(ctx context.Context, repo *kubernetes.Repository, kept []note) error {
	first := kept[0].FirstWAL
	for _, n := range kept {
		first = min(first, n.FirstWAL)
	}
	var keys []string
	err := repo.List(ctx, repo.Key(walFolder), func(o bucket.Object) bool {
		name := walName.FindString(path.Base(o.Key))
		if name != "" && name < first {
			keys = append(keys, o.Key)
		}
		return name < first // they come by name
	})
	if err != nil {
		return err
	}
	return repo.Delete(ctx, keys...)
}

// newestWAL is the name of the newest file of changes that is kept.
func newestWAL(ctx context.Context, repo *kubernetes.Repository) (newest string, err error) {
	err = repo.List(ctx, repo.Key(walFolder), func(o bucket.Object) bool {
		file := path.Base(o.Key)
		if name := walName.FindString(file); name != "" && !strings.Contains(file, ".backup") && !strings.Contains(file, ".partial") {
			newest = max(newest, name)
		}
		return true
	})
	return newest, err
}
