package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"souk/api"
)

// maintenance: a change that interrupts is put off to the window, put off once more, and
// then done at once, with a report.
func (r *Run) maintenance(ctx context.Context) error {
	before, _, err := r.Project.Instance(ctx, r.main)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(r.Service.Plans, func(p api.Plan) bool { return p.Name != before.Spec.Plan && p.MinStorageGiB <= before.Spec.StorageGiB })
	if i < 0 {
		return notProven("There is no other plan that could be put off.")
	}
	another := r.Service.Plans[i].Name
	if err := r.put(ctx, r.main, "maintained", "kept"); err != nil {
		return err
	}
	is, err := r.Project.PatchInWindow(ctx, r.main, map[string]any{"spec": map[string]any{"plan": another}})
	if err != nil {
		return fmt.Errorf("a change cannot be put off to the window: %w", err)
	}
	if is.Spec.Plan != before.Spec.Plan {
		return errors.New("a change that was put off was made at once")
	}
	planned, err := r.planned(ctx)
	if err != nil {
		return err
	}
	if !planned.From.After(planned.CreatedAt) {
		return fmt.Errorf("the work was planned for %s, which is not in a window to come", planned.From.Format(time.RFC3339))
	}
	if planned.DeferUntil != nil {
		later, err := r.Project.DeferMaintenance(ctx, r.main, planned.ID, api.MaintenanceDefer{})
		if err != nil {
			return fmt.Errorf("it cannot be put off once more: %w", err)
		}
		if !later.From.After(planned.From) {
			return errors.New("it was put off, and is planned for the same time")
		}
		r.note("Plan %s put off to the window at %s, and from there to that at %s.", another, planned.From.UTC().Format(time.RFC3339), later.From.UTC().Format(time.RFC3339))
	}
	if _, err := r.Project.RunMaintenance(ctx, r.main, planned.ID); err != nil {
		return fmt.Errorf("it cannot be done now: %w", err)
	}
	done, err := r.done(ctx, planned.ID)
	if err != nil {
		return err
	}
	if is, err = r.ready(ctx, r.main); err != nil {
		return err
	}
	if is.Status.AppliedPlan != another {
		return fmt.Errorf("the work is completed, and the plan in force is %s", is.Status.AppliedPlan)
	}
	interruption := "not measured"
	if done.Interruption != nil {
		interruption = fmt.Sprintf("%.2f s as the zone measured it", *done.Interruption)
	}
	if err := r.holds(ctx, r.main, "maintained", "kept"); err != nil {
		return err
	}
	r.note("Done when asked for; its report has the changes, and its interruption: %s.", interruption)
	if _, _, err = r.patch(ctx, map[string]any{"plan": before.Spec.Plan}); err != nil {
		return err
	}
	return r.newerVersion(ctx)
}

// newerVersion has a newer minor version of the engine brought in, where the zone has
// one: it is planned by itself, and runs afterwards.
func (r *Run) newerVersion(ctx context.Context) error {
	all, err := r.Project.Maintenance(ctx, r.main, 0)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(m api.Maintenance) bool { return m.State == "planned" && m.Version != "" })
	if i < 0 {
		r.note("A newer minor version of the engine was not tried: the zone has one minor version.")
		return nil
	}
	was, _, err := r.Project.Instance(ctx, r.main)
	if err != nil {
		return err
	}
	if err := r.put(ctx, r.main, "upgraded", "kept"); err != nil {
		return err
	}
	if _, err := r.Project.RunMaintenance(ctx, r.main, all[i].ID); err != nil {
		return fmt.Errorf("%s cannot be done now: %w", all[i].Title, err)
	}
	if _, err := r.done(ctx, all[i].ID); err != nil {
		return err
	}
	is, err := r.ready(ctx, r.main)
	if err != nil {
		return err
	}
	if is.Status.Version != all[i].Version {
		return fmt.Errorf("%s is completed, and the instance runs %s", all[i].Title, is.Status.Version)
	}
	if err := r.holds(ctx, r.main, "upgraded", "kept"); err != nil {
		return err
	}
	r.upgraded = was.Status.Version + " to " + is.Status.Version
	r.note("%s: planned by itself, and done when asked for.", all[i].Title)
	return nil
}

// planned is the change that waits for the window.
func (r *Run) planned(ctx context.Context) (api.Maintenance, error) {
	all, err := r.Project.Maintenance(ctx, r.main, 0)
	if err != nil {
		return api.Maintenance{}, err
	}
	i := slices.IndexFunc(all, func(m api.Maintenance) bool { return m.State == "planned" && m.Version == "" })
	if i < 0 {
		return api.Maintenance{}, errors.New("a change was put off, and nothing is planned")
	}
	return all[i], nil
}

// done waits for the end of the work.
func (r *Run) done(ctx context.Context, id string) (m api.Maintenance, err error) {
	err = r.eventually(ctx, func() error {
		if m, err = r.Project.OneMaintenance(ctx, r.main, id); err != nil {
			return err
		}
		switch m.State {
		case "completed":
			return nil
		case "failed", "cancelled":
			return final{fmt.Errorf("the work is %s: %s", m.State, m.Message)}
		}
		return fmt.Errorf("the work is not completed, but %s", m.State)
	})
	return m, err
}
