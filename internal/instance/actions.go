package instance

import (
	"context"
	"slices"
	"time"

	"souk/internal/agentapi"
	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// The reasons for which an instance can be suspended. It stays suspended until
// none is left. Only the operator may set or lift others than SuspendedByUser.
const (
	SuspendedByUser    = "user"
	SuspendedByBudget  = "budget"
	SuspendedByDunning = "dunning"
	SuspendedByAbuse   = "abuse"
)

// act locks the instance, lets f change the row and say what it did at that time,
// and commits that. When f returns an empty action nothing is written.
func (s *Service) act(ctx context.Context, tx store.Tx, p Place, name string, f func(r *row, at time.Time) (change, error)) (View, error) {
	r, err := s.lock(ctx, tx, p, name)
	if err != nil {
		return View{}, err
	}
	at, err := s.now(ctx, instancedb.New(tx), r)
	if err != nil {
		return View{}, err
	}
	c, err := f(&r, at)
	if err != nil {
		return View{}, err
	}
	if c.action != "" {
		c.at, c.actor, c.request = at, p.Actor, p.RequestID
		if r.Intent == string(agentapi.IntentDeleted) && c.kind == "delete" {
			purge := c.at.Add(Retention)
			r.DeletedAt, r.PurgeAt = &c.at, &purge
		}
		if err := s.commit(ctx, tx, &r, c); err != nil {
			return View{}, err
		}
	}
	return s.ByID(ctx, tx, r.ID)
}

// Protect turns deletion protection on or off. It is idempotent.
func (s *Service) Protect(ctx context.Context, tx store.Tx, p Place, name string, on bool) (View, error) {
	return s.act(ctx, tx, p, name, func(r *row, _ time.Time) (change, error) {
		if r.Protected == on {
			return change{}, nil
		}
		r.Protected = on
		if on {
			return change{action: "instance.protect", message: "Protected against deletion."}, nil
		}
		return change{action: "instance.unprotect", message: "No longer protected against deletion."}, nil
	})
}

// Suspend adds a reason for being suspended: the engine stops, its data, address
// and log-ins are kept, and from now on only storage is billed. It is idempotent.
func (s *Service) Suspend(ctx context.Context, tx store.Tx, p Place, name, reason string) (View, error) {
	return s.act(ctx, tx, p, name, func(r *row, _ time.Time) (change, error) {
		if err := alive(View{Instance: *r}); err != nil {
			return change{}, err
		}
		if slices.Contains(r.SuspendedFor, reason) {
			return change{}, nil
		}
		r.SuspendedFor = append(r.SuspendedFor, reason)
		slices.Sort(r.SuspendedFor)
		c := change{action: "instance.suspend", message: "Suspended (reason: " + reason + ").", details: map[string]any{"reason": reason}}
		if intentActive(*r) {
			r.Intent, c.kind = string(agentapi.IntentSuspended), "suspend"
		}
		return c, nil
	})
}

// Resume lifts a reason for being suspended; with none left the engine starts
// again. It is idempotent.
func (s *Service) Resume(ctx context.Context, tx store.Tx, p Place, name, reason string) (View, error) {
	return s.act(ctx, tx, p, name, func(r *row, _ time.Time) (change, error) {
		if err := alive(View{Instance: *r}); err != nil {
			return change{}, err
		}
		i := slices.Index(r.SuspendedFor, reason)
		if i < 0 && r.SuspendedFor != nil && slices.Equal(r.SuspendedFor, []string{SuspendedByBudget}) {
			return change{}, problem.Conflict("suspended-by-budget", "%s is suspended as a budget is used up. Raise the budget, or take it off that the instance is suspendable; otherwise it is resumed when the month ends.", r.Name)
		}
		if i < 0 && len(r.SuspendedFor) > 0 {
			return change{}, problem.Conflict("suspended-for-another-reason", "%s is suspended for another reason (%s), which you cannot lift. Contact the operator.", r.Name, r.SuspendedFor[0])
		}
		if i < 0 {
			return change{}, nil
		}
		r.SuspendedFor = slices.Delete(r.SuspendedFor, i, i+1)
		c := change{action: "instance.resume", message: "Resumed (reason lifted: " + reason + ").", details: map[string]any{"reason": reason}}
		if len(r.SuspendedFor) == 0 {
			r.Intent, c.kind = string(agentapi.IntentActive), "resume"
		}
		return c, nil
	})
}

// Delete stops the instance and marks it for purging after Retention; until then
// Undelete brings it back. It is idempotent, and refused under protection.
func (s *Service) Delete(ctx context.Context, tx store.Tx, p Place, name string, match func(version int64) error) (View, error) {
	return s.act(ctx, tx, p, name, func(r *row, _ time.Time) (change, error) {
		if err := match(r.Version); err != nil {
			return change{}, err
		}
		if r.Intent == string(agentapi.IntentDeleted) || r.Intent == string(agentapi.IntentPurged) {
			return change{}, nil
		}
		if r.Protected {
			return change{}, problem.Conflict("protected", "%s is protected against deletion. Take the protection off first (souk unprotect %s), then delete it.", r.Name, r.Name)
		}
		r.Intent = string(agentapi.IntentDeleted)
		return change{kind: "delete", action: "instance.delete", message: "Deleted. It can be brought back for seven days."}, nil
	})
}

// Undelete brings a deleted instance back with its data, address and log-ins. It
// is idempotent. What it was suspended for still holds.
func (s *Service) Undelete(ctx context.Context, tx store.Tx, p Place, name string) (View, error) {
	q := instancedb.New(tx)
	if err := q.LockOrganization(ctx, p.Organization.String()); err != nil {
		return View{}, err
	}
	back := false
	v, err := s.act(ctx, tx, p, name, func(r *row, _ time.Time) (change, error) {
		if r.Intent == string(agentapi.IntentPurged) {
			return change{}, problem.Conflict("purged", "%s is being removed for good; it cannot be brought back.", r.Name)
		}
		if r.Intent != string(agentapi.IntentDeleted) {
			return change{}, nil
		}
		r.Intent = string(agentapi.IntentActive)
		if len(r.SuspendedFor) > 0 {
			r.Intent = string(agentapi.IntentSuspended)
		}
		r.DeletedAt, r.PurgeAt, back = nil, nil, true
		return change{kind: "undelete", action: "instance.undelete", message: "Brought back."}, nil
	})
	if err != nil || !back {
		return v, err
	}
	return v, checkQuota(ctx, q, p.Organization, instancedb.UsedRow{})
}

// SystemActor is who does what is due by the clock.
const SystemActor = "souk"

// PurgeDue starts removing one instance for good whose time has come, and says
// whether it did. It is a small transaction of its own for each.
func (s *Service) PurgeDue(ctx context.Context, st *store.Store) (bool, error) {
	done := false
	err := st.System(ctx, func(tx store.Tx) error {
		done = false
		q := instancedb.New(tx)
		due, err := q.PurgeDue(ctx, instancedb.PurgeDueParams{Limit: 1, Due: s.Clock.Now()})
		if err != nil || len(due) == 0 {
			return err
		}
		r, err := q.ByIDForUpdate(ctx, due[0])
		if err != nil {
			return err
		}
		done = true
		if r.Intent != string(agentapi.IntentDeleted) || r.PurgeAt == nil || r.PurgeAt.After(s.Clock.Now()) {
			return nil // undeleted, or taken by another replica, meanwhile
		}
		at, err := s.now(ctx, q, r)
		if err != nil {
			return err
		}
		r.Intent = string(agentapi.IntentPurged)
		r.Message = "Being removed for good."
		return s.commit(ctx, tx, &r, change{kind: "purge", action: "instance.purge", message: "Its time to be brought back is over; it is removed for good.", at: at, actor: SystemActor})
	})
	return done, err
}
