package instance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/agentapi"
	"souk/internal/billing"
	"souk/internal/driver"
	"souk/internal/instance/instancedb"
	"souk/internal/store"
)

// mostBackups is how many backups a zone may tell of in one fact.
const mostBackups = 500

// applyBackups takes in what a zone reports of an instance's backups. The same
// report again changes nothing. What is not named is not gone by that, but where
// the zone has seen all that is kept, it is lost.
func (s *Service) applyBackups(ctx context.Context, tx store.Tx, zone, id uuid.UUID, epoch int64, f agentapi.Fact) error {
	q := instancedb.New(tx)
	r, at, fresh, err := s.takeReport(ctx, q, zone, id, epoch, f)
	if err != nil || !fresh {
		return err
	}
	set, err := q.BackupSetForUpdate(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // none were ever wanted
	}
	if err != nil {
		return err
	}
	known, err := knownBackups(ctx, q, id)
	if err != nil {
		return err
	}
	bucket, ours, err := bucketOf(ctx, q, r, f.Backups.Bucket)
	if err != nil || !ours {
		return err
	}
	take := backupTaking{q: q, r: r, known: known, at: at, fact: *f.Backups, bucket: bucket}
	if err := take.all(ctx); err != nil {
		return err
	}
	if err := billing.RecordBackups(ctx, tx, r.OrganizationID, r.ID, at); err != nil {
		return err
	}
	if err := s.advanceRewind(ctx, tx, &r, at); err != nil {
		return err
	}
	message := text(f.Backups.Message)
	if message != set.Message && message != "" {
		take.tell("Backups: " + message)
	}
	err = q.ReportBackupSet(ctx, instancedb.ReportBackupSetParams{InstanceID: id, BucketID: bucket, Archiving: f.Backups.Archiving && r.ObservedState != string(driver.StateStopped),
		ArchivedUntil: realUntil(f.Backups.ArchivedUntil, s.realNow()), Message: message, ReportedAt: &at})
	if err != nil {
		return err
	}
	for _, line := range take.events {
		if err := q.InsertEvent(ctx, instancedb.InsertEventParams{ID: store.NewID(), OrganizationID: r.OrganizationID, InstanceID: r.ID, At: at, Kind: "backup", Message: line}); err != nil {
			return err
		}
	}
	return changed(ctx, q, r, take.settled, at)
}

// takeReport writes down that a zone told of an instance's backups, beside its
// facts, and says whether that is new.
func (s *Service) takeReport(ctx context.Context, q *instancedb.Queries, zone, id uuid.UUID, epoch int64, f agentapi.Fact) (r row, at time.Time, fresh bool, err error) {
	if r, err = reported(ctx, q, zone, id); err != nil {
		return r, at, false, err
	}
	if at, err = s.now(ctx, q, r); err != nil {
		return r, at, false, err
	}
	n, err := q.InsertBackupReport(ctx, instancedb.InsertBackupReportParams{ZoneID: zone, Epoch: epoch, Sequence: int64(f.Sequence),
		OrganizationID: r.OrganizationID, InstanceID: id, BootID: f.BootID, ReportedAt: f.EffectiveAt, RealAt: f.RealAt, ReceivedAt: at})
	return r, at, n > 0, err
}

// realUntil is a time of the zone's clock as it can be; nil for none.
func realUntil(t, now time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	if t.After(now) {
		t = now
	}
	t = t.UTC()
	return &t
}

func knownBackups(ctx context.Context, q *instancedb.Queries, instance uuid.UUID) (map[uuid.UUID]instancedb.Backup, error) {
	rows, err := q.AllBackups(ctx, instance)
	known := map[uuid.UUID]instancedb.Backup{}
	for _, b := range rows {
		known[b.ID] = b
	}
	return known, err
}

// backupTaking is the taking in of one report.
type backupTaking struct {
	q       *instancedb.Queries
	r       row
	known   map[uuid.UUID]instancedb.Backup
	at      time.Time
	fact    agentapi.BackupFact
	bucket  *uuid.UUID // that the zone looked at; nil: its own place
	events  []string
	settled bool // one that was asked for has come to its end: the zone is told
}

func (t *backupTaking) tell(line string) { t.events = append(t.events, line) }

