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
// facts, as known at the given time, and that of its backups with it. It is idempotent. Call it in the
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
	chain := Chain(FromRows(commands), facts)
	if err := amend(ctx, q, organization, instance, stored, chain, at); err != nil {
		return err
	}
	steps, err := q.BackupSteps(ctx, instance)
	if err != nil || len(steps) == 0 {
		return err
	}
	return recordBackupChain(ctx, q, organization, instance, steps, chain, at)
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

// amending brings stored links of a chain in line with those that were derived.
type amending[L any] struct {
	same      func(a, b L) bool
	onlyEnded func(stored, now L) bool
	end       func(stored int, now L) error
	supersede func(stored int) error
	insert    func(L) error
}

// amend supersedes the stored links that no longer hold, closes the one that
// has ended, and adds what is new.
func (a amending[L]) amend(stored, chain []L) error {
	same := 0
	for same < len(stored) && same < len(chain) && a.same(stored[same], chain[same]) {
		same++
	}
	if same < len(stored) && same < len(chain) && a.onlyEnded(stored[same], chain[same]) {
		if err := a.end(same, chain[same]); err != nil {
			return err
		}
		same++
	}
	for i := same; i < len(stored); i++ {
		if err := a.supersede(i); err != nil {
			return err
		}
	}
	for i := same; i < len(chain); i++ {
		if err := a.insert(chain[i]); err != nil {
			return err
		}
	}
	return nil
}

// amend brings the stored chain of an instance in line.
func amend(ctx context.Context, q *billingdb.Queries, organization, instance uuid.UUID, stored []billingdb.Segment, chain []Segment, at time.Time) error {
	return amending[Segment]{
		same: Same, onlyEnded: onlyEnded,
		end: func(n int, now Segment) error {
			return q.CloseSegment(ctx, billingdb.CloseSegmentParams{ID: stored[n].ID, ToAt: &now.To, ToRecordedAt: &at})
		},
		supersede: func(n int) error {
			return q.SupersedeSegment(ctx, billingdb.SupersedeSegmentParams{ID: stored[n].ID, SupersededAt: &at})
		},
		insert: func(s Segment) error { return q.InsertSegment(ctx, row(s, organization, instance, at)) },
	}.amend(segments(stored), chain)
}

func segments(rows []billingdb.Segment) []Segment {
	out := make([]Segment, len(rows))
	for i, r := range rows {
		out[i] = FromRow(r)
	}
	return out
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
