package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/billing"
	"souk/internal/driver"
	"souk/internal/instance/instancedb"
	"souk/internal/store"
)

// Errors of facts that change nothing, however often they are sent.
var (
	// ErrNotOfZone: the instance is not in the zone that reported it.
	ErrNotOfZone = errors.New("the instance is not in this zone")
	// ErrUnknownState: the state is none that this version knows.
	ErrUnknownState = errors.New("the state is unknown")
)

// Apply takes in a fact that a zone's agent reported: it is recorded, the status
// follows, and so does the billing chain. A fact that was taken in before
// changes nothing. The transaction is a system one.
func (s *Service) Apply(ctx context.Context, tx store.Tx, zone uuid.UUID, epoch int64, f agentapi.Fact) error {
	id, err := uuid.Parse(f.InstanceID)
	if err != nil {
		return ErrNotOfZone
	}
	if f.Backups != nil {
		return s.applyBackups(ctx, tx, zone, id, epoch, f)
	}
	if f.Drill != nil {
		return s.applyDrill(ctx, tx, zone, id, epoch, f)
	}
	if f.SLI != nil {
		return s.applySLI(ctx, tx, zone, id, epoch, f)
	}
	if f.Usage != nil {
		return s.applyUsage(ctx, tx, zone, id, epoch, f)
	}
	if !known(f.Observation.State) {
		return ErrUnknownState
	}
	q := instancedb.New(tx)
	r, err := reported(ctx, q, zone, id)
	if err != nil {
		return err
	}
	o := bounded(f.Observation)
	o.Generation = min(o.Generation, r.Generation)
	if o.State == driver.StateGone && r.Intent == string(agentapi.IntentPurged) {
		o.Generation = r.Generation // nothing is left: that is the purge carried out, whatever the agent remembers of it
	}
	received, err := s.now(ctx, q, r)
	if err != nil {
		return err
	}
	if r.LastFactAt != nil && r.LastFactAt.After(received) {
		received = *r.LastFactAt // another replica's clock is ahead
	}
	effective, err := within(ctx, q, r, o.Generation, f.EffectiveAt, received)
	if err != nil {
		return err
	}
	transition := string(o.State) != r.ObservedState || o.Generation != r.ObservedGeneration
	raw, err := json.Marshal(o)
	if err != nil {
		return err
	}
	fresh, err := q.InsertFact(ctx, instancedb.InsertFactParams{
		ZoneID: zone, Epoch: epoch, Sequence: int64(f.Sequence), OrganizationID: r.OrganizationID, InstanceID: id, BootID: f.BootID, State: string(o.State),
		Generation: o.Generation, Transition: transition, EffectiveAt: effective, ReportedAt: f.EffectiveAt.UTC().Truncate(time.Microsecond), RealAt: f.RealAt.UTC(), ReceivedAt: received, Observation: raw,
	})
	if err != nil || fresh == 0 {
		return err
	}
	if o.State == driver.StateStopped && r.ObservedState != string(o.State) {
		if err := q.EndArchiving(ctx, instancedb.EndArchivingParams{InstanceID: r.ID, ArchivedUntil: realUntil(f.RealAt, s.realNow())}); err != nil {
			return err
		}
	}
	if err := s.observe(ctx, tx, q, r, o, effective, received, transition); err != nil {
		return err
	}
	return s.applyRewound(ctx, tx, r, o.Rewound, received, f.RealAt)
}

// reported locks the instance that a zone tells of. ErrNotOfZone when there is
// none, or in another zone.
func reported(ctx context.Context, q *instancedb.Queries, zone, id uuid.UUID) (instancedb.Instance, error) {
	r, err := q.ByIDForUpdate(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && r.ZoneID != zone) {
		return r, ErrNotOfZone
	}
	return r, err
}

func known(s driver.State) bool {
	switch s {
	case driver.StateCreating, driver.StateRunning, driver.StateDegraded, driver.StateStopped, driver.StateFailed, driver.StateGone:
		return true
	}
	return false
}

// What a zone may say of one instance.
const (
	longestMessage = 1000 // characters
	longestVersion = 40   // bytes
	mostConditions = 32
	mostMembers    = 32
	longestCAPEM   = 64 << 10 // bytes; it comes with every answer about the instance
)

// bounded cuts what a zone says too much of, and what cannot be stored.
func bounded(o driver.Observation) driver.Observation {
	o.Generation = max(o.Generation, 0)
	o.Message, o.BlockedBy, o.Plan.Name = text(o.Message), text(o.BlockedBy), text(o.Plan.Name)
	if o.Version = text(o.Version); len(o.Version) > longestVersion {
		o.Version = ""
	}
	o.Conditions = slices.Clone(o.Conditions[:min(len(o.Conditions), mostConditions)])
	for i, c := range o.Conditions {
		o.Conditions[i] = driver.Condition{Type: text(c.Type), Status: c.Status, Reason: text(c.Reason), Message: text(c.Message)}
	}
	o.Members = slices.Clone(o.Members[:min(len(o.Members), mostMembers)])
	for i, m := range o.Members {
		o.Members[i] = driver.Member{Name: text(m.Name), Role: text(m.Role), Ready: m.Ready, FailureDomain: text(m.FailureDomain)}
	}
	if o.Endpoint != nil {
		e := *o.Endpoint
		if len(e.CAPEM) > longestCAPEM {
			e.CAPEM = "" // half of it verifies nothing
		}
		e.Host, e.ReadHost, e.Database, e.CAPEM = text(e.Host), text(e.ReadHost), text(e.Database), strings.ReplaceAll(e.CAPEM, "\x00", "")
		o.Endpoint = &e
	}
	return o
}

