package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"souk/api"
	"souk/api/client"
	"souk/internal/servicepkg"
)

// scaling: up and down by plan, up by storage, and how long each interrupts.
func (r *Run) scaling(ctx context.Context) error {
	now, _, err := r.Project.Instance(ctx, r.main)
	if err != nil {
		return err
	}
	larger, err := r.largerThan(now.Spec.Plan)
	if err != nil {
		return err
	}
	steps := []struct {
		what  string
		spec  map[string]any
		right func(api.Instance) bool
	}{
		{"plan " + larger, map[string]any{"plan": larger}, func(i api.Instance) bool { return i.Status.AppliedPlan == larger }},
		{fmt.Sprintf("storage %d GiB", now.Spec.StorageGiB+1), map[string]any{"storageGiB": now.Spec.StorageGiB + 1}, func(i api.Instance) bool { return i.Status.AppliedStorageGiB == now.Spec.StorageGiB+1 }},
		{"plan " + now.Spec.Plan, map[string]any{"plan": now.Spec.Plan}, func(i api.Instance) bool { return i.Status.AppliedPlan == now.Spec.Plan }},
	}
	for _, step := range steps {
		said, err := r.Project.PreviewPatch(ctx, r.main, map[string]any{"spec": step.spec})
		if err != nil {
			return fmt.Errorf("%s cannot be previewed: %w", step.what, err)
		}
		if len(said.Changes) == 0 {
			return fmt.Errorf("%s: the preview says that nothing changes", step.what)
		}
		stop, err := r.interruptions(ctx)
		if err != nil {
			return err
		}
		is, took, err := r.patch(ctx, step.spec)
		longest, broken := stop()
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", step.what, err)
		case !step.right(is):
			return fmt.Errorf("%s: the instance is ready, and says plan %s and %d GiB", step.what, is.Status.AppliedPlan, is.Status.AppliedStorageGiB)
		case broken != nil:
			return fmt.Errorf("%s: %w", step.what, broken)
		}
		if err := r.holds(ctx, r.main, canary, canaryValue); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		r.note("To %s: in force after %s. Said before: %s. Measured: no write for %s at most.", step.what, seconds(took), cmp.Or(strings.TrimSuffix(strings.Join(said.Effects, " "), "."), "no interruption"), seconds(longest))
	}
	_, err = r.Project.Patch(ctx, r.main, map[string]any{"spec": map[string]any{"storageGiB": now.Spec.StorageGiB}}, "")
	var refusal *client.Error
	if !errors.As(err, &refusal) || refusal.Status != http.StatusUnprocessableEntity {
		return fmt.Errorf("less storage than there is was not refused as wrong (%v)", err)
	}
	r.note("Less storage than there is was refused.")
	return r.readAddress(ctx)
}

// largerThan is the next plan above one by its memory.
func (r *Run) largerThan(plan string) (string, error) {
	plans := slices.SortedFunc(slices.Values(r.Service.Plans), func(a, b api.Plan) int { return cmp.Compare(a.MemoryMiB, b.MemoryMiB) })
	i := slices.IndexFunc(plans, func(p api.Plan) bool { return p.Name == plan })
	if i < 0 || i == len(plans)-1 {
		return "", notProven("There is no larger plan than " + plan + ".")
	}
	return plans[i+1].Name, nil
}

// interruptions writes all the time, as a customer's program does that connects anew
// when it has to; when it returns, a write has succeeded. The function that it returns
// waits for one more, ends that, and says for how long at most no write succeeded.
func (r *Run) interruptions(ctx context.Context) (func() (time.Duration, error), error) {
	credentials, err := r.Project.Credentials(ctx, r.main) // they outlive every change
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	wrote := make(chan error) // what came of each write
	go func() {
		defer close(wrote)
		var s servicepkg.Session
		for n := 0; ctx.Err() == nil; n++ {
			err := r.writeOnce(ctx, credentials, &s, n)
			select {
			case wrote <- err:
			case <-ctx.Done():
			}
			select {
			case <-ctx.Done():
			case <-time.After(betweenWrites):
			}
		}
		if s != nil {
			s.Close()
		}
	}()
	if err := <-wrote; err != nil {
		cancel()
		return nil, fmt.Errorf("nothing can be written: %w", err)
	}
	longest := make(chan time.Duration)
	ending, last := make(chan struct{}), error(nil)
	go func() {
		var most time.Duration
		succeeded, over, give := r.Now(), false, r.Now()
		for err := range wrote {
			most = max(most, r.Now().Sub(succeeded))
			if last = err; err == nil {
				succeeded = r.Now()
			}
			select {
			case <-ending:
				if !over {
					over, give = true, r.Now().Add(r.Patience)
					continue // this one may have begun before
				}
			default:
			}
			if over && (err == nil || r.Now().After(give)) {
				break
			}
		}
		cancel()
		longest <- most
	}()
	return func() (time.Duration, error) {
		close(ending)
		most := <-longest
		if last != nil {
			return most, fmt.Errorf("nothing can be written any more: %w", last)
		}
		return most, nil
	}, nil
}

// betweenWrites is the pause of a program that writes all the time.
const betweenWrites = 20 * time.Millisecond

// writeOnce writes by the session, or by a new one where that is broken.
func (r *Run) writeOnce(ctx context.Context, c api.Credentials, s *servicepkg.Session, n int) error {
	if *s == nil {
		fresh, err := r.enter(ctx, c)
		if err != nil {
			return err
		}
		*s = fresh
	}
	within, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := (*s).Put(within, "meanwhile", fmt.Sprint(n)); err != nil {
		(*s).Close()
		*s = nil
		return err
	}
	return nil
}
