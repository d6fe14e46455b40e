package instance

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// PutOff is a change of a spec that is to be made later.
type PutOff struct {
	Instance  View
	Changes   []api.Change
	Effects   []string // what it interrupts
	Patch     json.RawMessage
	PriceList int // that its new price was shown by; 0: it costs the same
}

// PutOff checks a full spec as Update does, and returns what there is to change. It
// writes nothing. Only what the instance's zone has to act upon can be put off.
func (s *Service) PutOff(ctx context.Context, tx store.Tx, p Place, name string, put api.InstancePut, match func(version int64) error) (PutOff, error) {
	v, err := s.lockView(ctx, tx, p, name)
	if err != nil {
		return PutOff{}, err
	}
	if err := match(v.Version); err != nil {
		return PutOff{}, err
	}
	if err := alive(v); err != nil {
		return PutOff{}, err
	}
	want, err := s.proposeUpdate(ctx, tx, v, put.Spec, put.Metadata.Labels, put.AcceptedPriceList)
	if err != nil {
		return PutOff{}, err
	}
	out := PutOff{Instance: v, Changes: differences(v, want)}
	if len(out.Changes) == 0 {
		return out, problem.Conflict("nothing-to-put-off", "%s is like that already; there is nothing to put off.", name)
	}
	for _, c := range out.Changes {
		if !forZone(c) {
			return out, problem.InvalidField("body."+c.Field, c.To, "This takes effect at once and interrupts nothing, so it is not put off. Change it on its own.")
		}
	}
	if want.plan.ID != v.PlanRevisionID || want.storage != v.StorageGib {
		out.PriceList = int(want.offer.PriceListRevision)
	}
	out.Effects = append(want.effects, restarts(want, out.Changes)...)
	slices.Sort(out.Effects)
	out.Effects = slices.Compact(out.Effects)
	out.Patch, err = patchTo(v, put)
	return out, err
}

// document is what a merge patch is of.
func document(v View) api.InstancePut {
	now := v.API(time.Time{})
	doc := api.InstancePut{Spec: now.Spec}
	doc.Metadata.Labels = now.Metadata.Labels
	return doc
}

func patchTo(v View, put api.InstancePut) (json.RawMessage, error) {
	before, err := json.Marshal(document(v))
	if err != nil {
		return nil, err
	}
	put.AcceptedPriceList = 0
	after, err := json.Marshal(put)
	if err != nil {
		return nil, err
	}
	return jsonpatch.CreateMergePatch(before, after)
}

// MakePutOff makes a change that was put off, of whatever the spec is now, and has
// the instance maintained from then on. It returns the instance, and what has
// changed: nothing, where it was like that already. What was agreed at other prices
// is refused.
func (s *Service) MakePutOff(ctx context.Context, tx store.Tx, p Place, id uuid.UUID, patch json.RawMessage, priceList int) (View, []api.Change, error) {
	q := instancedb.New(tx)
	if err := q.LockOrganization(ctx, p.Organization.String()); err != nil {
		return View{}, nil, err
	}
	if _, err := q.ByIDForUpdate(ctx, id); err != nil {
		return View{}, nil, notFound(err, "instance", id.String())
	}
	v, err := s.ByID(ctx, tx, id)
	if err != nil {
		return v, nil, err
	}
	if err := alive(v); err != nil {
		return v, nil, err
	}
	put, err := patched(v, patch)
	if err != nil {
		return v, nil, err
	}
	want, err := s.proposeUpdate(ctx, tx, v, put.Spec, put.Metadata.Labels, priceList)
	if err != nil {
		return v, nil, err
	}
	changes := differences(v, want)
	if len(changes) == 0 {
		return v, nil, nil
	}
	if err := q.SetMaintaining(ctx, instancedb.SetMaintainingParams{ID: id, Maintaining: true}); err != nil {
		return v, nil, err
	}
	v.Maintaining = true
	if err := s.apply(ctx, tx, p, v, want, changes); err != nil {
		return v, nil, err
	}
	v, err = s.ByID(ctx, tx, id)
	return v, changes, err
}

