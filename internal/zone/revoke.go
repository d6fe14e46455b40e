package zone

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/zone/zonedb"
)

// longestReason is how many characters the reason of a revocation may have.
const longestReason = 500

// Revoke cuts a zone's agent off: from then on its certificate is refused, and so is
// every enrolment token that was handed out for the zone and not used. What runs
// there goes on running; an agent that is enrolled afterwards takes it up again. It
// says whether anything has changed. The transaction is a system one.
func (z *Zones) Revoke(ctx context.Context, tx store.Tx, name, reason string) (uuid.UUID, bool, error) {
	reason = strings.TrimSpace(reason)
	if len([]rune(reason)) > longestReason || strings.ContainsRune(reason, 0) {
		return uuid.Nil, false, problem.InvalidField("body.reason", nil, "A reason has at most %d characters.", longestReason)
	}
	q := zonedb.New(tx)
	zone, err := q.ZoneByName(ctx, name)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, false, problem.NotFound("zone", name)
	}
	if err != nil {
		return uuid.Nil, false, err
	}
	now := z.Clock.Now()
	tokens, err := q.SpoilEnrolmentTokens(ctx, zonedb.SpoilEnrolmentTokensParams{ZoneID: zone.ID, ExpiresAt: now})
	if err != nil {
		return zone.ID, false, err
	}
	agents, err := q.Revoke(ctx, zonedb.RevokeParams{ZoneID: zone.ID, RevokedAt: &now, RevokedReason: reason})
	if err != nil || agents+tokens > 0 {
		return zone.ID, agents+tokens > 0, err
	}
	if _, err = q.Agent(ctx, zone.ID); errors.Is(err, pgx.ErrNoRows) {
		err = problem.Conflict("no-agent", "No agent was ever enrolled for zone %s: there is nothing to cut off.", name)
	}
	return zone.ID, false, err
}

// inForce says no to an agent that has been superseded or cut off.
func inForce(now zonedb.ZoneAgent, a agent) error {
	switch {
	case now.Epoch != a.epoch:
		return errSuperseded
	case now.RevokedAt != nil:
		return errRevoked
	}
	return nil
}
