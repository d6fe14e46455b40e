package maturity

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/maturity/maturitydb"
	"souk/internal/problem"
	"souk/internal/store"
)

// longestWaiver is how long one may hold: longer, and it is looked at again.
const longestWaiver = 90 * 24 * time.Hour

// shortestReason is how many characters of reason a waiver needs at least.
const shortestReason = 10

// Waive has the operator do without a check of a service in a zone for a time. The
// transaction is a system one.
func Waive(ctx context.Context, tx store.Tx, service string, in api.WaiverCreate, by string, now time.Time) (api.ReadinessWaiver, error) {
	q := maturitydb.New(tx)
	none := api.ReadinessWaiver{}
	if !slices.Contains(Checks, in.Check) {
		return none, problem.InvalidField("body.check", in.Check, "It is one of: %s.", strings.Join(Checks, ", "))
	}
	if in.Reason = strings.TrimSpace(in.Reason); len([]rune(in.Reason)) < shortestReason {
		return none, problem.InvalidField("body.reason", in.Reason, "Everybody reads why: write a sentence.")
	}
	if !in.Until.After(now) || in.Until.After(now.Add(longestWaiver)) {
		return none, problem.InvalidField("body.until", in.Until, "A waiver ends in the future, 90 days from now at the latest.")
	}
	place, err := q.Offered(ctx, maturitydb.OfferedParams{Service: service, Zone: in.Zone})
	if errors.Is(err, pgx.ErrNoRows) {
		return none, problem.InvalidField("body.zone", in.Zone, "%s is not offered in a zone of this name.", service)
	}
	if err != nil {
		return none, err
	}
	holding, err := q.Waivers(ctx, maturitydb.WaiversParams{ServiceID: place.ServiceID, Now: now})
	if err != nil {
		return none, err
	}
	for _, w := range holding {
		if w.ZoneID == place.ZoneID && w.Name == in.Check {
			return none, problem.Conflict("waived-already", "The check %s of %s in zone %s is waived until %s. End that waiver first: souk maturity unwaive %s.", in.Check, service, in.Zone, w.UntilAt.UTC().Format(time.RFC3339), w.ID)
		}
	}
	out := api.ReadinessWaiver{ID: store.NewID().String(), Service: service, Zone: in.Zone, Check: in.Check, Reason: in.Reason, WaivedBy: by, CreatedAt: now.UTC(), Until: in.Until.UTC()}
	return out, q.InsertWaiver(ctx, maturitydb.InsertWaiverParams{ID: uuid.MustParse(out.ID), ServiceID: place.ServiceID, ZoneID: place.ZoneID, Name: in.Check, Reason: in.Reason, WaivedBy: by, CreatedAt: now, UntilAt: in.Until})
}

// Unwaive ends a waiver before its time. Ending one that holds no more is a conflict.
func Unwaive(ctx context.Context, tx store.Tx, id, by string, now time.Time) (api.ReadinessWaiver, error) {
	w, err := Waiver(ctx, tx, id)
	if err != nil {
		return w, err
	}
	n, err := maturitydb.New(tx).EndWaiver(ctx, maturitydb.EndWaiverParams{ID: uuid.MustParse(id), EndedBy: by, At: now})
	if err == nil && n == 0 {
		err = problem.Conflict("waiver-over", "This waiver holds no more.")
	}
	ended := now.UTC()
	w.EndedBy, w.EndedAt = by, &ended
	return w, err
}

// Waiver returns one waiver, as the operator sees it.
func Waiver(ctx context.Context, tx store.Tx, id string) (api.ReadinessWaiver, error) {
	key, err := uuid.Parse(id)
	if err != nil {
		return api.ReadinessWaiver{}, problem.NotFound("waiver", id)
	}
	w, err := maturitydb.New(tx).Waiver(ctx, key)
	if errors.Is(err, pgx.ErrNoRows) {
		return api.ReadinessWaiver{}, problem.NotFound("waiver", id)
	}
	return api.ReadinessWaiver{ID: w.ID.String(), Service: w.Service, Zone: w.Zone, Check: w.Name, Reason: w.Reason, WaivedBy: w.WaivedBy, CreatedAt: w.CreatedAt.UTC(), Until: w.UntilAt.UTC(), EndedBy: w.EndedBy, EndedAt: inUTC(w.EndedAt)}, err
}

func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
