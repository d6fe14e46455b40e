package zone

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/internal/agentapi"
	"souk/internal/instance"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/zone/zonedb"
)

// factsPerTransaction keeps write transactions short.
const factsPerTransaction = 50

// serveFacts takes in a batch of facts and acknowledges it.
func (z *Zones) serveFacts(w http.ResponseWriter, r *http.Request, a agent) {
	var batch agentapi.FactBatch
	if !z.read(w, r, &batch) {
		return
	}
	receipt, err := z.Facts(r.Context(), a, batch)
	z.answer(w, r, receipt, err)
}

// Facts takes in a batch, in the order of its sequence numbers. A number that
// was taken in before is acknowledged again and changes nothing; one that leaves
// a gap is refused, with what has been acknowledged so far.
func (z *Zones) Facts(ctx context.Context, a agent, batch agentapi.FactBatch) (agentapi.FactReceipt, error) {
	if batch.Epoch != a.epoch {
		return agentapi.FactReceipt{}, errSuperseded
	}
	for _, f := range batch.Facts {
		if !plain(f.BootID) {
			return agentapi.FactReceipt{}, errBootID
		}
	}
	var receipt agentapi.FactReceipt
	for facts := batch.Facts; ; {
		n := min(len(facts), factsPerTransaction)
		acknowledged, err := z.apply(ctx, a, facts[:n])
		if err != nil {
			return receipt, err
		}
		receipt.Acknowledged = acknowledged
		if facts = facts[n:]; len(facts) == 0 {
			return receipt, nil
		}
	}
}

var errBootID = problem.InvalidField("body", nil, "A boot ID and a version have at most 100 printable ASCII characters.")

// plain says whether a text can be a boot ID or a version.
func plain(s string) bool {
	return len(s) <= 100 && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

func (z *Zones) apply(ctx context.Context, a agent, facts []agentapi.Fact) (uint64, error) {
	var acknowledged uint64
	err := z.Store.System(ctx, func(tx store.Tx) error {
		q := zonedb.New(tx)
		now, err := q.AgentForUpdate(ctx, a.zone) // one batch of a zone at a time
		if err != nil {
			return err
		}
		if err := inForce(now, a); err != nil {
			return err
		}
		acknowledged = uint64(now.Acknowledged)
		for _, f := range facts {
			if f.Sequence <= acknowledged {
				if err := sameFact(ctx, q, a, f); err != nil {
					return err
				}
				continue
			}
			if f.Sequence != acknowledged+1 {
				return problem.Conflict("gap", "Fact %d was sent, but %d is the next one.", f.Sequence, acknowledged+1)
			}
			err := z.Instances.Apply(ctx, tx, a.zone, a.epoch, f)
			switch {
			case errors.Is(err, instance.ErrNotOfZone), errors.Is(err, instance.ErrUnknownState):
				z.Logger.Warn("a fact was set aside", "zone", a.zone, "instance", f.InstanceID, "sequence", f.Sequence, "reason", err)
			case err != nil:
				return err
			}
			acknowledged = f.Sequence
		}
		business, real := z.Clock.Now(), z.RealNow()
		return q.Acknowledge(ctx, zonedb.AcknowledgeParams{ZoneID: a.zone, Acknowledged: int64(acknowledged), LastSeenAt: &business, LastSeenReal: &real})
	})
	return acknowledged, err
}

// sameFact refuses another fact under a sequence number that was taken in
// before: the agent then works on an old copy of its data folder.
func sameFact(ctx context.Context, q *zonedb.Queries, a agent, f agentapi.Fact) error {
	known, err := q.FactKey(ctx, zonedb.FactKeyParams{ZoneID: a.zone, Epoch: a.epoch, Sequence: int64(f.Sequence)})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // it spoke of an instance that is not in the zone
	}
	if err != nil {
		return err
	}
	if known.InstanceID.String() != f.InstanceID || known.BootID != f.BootID || !known.ReportedAt.Equal(f.EffectiveAt.Truncate(time.Microsecond)) {
		return problem.Conflict(agentapi.CodeFactConflict, "Another fact was accepted under number %d before. The agent works on an old copy of its data folder; enrol it again: souk zone enrol NAME.", f.Sequence)
	}
	return nil
}
