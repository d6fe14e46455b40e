package billing

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/internal/store"
)

// Repriced is what a revision of a price list does to an instance.
type Repriced struct {
	By        []Price  // its prices by the revision; nil: it has none for it, or does not price it
	Otherwise []Priced // those without the revision, from when it begins on, in the order of time
}

// RepricedBy returns what a revision of a price list does to each of some instances, whose
// uses have no time: as the list stood with it, whatever was published since. An instance
// that has never been ready is taken for one that will be when the next month begins.
func RepricedBy(ctx context.Context, tx store.Tx, id uuid.UUID, uses []Use, zone *time.Location) ([]Repriced, error) {
	out := make([]Repriced, len(uses))
	t, err := readTariffs(ctx, tx, uses, zone, everything)
	if err != nil {
		return nil, err
	}
	r, known := t.revisions[id]
	begins := r.begins(zone)
	if !known || begins.IsZero() {
		return out, nil
	}
	with := slices.DeleteFunc(t.later[r.list], func(other revision) bool { return other.number > r.number })
	without := slices.DeleteFunc(slices.Clone(with), func(other revision) bool { return other.id == id })
	for i, u := range uses {
		if _, ready := t.ready[u.InstanceID]; !ready && begins.After(r.published) {
			t.ready[u.InstanceID] = r.published
		}
		t.later = map[uuid.UUID][]revision{r.list: with}
		if !slices.ContainsFunc(t.repricing(&u), func(other revision) bool { return other.id == id }) {
			continue
		}
		t.later = map[uuid.UUID][]revision{r.list: without}
		out[i] = Repriced{By: t.pricesOf(&u, id), Otherwise: t.pricedFrom(u, begins)}
	}
	return out, nil
}

// Costs says whether two prices make anything cost the same.
func (p Price) Costs(other Price) bool {
	same := func(a, b Tier) bool { return a.UpTo == b.UpTo && a.Amount.Cmp(b.Amount) == 0 }
	return p.Item == other.Item && p.Unit == other.Unit && p.Currency == other.Currency && p.Mode == other.Mode &&
		p.Amount.Cmp(other.Amount) == 0 && p.Minimum.Cmp(other.Minimum) == 0 && slices.EqualFunc(p.Tiers, other.Tiers, same)
}
