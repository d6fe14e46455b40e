package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"souk/api"
)

// The values around the moment to which an instance is restored.
const (
	before = "before"
	after  = "after"
)

// backup: what was backed up comes back as another instance: of exactly a second, where
// that is offered, or else as it was when the backup was taken.
func (r *Run) backup(ctx context.Context) error {
	if err := r.put(ctx, r.main, before, "kept"); err != nil {
		return err
	}
	b, err := r.Project.BackUp(ctx, r.main)
	if err != nil {
		return fmt.Errorf("no backup can be asked for: %w", err)
	}
	if b, err = r.completed(ctx, b.ID); err != nil {
		return err
	}
	took := "an unknown time"
	if b.StartedAt != nil && b.FinishedAt != nil {
		took = seconds(b.FinishedAt.Sub(*b.StartedAt))
	}
	r.note("Backed up on request after %s: %d bytes, of which %d are stored.", took, b.SizeBytes, b.StoredBytes)
	if err := r.drill(ctx); err != nil {
		return err
	}
	from, at, err := r.moment(ctx, b)
	if err != nil {
		return err
	}
	restored, spent, err := r.order(ctx, "restored", api.InstanceSpec{}, from)
	if err != nil {
		return fmt.Errorf("it cannot be restored: %w", err)
	}
	name := restored.Metadata.Name
	if err := r.holds(ctx, name, before, "kept"); err != nil {
		return fmt.Errorf("in what was restored: %w", err)
	}
	if err := r.holds(ctx, name, after, ""); err != nil {
		return fmt.Errorf("what was restored is later than was asked for: %w", err)
	}
	if err := r.holds(ctx, r.main, after, "later"); err != nil {
		return fmt.Errorf("the instance that was backed up is another: %w", err)
	}
	r.note("Restored as another instance %s within %s: what was written before is there, what was written after is not.", at, seconds(spent))
	return r.inPlace(ctx, from)
}

// drill has the backup restored on trial, where the service has that.
func (r *Run) drill(ctx context.Context) error {
	list, err := r.Project.Drills(ctx, r.main)
	if err != nil {
		return err
	}
	if list.Message != "" {
		r.note("No restore drill: %s", list.Message)
		return nil
	}
	d, err := r.Project.StartDrill(ctx, r.main)
	if err != nil {
		return fmt.Errorf("no restore drill can be asked for: %w", err)
	}
	err = r.eventually(ctx, func() error {
		if d, err = r.Project.Drill(ctx, r.main, d.ID); err != nil {
			return err
		}
		switch d.State {
		case "passed":
			if !d.Certificate || d.Result == nil { // it is signed a moment later
				return errors.New("a restore drill passed without a certificate")
			}
			return nil
		case "failed", "cancelled":
			return final{fmt.Errorf("the restore drill is %s: %s", d.State, d.Message)}
		}
		return fmt.Errorf("the restore drill is not done, but %s. %s", d.State, d.Message)
	})
	if err != nil {
		return err
	}
	r.note("Restored on trial within %d ms, with a certificate: %d canaries compared, %d checks of the engine.", d.Result.RestoreMilliseconds, d.Result.Canaries, len(d.Result.Checks))
	return nil
}

func (r *Run) completed(ctx context.Context, id string) (b api.Backup, err error) {
	err = r.eventually(ctx, func() error {
		if b, err = r.Project.Backup(ctx, r.main, id); err != nil {
			return err
		}
		switch b.State {
		case "completed":
			return nil
		case "failed", "lost":
			return final{fmt.Errorf("the backup is %s: %s", b.State, b.Message)}
		}
		return fmt.Errorf("the backup is not completed, but %s. %s", b.State, b.Message)
	})
	return b, err
}

// moment writes once more after the moment to restore to, and says which that is: a
// second, where points in time can be restored, or the backup's end.
func (r *Run) moment(ctx context.Context, b api.Backup) (*api.RestoreFrom, string, error) {
	list, err := r.Project.Backups(ctx, r.main)
	if err != nil {
		return nil, "", err
	}
	if list.Until == nil {
		return &api.RestoreFrom{Instance: r.main, Backup: b.ID}, "from the backup", r.put(ctx, r.main, after, "later")
	}
	if err := r.put(ctx, r.main, before, "kept"); err != nil {
		return nil, "", err
	}
	if err := pass(ctx, r.second()); err != nil { // a second has to lie between what is before and after it
		return nil, "", err
	}
	at := r.Now().UTC()
	if err := pass(ctx, r.second()); err != nil {
		return nil, "", err
	}
	if err := r.put(ctx, r.main, after, "later"); err != nil {
		return nil, "", err
	}
	err = r.eventually(ctx, func() error {
		list, err := r.Project.Backups(ctx, r.main)
		if err == nil && (list.Until == nil || list.Until.Before(at)) {
			err = fmt.Errorf("a point in time that is over cannot be restored: only until %v", list.Until)
		}
		return err
	})
	return &api.RestoreFrom{Instance: r.main, Time: &at}, "as it was at " + at.Format(time.RFC3339), err
}

// second is enough between two moments, so that clocks of some difference agree.
func (r *Run) second() time.Duration { return min(10*r.Pause, 2*time.Second) }
