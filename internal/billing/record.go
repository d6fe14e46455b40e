package billing

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/internal/agentapi"
	"souk/internal/billing/billingdb"
	"souk/internal/driver"
	"souk/internal/store"
)

// Record brings the stored chain of an instance in line with its commands and
// facts, as known at the given time. It is idempotent. Call it in the
// transaction that wrote the command or the fact, with the instance locked.
func Record(ctx context.Context, tx store.Tx, organization, instance uuid.UUID, at time.Time) error {
	q := billingdb.New(tx)
	commands, err := q.Commands(ctx, instance)
	if err != nil {
		return err
	}
	transitions, err := q.Transitions(ctx, instance)
	if err != nil {
		return err
	}
	facts := make([]Fact, len(transitions))
	for i, f := range transitions {
		facts[i] = Fact{driver.State(f.State), f.Generation, f.EffectiveAt}
	}
	stored, err := q.LiveSegments(ctx, instance)
	if err != nil {
		return err
	}
	return amend(ctx, q, organization, instance, stored, Chain(FromRows(commands), facts), at)
}

// FromRows turns stored commands into those that a chain is derived from.
func FromRows(rows []billingdb.Command) []Command {
	out := make([]Command, len(rows))
	for i, c := range rows {
		out[i] = Command{
			Generation: c.Generation, ActiveGeneration: c.ActiveGeneration, Intent: agentapi.Intent(c.Intent), At: c.AcceptedAt,
			Terms: Terms{c.ProjectID, c.BillingAccountID, c.PlanRevisionID, c.PriceListRevisionID, c.ServiceLevel, c.StorageGib},
		}
	}
	return out
}

// FromRow turns a stored segment into a Segment.
func FromRow(r billingdb.Segment) Segment {
	s := Segment{
		From: r.FromAt.UTC(), State: State(r.State), ComputeBilled: r.ComputeBilled, StorageBilled: r.StorageBilled,
		Terms: Terms{r.ProjectID, r.BillingAccountID, r.PlanRevisionID, r.PriceListRevisionID, r.ServiceLevel, r.StorageGib},
	}
	if r.ToAt != nil {
		s.To = r.ToAt.UTC()
	}
	return s
}

// amend supersedes the stored links that no longer hold, closes the one that
// has ended, and adds what is new.
func amend(ctx context.Context, q *billingdb.Queries, organization, instance uuid.UUID, stored []billingdb.Segment, chain []Segment, at time.Time) error {
	same := 0
	for same < len(stored) && same < len(chain) && Same(FromRow(stored[same]), chain[same]) {
		same++
	}
	if same < len(stored) && same < len(chain) && onlyEnded(FromRow(stored[same]), chain[same]) {
		to := chain[same].To
		if err := q.CloseSegment(ctx, billingdb.CloseSegmentParams{ID: stored[same].ID, ToAt: &to, ToRecordedAt: &at}); err != nil {
			return err
		}
		same++
	}
	for i := same; i < len(stored); i++ {
		if err := q.SupersedeSegment(ctx, billingdb.SupersedeSegmentParams{ID: stored[i].ID, SupersededAt: &at}); err != nil {
			return err
		}
	}
	for i := same; i < len(chain); i++ {
		if err := q.InsertSegment(ctx, row(chain[i], organization, instance, at)); err != nil {
			return err
		}
	}
	return nil
}

// Same says whether two segments account for the same in the same way.
func Same(a, b Segment) bool { return a.To.Equal(b.To) && sameButTo(a, b) }

func onlyEnded(old, now Segment) bool {
	return old.To.IsZero() && !now.To.IsZero() && sameButTo(old, now)
}

func sameButTo(a, b Segment) bool {
	return a.From.Equal(b.From) && a.State == b.State && a.ComputeBilled == b.ComputeBilled && a.StorageBilled == b.StorageBilled && a.Terms == b.Terms
}

func row(s Segment, organization, instance uuid.UUID, at time.Time) billingdb.InsertSegmentParams {
	p := billingdb.InsertSegmentParams{
		ID: store.NewID(), OrganizationID: organization, InstanceID: instance, ProjectID: s.Terms.Project, BillingAccountID: s.Terms.BillingAccount,
		FromAt: s.From, State: string(s.State), ComputeBilled: s.ComputeBilled, StorageBilled: s.StorageBilled, PlanRevisionID: s.Terms.Plan,
		PriceListRevisionID: s.Terms.PriceList, ServiceLevel: s.Terms.ServiceLevel, StorageGib: s.Terms.StorageGiB, RecordedAt: at,
	}
	if !s.To.IsZero() {
		p.ToAt, p.ToRecordedAt = &s.To, &at
	}
	return p
}
