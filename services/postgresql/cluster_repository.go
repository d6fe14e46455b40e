package postgresql

import (
	"cmp"
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

// archive is what barman keeps of one Cluster, whose name it has, below an instance's
// key. An instance has one more with each restore in place.
type archive string

func (a archive) base() string { return string(a) + "/base/" }
func (a archive) wals() string { return string(a) + "/wals/" }

const backupInfo = "backup.info" // without it barman knows of no backup

// note is what is known of a backup, kept beside it.
type note struct {
	driver.Backup
	Archive  archive `json:"archive,omitempty"` // that has it; empty: the first Cluster's
	Label    string  `json:"label"`             // what barman calls it
	FirstWAL string  `json:"firstWAL"`          // the first file of changes that it needs
}

func (n note) archive() archive { return cmp.Or(n.Archive, firstCluster) }

// source names the backup among all of the instance's.
func (n note) source() string {
	if n.archive() == firstCluster {
		return n.Label
	}
	return string(n.Archive) + "/" + n.Label
}

// sourced is the archive and the label of what is named.
func sourced(source string) (archive, string) {
	if of, label, ok := strings.Cut(source, "/"); ok {
		return archive(of), label
	}
	return firstCluster, source
}

// noteOf reads what the operator says of a backup that is whole.
func noteOf(taken *unstructured.Unstructured, order driver.BackupOrder, size int64) (note, error) {
	n := note{
		Archive: archive(text(taken, "spec", "cluster", "name")),
		Backup:  driver.Backup{ID: order.ID, Kind: order.Kind, At: order.At, SizeBytes: size},
		Label:   text(taken, "status", "backupId"), FirstWAL: text(taken, "status", "beginWal"),
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
	err := repo.List(ctx, repo.Key(n.archive().base()+n.Label+"/"), func(o bucket.Object) bool {
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
	there := map[archive]map[string]bool{}
	for id, n := range notes {
		of := n.archive()
		if there[of] == nil {
			if there[of], err = labelsOf(ctx, repo, of); err != nil {
				return nil, nil, err
			}
		}
		if there[of][n.Label] {
			all = append(all, n)
		} else {
			left = append(left, repo.NoteKey(id))
		}
	}
	slices.SortFunc(all, func(a, b note) int { return a.StartedAt.Compare(b.StartedAt) })
	return all, left, nil
}

// labelsOf are what barman calls the backups in an archive.
func labelsOf(ctx context.Context, repo *kubernetes.Repository, of archive) (map[string]bool, error) {
	labels := map[string]bool{}
	err := repo.List(ctx, repo.Key(of.base()), func(o bucket.Object) bool {
		if path.Base(o.Key) == backupInfo {
			labels[path.Base(path.Dir(o.Key))] = true
		}
		return true
	})
	return labels, err
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
		for _, n := range notes {
			for _, folder := range []string{n.archive().wals(), n.archive().base()} {
				if err := repo.DeleteAll(ctx, repo.Key(folder)); err != nil {
					return err
				}
			}
		}
		return repo.DeleteAll(ctx, repo.Key(""))
	}
	if i < 0 {
		return repo.Delete(ctx, left...)
	}
	gone := notes[i]
	notes = slices.Delete(notes, i, i+1)
	if err := deleteBase(ctx, repo, gone); err != nil {
		return err
	}
	if err := deleteWALs(ctx, repo, gone, notes); err != nil {
		return err
	}
	return repo.Delete(ctx, append(left, repo.Key(gone.archive().base()+gone.Label+"/"+backupInfo), repo.NoteKey(id))...)
}

// deleteBase deletes the data of a backup, but for what says that it is there.
func deleteBase(ctx context.Context, repo *kubernetes.Repository, gone note) error {
	var keys []string
	err := repo.List(ctx, repo.Key(gone.archive().base()+gone.Label+"/"), func(o bucket.Object) bool {
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

// deleteWALs deletes the files of changes that only a backup needed which goes. Where it
// was the last of an archive, they are needed as long as none was taken after it in
// another: the server may still put more of them there.
func deleteWALs(ctx context.Context, repo *kubernetes.Repository, gone note, kept []note) error {
	first, over := "", false
	for _, n := range kept {
		switch {
		case n.archive() != gone.archive():
			over = over || n.StartedAt.After(gone.StartedAt)
		case first == "":
			first = n.FirstWAL
		default:
			first = min(first, n.FirstWAL)
		}
	}
	if first == "" && over {
		return repo.DeleteAll(ctx, repo.Key(gone.archive().wals()))
	}
	var keys []string
	err := repo.List(ctx, repo.Key(gone.archive().wals()), func(o bucket.Object) bool {
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

// newestWAL is the name of the newest file of changes that an archive has.
func newestWAL(ctx context.Context, repo *kubernetes.Repository, of archive) (newest string, err error) {
	err = repo.List(ctx, repo.Key(of.wals()), func(o bucket.Object) bool {
		file := path.Base(o.Key)
		if name := walName.FindString(file); name != "" && !strings.Contains(file, ".backup") && !strings.Contains(file, ".partial") {
			newest = max(newest, name)
		}
		return true
	})
	return newest, err
}