func (t *backupTaking) all(ctx context.Context) error {
	there := map[uuid.UUID]bool{}
	for _, b := range t.fact.Backups[:min(len(t.fact.Backups), mostBackups)] {
		id, err := uuid.Parse(b.ID)
		if err != nil {
			continue
		}
		there[id] = true
		if err := t.complete(ctx, id, b); err != nil {
			return err
		}
	}
	for _, a := range t.fact.Attempts[:min(len(t.fact.Attempts), mostBackups)] {
		if id, err := uuid.Parse(a.ID); err == nil && !there[id] {
			if err := t.attempt(ctx, id, a); err != nil {
				return err
			}
		}
	}
	if t.fact.Message != "" {
		return nil // it may not have seen all
	}
	for id, b := range t.known {
		if b.State == backupCompleted && !there[id] && sameBucket(b.BucketID, t.bucket) {
			where, lost := "the zone's place for backups", "It is not there any more in the zone's place for backups. The zone's operator has to find it."
			if t.bucket != nil {
				where, lost = "your bucket", "It is not there any more in your bucket."
			}
			if err := t.q.LoseBackup(ctx, instancedb.LoseBackupParams{ID: id, Message: lost}); err != nil {
				return err
			}
			t.tell(fmt.Sprintf("The backup of %s is lost: it is not there any more in %s.", b.CreatedAt.UTC().Format(time.RFC3339), where))
		}
	}
	return nil
}

// bucketOf is the bucket that a zone has looked at, and whether the organization keeps
// it; of one that it does not, nothing is taken in.
func bucketOf(ctx context.Context, q *instancedb.Queries, r row, told string) (bucket *uuid.UUID, ours bool, err error) {
	if told == "" {
		return nil, true, nil
	}
	id, err := uuid.Parse(told)
	if err != nil {
		return nil, false, nil
	}
	_, err = q.BucketByID(ctx, instancedb.BucketByIDParams{OrganizationID: r.OrganizationID, ID: id})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	return &id, err == nil, err
}

func sameBucket(a, b *uuid.UUID) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

func kindOf(kind string) string {
	if kind == "requested" {
		return kind
	}
	return "scheduled"
}

// before keeps a time that a zone tells from being later than it was told.
func before(t, limit time.Time) time.Time {
	if t.After(limit) || t.IsZero() {
		return limit
	}
	return t.UTC()
}

func (t *backupTaking) complete(ctx context.Context, id uuid.UUID, b driver.Backup) error {
	started := before(b.At, t.at)
	finished := before(started.Add(max(b.FinishedAt.Sub(b.StartedAt), 0)), t.at)
	startedReal, finishedReal := b.StartedAt.UTC(), b.FinishedAt.UTC()
	had, is := t.known[id]
	if is && had.State == backupCompleted {
		return nil
	}
	if !is || had.State == backupWanted || had.State == backupRunning || had.State == backupFailed ||
		(had.State == backupExpiring || had.State == backupExpired) && had.StartedReal != nil && startedReal.After(*had.StartedReal) {
		t.tell(fmt.Sprintf("Backed up (%s).", kindOf(b.Kind)))
		t.settled = t.settled || is && had.Kind == "requested"
	}
	return t.q.CompleteBackup(ctx, instancedb.CompleteBackupParams{ID: id, OrganizationID: t.r.OrganizationID, InstanceID: t.r.ID, Kind: kindOf(b.Kind), Message: text(b.Problem),
		CreatedAt: started, StartedAt: &started, FinishedAt: &finished, StartedReal: &startedReal, FinishedReal: &finishedReal,
		SizeBytes: max(b.SizeBytes, 0), StoredBytes: max(b.StoredBytes, 0), BucketID: t.bucket})
}

func (t *backupTaking) attempt(ctx context.Context, id uuid.UUID, a agentapi.BackupAttempt) error {
	state := backupRunning
	if a.GivenUp || a.Problem != "" && kindOf(a.Kind) == "scheduled" {
		state = backupFailed
		if t.known[id].State != backupFailed {
			t.tell("A backup could not be taken. " + text(a.Problem))
		}
	}
	t.settled = t.settled || a.GivenUp
	started := before(a.At, t.at)
	return t.q.AttemptBackup(ctx, instancedb.AttemptBackupParams{ID: id, OrganizationID: t.r.OrganizationID, InstanceID: t.r.ID, Kind: kindOf(a.Kind), State: state,
		Message: text(a.Problem), CreatedAt: started, StartedAt: &started})
}
