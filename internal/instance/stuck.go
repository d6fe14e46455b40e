package instance

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/store"
)

// patience is how long an instance may be in a phase in which it should not
// stay. One that waits for somebody to act is not given that long.
var patience = map[api.Phase]time.Duration{
	api.PhasePending:      2 * time.Minute,
	api.PhaseProvisioning: 10 * time.Minute,
	api.PhaseUpdating:     10 * time.Minute,
	api.PhaseMaintaining:  4 * time.Hour,
	api.PhaseDegraded:     5 * time.Minute,
	api.PhaseSuspended:    10 * time.Minute, // the zone has not stopped it
	api.PhaseDeleting:     10 * time.Minute,
	api.PhaseDeleted:      30 * time.Minute, // the zone has not removed it for good
	api.PhaseFailed:       0,
}

// blockedPatience is how long something may be blocked: it may pass by itself.
const blockedPatience = time.Minute

// unsettled are the instances that are not where they should be; the index
// instances_unsettled has just these.
const unsettled = `i.phase <> 'Purged' AND (i.phase NOT IN ('Ready', 'Suspended', 'Deleted') OR i.observed_generation < i.generation)`

// mostStuck is how many are looked at: those that were last told something the
// longest ago.
const mostStuck = 500

// Stuck returns the instances that have not been where they should be for too
// long, with the cause and who has to act: all that the transaction sees, or the
// one with the ID.
func (s *Service) Stuck(ctx context.Context, tx store.Tx, id uuid.UUID, realNow time.Time) ([]api.Stuck, error) {
	where, args := "", []any{mostStuck}
	if id != uuid.Nil {
		where, args = " AND i.id = $2", append(args, id)
	}
	found, err := views(ctx, tx, "WHERE "+unsettled+where+" ORDER BY i.last_command_at, i.id LIMIT $1", args...)
	if err != nil || len(found) == 0 {
		return []api.Stuck{}, err
	}
	since, err := changedAt(ctx, tx, found)
	if err != nil {
		return nil, err
	}
	owners, err := zoneOwners(ctx, tx)
	if err != nil {
		return nil, err
	}
	out := []api.Stuck{}
	for _, v := range found {
		at := v.LastCommandAt
		if phase := api.Phase(v.Phase); phase == api.PhaseFailed || phase == api.PhaseDegraded {
			at = since[v.ID]
		}
		if stuck, is := judge(v, at, s.Clock.Now(), owners[v.ZoneID], realNow); is {
			out = append(out, stuck)
		}
	}
	return out, nil
}

// changedAt is when each was last reported to be in another state than before.
func changedAt(ctx context.Context, tx store.Tx, found []View) (map[uuid.UUID]time.Time, error) {
	out := map[uuid.UUID]time.Time{}
	var broken []uuid.UUID
	for _, v := range found {
		out[v.ID] = v.LastCommandAt
		if phase := api.Phase(v.Phase); phase == api.PhaseFailed || phase == api.PhaseDegraded {
			broken = append(broken, v.ID)
		}
	}
	rows, err := tx.Query(ctx, `SELECT b.id, f.effective_at FROM unnest($1::uuid[]) b (id)
		CROSS JOIN LATERAL (SELECT effective_at FROM facts WHERE instance_id = b.id AND transition ORDER BY ordinal DESC LIMIT 1) f`, broken)
	if err != nil {
		return nil, err
	}
	var id uuid.UUID
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &at}, func() error { out[id] = at; return nil })
	return out, err
}

// zoneOwner is who runs a zone.
type zoneOwner struct {
	provider string
	ours     bool // the operator
}

func zoneOwners(ctx context.Context, tx store.Tx) (map[uuid.UUID]zoneOwner, error) {
	rows, err := tx.Query(ctx, "SELECT z.id, v.name, v.kind FROM zones z JOIN providers v ON v.id = z.provider_id")
	if err != nil {
		return nil, err
	}
	out := map[uuid.UUID]zoneOwner{}
	var id uuid.UUID
	var name, kind string
	_, err = pgx.ForEachRow(rows, []any{&id, &name, &kind}, func() error { out[id] = zoneOwner{name, kind == "operator"}; return nil })
	return out, err
}

// judge says whether an instance that has been so since a moment is stuck.
func judge(v View, since, now time.Time, zone zoneOwner, realNow time.Time) (api.Stuck, bool) {
	limit := patience[api.Phase(v.Phase)]
	if v.BlockedBy != "" {
		limit = min(limit, blockedPatience)
	}
	out := api.Stuck{Instance: v.API(realNow), Since: since.UTC(), ToleratedSeconds: int64(limit.Seconds())}
	out.Cause, out.Actor, out.Message = cause(v, zone, realNow)
	return out, now.Sub(since) >= limit
}

// cause says why an instance does not go on, and who has to act: the customer,
// the operator, or the provider of the zone.
func cause(v View, zone zoneOwner, realNow time.Time) (cause, actor, message string) {
	there := "provider"
	if zone.ours {
		there = "operator"
	}
	switch {
	case v.ZoneRevoked != nil:
		return "zone-away", "operator", fmt.Sprintf("The agent of zone %s has been cut off. Enrol one again: souk zone enrol %s.", v.Zone, v.Zone)
	case !Reachable(v.ZoneSeenReal, v.ZoneRevoked, realNow).Status && v.ZoneSeenReal == nil:
		return "zone-new", there, fmt.Sprintf("No agent has reported for zone %s yet. Enrol one and start it.", v.Zone)
	case !Reachable(v.ZoneSeenReal, v.ZoneRevoked, realNow).Status:
		return "zone-away", there, fmt.Sprintf("The agent of zone %s has not reported since %s. See to its machine and its network.", v.Zone, v.ZoneSeenReal.UTC().Format(time.RFC3339))
	case v.BlockedBy == "you":
		return "customer", "customer", v.Message
	case v.BlockedBy == "capacity":
		return "capacity", there, v.Message
	case v.BlockedBy != "":
		return "blocked", "operator", v.Message
	case api.Phase(v.Phase) == api.PhaseFailed:
		return "failed", "operator", v.Message
	}
	return "slow", there, fmt.Sprintf("Zone %s has been told, and has not finished. See the log of its agent. It says: %s", v.Zone, v.Message)
}