// Restart has the servers of an instance restarted, by the newest version that its
// zone has, and the instance maintained from then on.
func (s *Service) Restart(ctx context.Context, tx store.Tx, id uuid.UUID, why string) (View, error) {
	q := instancedb.New(tx)
	r, err := q.ByIDForUpdate(ctx, id)
	if err != nil {
		return View{}, notFound(err, "instance", id.String())
	}
	if err := alive(View{Instance: r}); err != nil {
		return View{}, err
	}
	at, err := s.now(ctx, q, r)
	if err != nil {
		return View{}, err
	}
	if err := q.SetMaintaining(ctx, instancedb.SetMaintainingParams{ID: id, Maintaining: true}); err != nil {
		return View{}, err
	}
	r.Maintaining = true
	r.Restarts++
	c := change{kind: "update", action: "instance.restart", message: "Restarted for maintenance: " + why, details: map[string]any{"reason": why}, at: at, actor: SystemActor}
	if err := s.commit(ctx, tx, &r, c); err != nil {
		return View{}, err
	}
	return s.ByID(ctx, tx, id)
}

func patched(v View, patch json.RawMessage) (put api.InstancePut, err error) {
	before, err := json.Marshal(document(v))
	if err != nil {
		return put, err
	}
	after, err := jsonpatch.MergePatch(before, patch)
	if err != nil {
		return put, err
	}
	return put, json.Unmarshal(after, &put)
}

// EndMaintaining ends the maintenance of an instance, once the command of that
// generation is in force and the instance is as it should be, or at once where it is
// given up. It says whether it has ended, and for how long clients were interrupted
// where the zone has measured it.
func (s *Service) EndMaintaining(ctx context.Context, tx store.Tx, id uuid.UUID, generation int64, giveUp bool) (ended bool, interruption *time.Duration, err error) {
	q := instancedb.New(tx)
	r, err := q.ByIDForUpdate(ctx, id)
	if err != nil {
		return false, nil, err
	}
	before := r.Phase
	r.Maintaining = false
	derivePhase(&r)
	if !giveUp && (r.ObservedGeneration < generation || stillChanging(api.Phase(r.Phase))) {
		return false, nil, nil
	}
	if r.Phase != before {
		r.Message, r.BlockedBy = phaseMessage(r), ""
	}
	if err := q.SetMaintaining(ctx, instancedb.SetMaintainingParams{ID: id}); err != nil {
		return false, nil, err
	}
	if err := q.UpdateObserved(ctx, observed(r)); err != nil {
		return false, nil, err
	}
	at, err := s.now(ctx, q, r)
	if err != nil {
		return false, nil, err
	}
	if r.Phase != before {
		if err := q.InsertEvent(ctx, instancedb.InsertEventParams{ID: store.NewID(), OrganizationID: r.OrganizationID, InstanceID: id, At: at, Kind: "phase", Message: r.Phase + ": " + r.Message}); err != nil {
			return false, nil, err
		}
	}
	if err := changed(ctx, q, r, false, at); err != nil {
		return false, nil, err
	}
	measured, err := q.Interruption(ctx, instancedb.InterruptionParams{InstanceID: id, Generation: generation})
	if errors.Is(err, pgx.ErrNoRows) {
		return true, nil, nil
	}
	if err != nil {
		return false, nil, err
	}
	took := measured.UntilAt.Sub(measured.FromAt)
	return true, &took, nil
}

// stillChanging: work on it may still be under way.
func stillChanging(p api.Phase) bool {
	switch p {
	case api.PhaseUpdating, api.PhaseDegraded, api.PhaseFailed, api.PhasePending, api.PhaseProvisioning:
		return true
	}
	return false
}

// Refused says whether an error is a refusal, which trying again does not change.
func Refused(err error) (string, bool) {
	p := problem.As(err)
	if p == nil || p.Status >= http.StatusInternalServerError {
		return "", false
	}
	said := p.Detail
	for _, f := range p.Fields {
		said += " " + f.Message
	}
	return said, true
}
