package conformance

import (
	"context"
	"errors"
	"fmt"

	"souk/api"
)

// inPlace: where that is offered, what was backed up comes back in the instance itself,
// and from there what there was before, by the backup that was taken of it first.
func (r *Run) inPlace(ctx context.Context, from *api.RestoreFrom) error {
	list, err := r.Project.InPlaceRestores(ctx, r.main)
	if err != nil {
		return err
	}
	if list.Message != "" {
		r.note("No restore in place: %s", list.Message)
		return nil
	}
	want := api.RestoreInPlace{Backup: from.Backup, Time: from.Time}
	if _, err := r.Project.RestoreInPlace(ctx, r.main, want); err == nil {
		return errors.New("it is restored in place without a confirmation")
	}
	began := r.Now()
	restored, err := r.restoreInPlace(ctx, want)
	if err != nil {
		return err
	}
	spent := r.Now().Sub(began)
	if err := r.holds(ctx, r.main, before, "kept"); err != nil {
		return fmt.Errorf("restored in place: %w", err)
	}
	if err := r.holds(ctx, r.main, after, ""); err != nil {
		return fmt.Errorf("restored in place, it is later than was asked for: %w", err)
	}
	if _, err := r.completed(ctx, restored.SafetyBackup); err != nil {
		return fmt.Errorf("of what there was before: %w", err)
	}
	if err := r.atRest(ctx); err != nil { // what was restored is backed up at once
		return err
	}
	if _, err := r.restoreInPlace(ctx, api.RestoreInPlace{Backup: restored.SafetyBackup}); err != nil {
		return fmt.Errorf("back to what there was: %w", err)
	}
	if err := r.holds(ctx, r.main, after, "later"); err != nil {
		return fmt.Errorf("the backup of what there was before a restore in place does not have it: %w", err)
	}
	r.note("Restored in place within %s, once its name was given: as it was then; and back, from the backup that was taken first.", seconds(spent))
	return nil
}

// atRest waits until no backup of the main instance is being taken.
func (r *Run) atRest(ctx context.Context) error {
	return r.eventually(ctx, func() error {
		list, err := r.Project.Backups(ctx, r.main)
		if err != nil {
			return err
		}
		for _, b := range list.Items {
			if b.State == "wanted" || b.State == "running" {
				return fmt.Errorf("the backup %s is still %s", b.ID, b.State)
			}
		}
		return nil
	})
}

// restoreInPlace restores the main instance in place, and waits for that.
func (r *Run) restoreInPlace(ctx context.Context, want api.RestoreInPlace) (w api.InPlaceRestore, err error) {
	want.Confirm = r.main
	if w, err = r.Project.RestoreInPlace(ctx, r.main, want); err != nil {
		return w, fmt.Errorf("it cannot be restored in place: %w", err)
	}
	err = r.eventually(ctx, func() error {
		if w, err = r.Project.InPlaceRestore(ctx, r.main, w.ID); err != nil {
			return err
		}
		switch w.State {
		case "completed":
			return nil
		case "failed":
			return final{fmt.Errorf("the restore in place failed: %s", w.Message)}
		}
		return fmt.Errorf("the restore in place is not completed, but %s", w.State)
	})
	if err == nil {
		_, err = r.ready(ctx, r.main)
	}
	return w, err
}
