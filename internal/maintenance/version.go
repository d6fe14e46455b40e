package maintenance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/audit"
	"souk/internal/instance"
	"souk/internal/maintenance/maintenancedb"
	"souk/internal/store"
)

// plannedBySouk is who plans what nobody asked for.
const plannedBySouk = "Souk"

// PlanVersions plans a restart of each instance whose zone has a newer minor version
// of its engine than it runs, in its window and with notice; what is planned for a
// version that runs already is cancelled. It is idempotent. One that fails keeps no
// other from it.
func (s *Service) PlanVersions(ctx context.Context) error {
	var others []maintenancedb.OtherVersionsRow
	var needless []maintenancedb.NeedlessVersionsRow
	err := s.Store.System(ctx, func(tx store.Tx) (err error) {
		q := maintenancedb.New(tx)
		if others, err = q.OtherVersions(ctx); err != nil {
			return err
		}
		needless, err = q.NeedlessVersions(ctx)
		return err
	})
	if err != nil {
		return err
	}
	var failed error
	for _, m := range needless {
		err := s.within(ctx, m.OrganizationID, func(tx store.Tx) error {
			_, err := s.cancel(ctx, tx, m.ID, "It runs that version already, as it was restarted since.")
			return err
		})
		failed = errors.Join(failed, stuck("cancel", m.ID, err))
	}
	for _, o := range others {
		if !newerMinor(o.Runs, o.Has) {
			continue
		}
		err := s.within(ctx, o.OrganizationID, func(tx store.Tx) error { return s.planVersion(ctx, tx, o.ID, o.Has) })
		if store.Constraint(err) == "maintenances_version" {
			err = nil // another replica was faster
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("plan version %s of instance %s: %w", o.Has, o.ID, err))
		}
	}
	return failed
}

// newerMinor says whether a version is newer than another and of the same major one.
func newerMinor(than, version string) bool {
	a, okA := numbers(than)
	b, okB := numbers(version)
	return okA && okB && len(a) > 1 && len(b) > 1 && a[0] == b[0] && slices.Compare(b, a) > 0
}

// numbers are those of a version such as "15.18" or "7.0.15".
func numbers(version string) ([]int, bool) {
	var out []int
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return nil, false
		}
		out = append(out, n)
	}
	return out, true
}

func (s *Service) planVersion(ctx context.Context, tx store.Tx, id uuid.UUID, version string) error {
	v, err := s.Instances.ByID(ctx, tx, id)
	if err != nil {
		return err
	}
	q, now := maintenancedb.New(tx), s.Clock.Now()
	title := fmt.Sprintf("Minor version %s → %s", v.EngineVersion, version)
	planned, err := q.PlannedVersion(ctx, id)
	if err == nil { // for one in between: its date stays
		return q.Retarget(ctx, maintenancedb.RetargetParams{ID: planned, Title: title, Version: version, At: now})
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	effect, err := restartEffects(ctx, q, v)
	if err != nil {
		return err
	}
	m := maintenancedb.InsertParams{Kind: kindRestart, Title: title, Effect: effect(id), Version: version, PlannedBy: plannedBySouk, CreatedAt: now}
	m.FirstFrom, m.UntilAt = instance.WindowOf(v.Instance).Next(now.Add(Notice))
	doc, err := s.plan(ctx, tx, v, m)
	if err != nil {
		return err
	}
	return audit.Write(ctx, tx, audit.Event{Organization: v.OrganizationID, Project: v.ProjectID, At: now, Actor: instance.SystemActor, Action: "maintenance.plan", Kind: "instance",
		ObjectID: v.ID.String(), ObjectName: v.Name, Details: map[string]any{"maintenance": doc.ID, "title": doc.Title, "from": doc.From, "until": doc.Until}})
}

// restartEffects returns what says of each instance what a restart interrupts, and for
// how long it did the last time.
func restartEffects(ctx context.Context, q *maintenancedb.Queries, of ...instance.View) (func(id uuid.UUID) string, error) {
	rows, err := q.LastRestarts(ctx, ids(of))
	last := map[uuid.UUID]time.Duration{}
	for _, r := range rows {
		last[r.InstanceID] = (time.Duration(*r.InterruptionMs) * time.Millisecond).Round(10 * time.Millisecond)
	}
	return func(id uuid.UUID) string {
		if took, measured := last[id]; measured {
			return fmt.Sprintf("The server restarts, and connections are closed: for %s, as measured the last time.", took)
		}
		return "The server restarts; connections are closed for some seconds."
	}, err
}

// versionReached says what became of a restart for a version, by what the instance
// says that it runs now.
func versionReached(m maintenancedb.GetRow, runs string) (state, message string) {
	if runs == m.Version || newerMinor(m.Version, runs) {
		return completed, fmt.Sprintf("Carried out: it runs version %s. It was found to answer its clients afterwards.", runs)
	}
	return failed, fmt.Sprintf("It was restarted, and still runs version %s. The zone's operator has to see why.", runs)
}
