package instance

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/agentapi"
	"souk/internal/instance/instancedb"
	"souk/internal/store"
)

// applySLI takes in for how long a zone found an instance up or down. What was told
// before stands: only what comes after it, until now, is new. The same fact again
// changes nothing.
func (s *Service) applySLI(ctx context.Context, tx store.Tx, zone, id uuid.UUID, epoch int64, f agentapi.Fact) error {
	if f.SLI.State != agentapi.SLIUp && f.SLI.State != agentapi.SLIDown {
		return ErrUnknownState
	}
	q := instancedb.New(tx)
	r, err := reported(ctx, q, zone, id)
	if err != nil {
		return err
	}
	received, err := s.now(ctx, q, r)
	if err != nil {
		return err
	}
	earliest := r.CreatedAt
	last, err := q.LastSLIAt(ctx, id)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if last.After(earliest) {
		earliest = last
	}
	from := between(f.SLI.From, earliest, received)
	return q.InsertSLIInterval(ctx, instancedb.InsertSLIIntervalParams{
		ZoneID: zone, Epoch: epoch, Sequence: int64(f.Sequence), OrganizationID: r.OrganizationID, InstanceID: id, BootID: f.BootID, State: string(f.SLI.State),
		FromAt: from, ToAt: between(f.SLI.To, from, received), ReportedAt: f.EffectiveAt.UTC(), RealAt: f.RealAt.UTC(), RecordedAt: received,
	})
}

// between keeps a moment within bounds; the earlier one counts more.
func between(t, earliest, latest time.Time) time.Time {
	t = t.UTC().Truncate(time.Microsecond)
	if t.After(latest) {
		t = latest
	}
	if t.Before(earliest) {
		t = earliest
	}
	return t
}
