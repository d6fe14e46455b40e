package instance

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/internal/agentapi"
	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/usage"
)

// longestMeter is the longest name of a meter, in bytes.
const longestMeter = 63

// applyUsage takes in what a zone's meter has counted: what is said of a time for the
// first time. The same fact again changes nothing, and neither does one of a meter that
// the instance's package, as it was ordered, does not have.
func (s *Service) applyUsage(ctx context.Context, tx store.Tx, zone, id uuid.UUID, epoch int64, f agentapi.Fact) error {
	if f.Usage.Quantity < 0 || f.Usage.Meter == "" || text(f.Usage.Meter) != f.Usage.Meter || len(f.Usage.Meter) > longestMeter || !f.Usage.To.After(f.Usage.From) {
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
	fresh, err := q.InsertUsageReport(ctx, instancedb.InsertUsageReportParams{
		ZoneID: zone, Epoch: epoch, Sequence: int64(f.Sequence), OrganizationID: r.OrganizationID, InstanceID: id, BootID: f.BootID, Meter: f.Usage.Meter,
		FromAt: f.Usage.From.UTC(), ToAt: f.Usage.To.UTC(), Quantity: f.Usage.Quantity, ReportedAt: f.EffectiveAt.UTC().Truncate(time.Microsecond), RealAt: f.RealAt.UTC(), RecordedAt: received,
	})
	if err != nil || fresh == 0 {
		return err
	}
	latest := received.Add(usage.Skew) // a zone's clock that is a little ahead leaves no gap in each hour
	from := between(f.Usage.From, r.CreatedAt, latest)
	err = usage.Keeper{Catalog: s.Catalog}.Measured(ctx, tx, usage.Measurement{Zone: zone, Epoch: epoch, Sequence: f.Sequence, Organization: r.OrganizationID, Instance: r.ID, Package: r.PackageRevisionID,
		Meter: f.Usage.Meter, From: from, To: between(f.Usage.To, from, latest), Quantity: f.Usage.Quantity}, received)
	if problem.As(err) != nil {
		return ErrUnknownState // it will never be taken
	}
	return err
}