func text(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
	if r := []rune(s); len(r) > longestMessage {
		return string(r[:longestMessage])
	}
	return s
}

// within keeps a fact's effective time between what it can follow from (the last
// fact, and the command that it reports in force) and its receipt.
func within(ctx context.Context, q *instancedb.Queries, r row, generation int64, reported, received time.Time) (time.Time, error) {
	earliest := r.CreatedAt
	if r.LastFactAt != nil {
		earliest = *r.LastFactAt
	}
	if generation > r.ObservedGeneration {
		accepted, err := q.CommandAcceptedAt(ctx, instancedb.CommandAcceptedAtParams{InstanceID: r.ID, Generation: generation})
		if err != nil {
			return time.Time{}, fmt.Errorf("command %d of instance %s: %w", generation, r.ID, err)
		}
		if accepted.After(earliest) {
			earliest = accepted
		}
	}
	t := reported.UTC().Truncate(time.Microsecond)
	if t.After(received) {
		t = received
	}
	if t.Before(earliest) {
		t = earliest
	}
	return t, nil
}

// observe makes the status follow the observation.
func (s *Service) observe(ctx context.Context, tx store.Tx, q *instancedb.Queries, r row, o driver.Observation, effective, received time.Time, transition bool) error {
	before, heldBefore := r.Phase, r.HeldData
	r.ObservedState, r.ObservedGeneration, r.LastFactAt = string(o.State), o.Generation, &effective
	r.HeldData = r.HeldData || o.State == driver.StateRunning
	derivePhase(&r)
	purged := string(api.PhasePurged)
	if before != purged { // what is said of one that is purged changes nothing of it
		describe(&r, o)
	}
	if r.Phase == purged && before != purged {
		r.PurgedAt = &effective
		if err := q.DropReservation(ctx, r.ID); err != nil {
			return err
		}
		if err := s.abandonRewind(ctx, tx, r, received); err != nil {
			return err
		}
	}
	if err := q.UpdateObserved(ctx, observed(r)); err != nil {
		return err
	}
	if transition {
		if err := billing.Record(ctx, tx, r.OrganizationID, r.ID, received); err != nil {
			return err
		}
	}
	if r.Phase != before {
		if err := q.InsertEvent(ctx, instancedb.InsertEventParams{ID: store.NewID(), OrganizationID: r.OrganizationID, InstanceID: r.ID, At: effective, Kind: "phase", Message: r.Phase + ": " + r.Message}); err != nil {
			return err
		}
	}
	return changed(ctx, q, r, r.HeldData != heldBefore, received)
}

// describe copies what the observation says beside the state.
func describe(r *row, o driver.Observation) {
	r.Message, r.BlockedBy = o.Message, o.BlockedBy
	if settledPhase(api.Phase(r.Phase)) || r.Message == "" {
		r.Message = phaseMessage(*r)
	}
	r.Conditions = mustJSON(o.Conditions)
	if o.Conditions == nil {
		r.Conditions = json.RawMessage("[]")
	}
	r.Members = mustJSON(o.Members)
	if o.Members == nil {
		r.Members = json.RawMessage("[]")
	}
	if o.Endpoint != nil {
		r.Endpoint = mustJSON(o.Endpoint)
	}
	if o.Version != "" {
		r.EngineVersion = o.Version
	}
	r.AppliedPlan, r.AppliedStorageGib, r.StorageUsedBytes = o.Plan.Name, o.StorageGiB, o.StorageUsedBytes
}

// settledPhase: phases that Souk's own words tell best.
func settledPhase(p api.Phase) bool {
	switch p {
	case api.PhaseReady, api.PhaseMaintaining, api.PhaseSuspended, api.PhaseDeleting, api.PhaseDeleted, api.PhasePurged:
		return true
	}
	return false
}

func observed(r row) instancedb.UpdateObservedParams {
	return instancedb.UpdateObservedParams{
		ID: r.ID, Phase: r.Phase, Message: r.Message, BlockedBy: r.BlockedBy, ObservedState: r.ObservedState, ObservedGeneration: r.ObservedGeneration,
		Conditions: r.Conditions, Endpoint: r.Endpoint, AppliedPlan: r.AppliedPlan, AppliedStorageGib: r.AppliedStorageGib, StorageUsedBytes: r.StorageUsedBytes,
		HeldData: r.HeldData, LastFactAt: r.LastFactAt, PurgedAt: r.PurgedAt, Members: r.Members, EngineVersion: r.EngineVersion,
	}
}
