package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"souk/api/client"
)

// parameters: what is wrong is refused by its field, what is right comes into force.
func (r *Run) parameters(ctx context.Context) error {
	set := r.Prover.Setting
	for _, wrong := range []struct {
		name  string
		value any
	}{{set.Parameter, set.Bad}, {"no-such-parameter", 1}} {
		if err := r.refusedByField(ctx, "parameters", wrong.name, wrong.value); err != nil {
			return err
		}
	}
	r.note("Refused with the name of the field: %s = %v, and a parameter that there is not.", set.Parameter, set.Bad)
	before, err := r.shown(ctx)
	if err != nil {
		return err
	}
	if before == set.Shown {
		return notProven("The parameter has the value already that the package proves it by.")
	}
	_, took, err := r.patch(ctx, map[string]any{"parameters": map[string]any{set.Parameter: set.Value}})
	if err != nil {
		return err
	}
	if after, err := r.shown(ctx); err != nil || after != set.Shown {
		return fmt.Errorf("%s was set to %v, and the server says %q (%v)", set.Parameter, set.Value, after, err)
	}
	if _, _, err := r.patch(ctx, map[string]any{"parameters": map[string]any{set.Parameter: nil}}); err != nil {
		return err
	}
	if again, err := r.shown(ctx); err != nil || again != before {
		return fmt.Errorf("%s was taken back, and the server says %q, not %q (%v)", set.Parameter, again, before, err)
	}
	r.note("%s set: the server says %s after %s instead of %s, and %s again once it is taken back.", set.Parameter, set.Shown, seconds(took), before, before)
	return nil
}

// refusedByField wants a value of a part of the spec to be refused as wrong, by its name.
func (r *Run) refusedByField(ctx context.Context, part, name string, value any) error {
	_, err := r.Project.Patch(ctx, r.main, map[string]any{"spec": map[string]any{part: map[string]any{name: value}}}, "")
	var refusal *client.Error
	switch {
	case err == nil:
		return fmt.Errorf("%s = %v was taken", name, value)
	case !errors.As(err, &refusal) || refusal.Status != http.StatusUnprocessableEntity:
		return fmt.Errorf("%s = %v was not refused as wrong: %w", name, value, err)
	}
	for _, f := range refusal.Fields {
		if strings.HasSuffix(f.Location, part+"."+name) {
			return nil
		}
	}
	return fmt.Errorf("%s = %v was refused without its name: %w", name, value, err)
}

// shown is the value of the package's parameter that a new session sees.
func (r *Run) shown(ctx context.Context) (string, error) {
	s, err := r.session(ctx, r.main)
	if err != nil {
		return "", err
	}
	defer s.Close()
	return s.Setting(ctx)
}

// networks: who is not let in does not get in.
func (r *Run) networks(ctx context.Context) error {
	c, err := r.Project.Credentials(ctx, r.main)
	if err != nil {
		return err
	}
	if _, _, err := r.patch(ctx, map[string]any{"allowedNetworks": []string{"192.0.2.0/24"}}); err != nil { // nobody's: it is for examples
		return err
	}
	in := r.gotIn(ctx, c)
	if _, _, err := r.patch(ctx, map[string]any{"allowedNetworks": []string{"0.0.0.0/0", "::/0"}}); err != nil {
		return err
	}
	if in {
		return errors.New("a client from a network that is not allowed got in")
	}
	if err := r.holds(ctx, r.main, canary, canaryValue); err != nil {
		return fmt.Errorf("once its network is allowed again: %w", err)
	}
	r.note("Only another network allowed: refused. All allowed: it gets in.")
	return nil
}
