// Package instance is the life of an instance: it orders, changes, suspends,
// deletes, brings back and purges; it takes in what zones report; and it keeps
// command, segment, audit record and change event in one transaction.
package instance

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/audit"
	"souk/internal/billing"
	"souk/internal/catalog"
	"souk/internal/clock"
	"souk/internal/driver"
	"souk/internal/instance/instancedb"
	"souk/internal/lifecycle"
	"souk/internal/problem"
	"souk/internal/servicepkg"
	"souk/internal/store"
)

// Retention is how long a deleted instance can be brought back.
const Retention = 7 * 24 * time.Hour

// Sealer encrypts secrets at rest; the place ties a ciphertext to where it is kept.
type Sealer interface {
	Seal(ctx context.Context, place string, plaintext []byte) ([]byte, error)
	Open(ctx context.Context, place string, ciphertext []byte) ([]byte, error)
}

// Service carries out what is asked of instances. Its methods run within a
// transaction of the caller's, who has checked that the actor may do it.
type Service struct {
	Clock    clock.Clock
	Catalog  *catalog.Catalog
	Secrets  Sealer
	Packages map[string]servicepkg.Package // by name
	// Evidence signs certificates of restore drills.
	Evidence Signer
	// Budgets knows the budgets that instances count for; nil: there are none.
	Budgets Budgets
	// Standing knows whether organizations may order; nil: all may.
	Standing Standing
	// RealNow tells the machine's time, which points in time go by; nil means time.Now.
	RealNow func() time.Time
}

// Place is where a request goes and who makes it.
type Place struct {
	Organization, Project         uuid.UUID
	OrganizationName, ProjectName string
	Actor                         string
	RequestID                     string
}

// row is an instance as stored, with what the transaction has changed of it.
type row = instancedb.Instance

// lock reads an instance of the project by name and locks it. Names that belong
// to others look like names that do not exist.
func (s *Service) lock(ctx context.Context, tx store.Tx, p Place, name string) (row, error) {
	r, err := instancedb.New(tx).ByNameForUpdate(ctx, instancedb.ByNameForUpdateParams{ProjectID: p.Project, Name: name})
	if errors.Is(err, pgx.ErrNoRows) {
		return row{}, problem.NotFound("instance", name)
	}
	return r, err
}

// now returns the time of what happens to the instance now: Souk's now, and never
// before what was recorded of the instance last, whichever replica did that. The
// record of an instance therefore never goes back in time.
func (s *Service) now(ctx context.Context, q *instancedb.Queries, r row) (time.Time, error) {
	received, err := q.LastReceivedAt(ctx, r.ID)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return time.Time{}, err
	}
	now := s.Clock.Now()
	for _, t := range []time.Time{r.LastCommandAt, received} {
		if t.After(now) {
			now = t
		}
	}
	return now.UTC(), nil
}

// change is one accepted change of an instance.
type change struct {
	kind    string // of the command; "" when the zone has nothing to do
	action  string // for the audit log
	message string // for the timeline; "" for none
	details map[string]any
	zone    bool   // the zone has something to do, although it is no command
	status  string // what the instance says while the change is applied; "" for the usual
	at      time.Time
	actor   string
	request string
}

// commit writes the changed row and, with it, the command, the segments, the
// audit record, the timeline and the change event.
func (s *Service) commit(ctx context.Context, tx store.Tx, r *row, c change) error {
	r.Version++
	r.UpdatedAt = c.at
	if c.kind != "" {
		r.Generation++
		r.LastCommandAt = c.at
		if c.kind == "resume" || c.kind == "undelete" {
			r.ActiveGeneration = r.Generation
		}
	}
	before := r.Phase
	derivePhase(r)
	if r.Phase != before {
		r.Message, r.BlockedBy = phaseMessage(*r), ""
	}
	if c.status != "" {
		r.Message = c.status
	}
	q := instancedb.New(tx)
	if err := q.UpdateWanted(ctx, wanted(*r)); err != nil {
		return err
	}
	if c.kind != "" {
		if err := s.command(ctx, tx, *r, c); err != nil {
			return err
		}
	}
	return s.tell(ctx, tx, *r, c)
}

