package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"souk/internal/bucket"
)

// notesFolder has, below an instance's key, one note of Souk's own beside each backup:
// what takes backups knows neither who ordered one nor Souk's time, and what is in the
// cluster goes with the instance.
const notesFolder = "souk/"

// NoteKey is that of the note of a backup.
func (r *Repository) NoteKey(id string) string { return r.Key(notesFolder + id + ".json") }

// Note puts what is known of a backup beside it.
func (r *Repository) Note(ctx context.Context, id string, note any) error {
	content, err := json.Marshal(note)
	if err != nil {
		return err
	}
	return r.Put(ctx, r.NoteKey(id), content)
}

// Noted says whether there is a note of a backup.
func (r *Repository) Noted(ctx context.Context, id string) (bool, error) {
	_, err := r.Get(ctx, r.NoteKey(id))
	if errors.Is(err, bucket.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Notes are all notes of an instance's backups, by the backup's ID.
func Notes[N any](ctx context.Context, r *Repository) (map[string]N, error) {
	var ids []string
	err := r.List(ctx, r.Key(notesFolder), func(o bucket.Object) bool {
		ids = append(ids, strings.TrimSuffix(path.Base(o.Key), ".json"))
		return true
	})
	if err != nil {
		return nil, err
	}
	all := map[string]N{}
	for _, id := range ids {
		content, err := r.Get(ctx, r.NoteKey(id))
		if errors.Is(err, bucket.ErrNotFound) {
			continue
		}
		var note N
		if err == nil {
			err = json.Unmarshal(content, &note)
		}
		if err != nil {
			return nil, fmt.Errorf("the note of a backup: %w", err)
		}
		all[id] = note
	}
	return all, nil
}