// command writes the command and brings the billing chain in line.
func (s *Service) command(ctx context.Context, tx store.Tx, r row, c change) error {
	err := instancedb.New(tx).InsertCommand(ctx, instancedb.InsertCommandParams{
		ID: store.NewID(), OrganizationID: r.OrganizationID, InstanceID: r.ID, ProjectID: r.ProjectID, BillingAccountID: r.OrganizationID,
		Kind: c.kind, Generation: r.Generation, ActiveGeneration: r.ActiveGeneration, Intent: r.Intent, PlanRevisionID: r.PlanRevisionID,
		PriceListRevisionID: r.PriceListRevisionID, ServiceLevel: r.ServiceLevel, StorageGib: r.StorageGib, AcceptedAt: c.at, Actor: c.actor,
	})
	if err != nil {
		return err
	}
	return billing.Record(ctx, tx, r.OrganizationID, r.ID, c.at)
}

// tell writes the audit record, the timeline's entry and the change event.
func (s *Service) tell(ctx context.Context, tx store.Tx, r row, c change) error {
	err := audit.Write(ctx, tx, audit.Event{
		Organization: r.OrganizationID, Project: r.ProjectID, At: c.at, Actor: c.actor, Action: c.action, Kind: "instance",
		ObjectID: r.ID.String(), ObjectName: r.Name, RequestID: c.request, Details: c.details,
	})
	if err != nil {
		return err
	}
	q := instancedb.New(tx)
	if c.message != "" {
		if err := q.InsertEvent(ctx, instancedb.InsertEventParams{ID: store.NewID(), OrganizationID: r.OrganizationID, InstanceID: r.ID, At: c.at, Kind: "change", Actor: c.actor, Message: c.message}); err != nil {
			return err
		}
	}
	return changed(ctx, q, r, c.kind != "" || c.zone, c.at)
}

// changed adds the instance to the feed; desired tells the zone's agent too.
func changed(ctx context.Context, q *instancedb.Queries, r row, desired bool, at time.Time) error {
	return q.InsertChange(ctx, instancedb.InsertChangeParams{Kind: "instance", ObjectID: r.ID, OrganizationID: r.OrganizationID, ProjectID: &r.ProjectID, ZoneID: &r.ZoneID, Desired: desired, At: at})
}

func wanted(r row) instancedb.UpdateWantedParams {
	return instancedb.UpdateWantedParams{
		ID: r.ID, Labels: r.Labels, DisplayName: r.DisplayName, PlanRevisionID: r.PlanRevisionID, PriceListRevisionID: r.PriceListRevisionID,
		OfferingRevisionID: r.OfferingRevisionID, PackageRevisionID: r.PackageRevisionID, StorageGib: r.StorageGib, Parameters: r.Parameters,
		AllowedNetworks: r.AllowedNetworks, Protected: r.Protected, SuspendedFor: r.SuspendedFor, Intent: r.Intent, Generation: r.Generation,
		Version: r.Version, UpdatedAt: r.UpdatedAt, LastCommandAt: r.LastCommandAt, ActiveGeneration: r.ActiveGeneration, Phase: r.Phase,
		Message: r.Message, BlockedBy: r.BlockedBy, DeletedAt: r.DeletedAt, PurgeAt: r.PurgeAt, Backup: r.Backup, Maintenance: r.Maintenance, Restarts: r.Restarts, LogDays: r.LogDays, Suspendable: r.Suspendable,
	}
}

// derivePhase keeps the phase in line. Purged is for good, whatever is said later.
func derivePhase(r *row) {
	if r.Phase == string(api.PhasePurged) {
		return
	}
	r.Phase = string(lifecycle.Phase(
		lifecycle.Wanted{Intent: agentapi.Intent(r.Intent), Generation: r.Generation, ActiveGeneration: r.ActiveGeneration, Maintaining: r.Maintaining},
		lifecycle.Observed{State: driver.State(r.ObservedState), Generation: r.ObservedGeneration, HeldData: r.HeldData},
	))
}

func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only values that came from JSON, or structs of ours
	}
	return b
}
