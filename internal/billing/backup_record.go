package billing

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/internal/billing/billingdb"
	"souk/internal/store"
)

// RecordBackups writes down what has changed of the backups that are kept of an
// instance, as known at the given time, and brings their chain in line. It is
// idempotent. Call it in the transaction that changed a backup, with the instance
// locked.
func RecordBackups(ctx context.Context, tx store.Tx, organization, instance uuid.UUID, at time.Time) error {
	q := billingdb.New(tx)
	before, err := q.BackupSteps(ctx, instance)
	if err != nil {
		return err
	}
	now, err := q.BackupsNow(ctx, instance)
	if err != nil {
		return err
	}
	own, err := q.LiveSegments(ctx, instance)
	if err != nil {
		return err
	}
	backups := make([]RecordedBackup, len(now))
	for i, b := range now {
		backups[i] = RecordedBackup{ID: b.ID, Kept: b.Kept, Bytes: b.StoredBytes}
		if b.FinishedAt != nil {
			backups[i].Finished = b.FinishedAt.UTC()
		}
	}
	at = notBefore(at, before)
	steps := newBackupSteps(BackupStepsFromRows(before), backups, own[0].FromAt.UTC(), at)
	if len(steps) == 0 {
		return nil
	}
	for _, s := range steps {
		err := q.InsertBackupStep(ctx, billingdb.InsertBackupStepParams{OrganizationID: organization, InstanceID: instance, BackupID: s.Backup,
			Kept: s.Kept, Bytes: s.Bytes, EffectiveAt: s.At, RecordedAt: at})
		if err != nil {
			return err
		}
		before = append(before, billingdb.BackupStep{BackupID: s.Backup, Kept: s.Kept, Bytes: s.Bytes, EffectiveAt: s.At, RecordedAt: at})
	}
	return recordBackupChain(ctx, q, organization, instance, before, segments(own), at)
}

// notBefore keeps the record of backups from going back in time, whichever
// replica's clock is ahead.
func notBefore(at time.Time, steps []billingdb.BackupStep) time.Time {
	if n := len(steps); n > 0 && steps[n-1].RecordedAt.After(at) {
		return steps[n-1].RecordedAt.UTC()
	}
	return at
}

// recordBackupChain brings the stored chain of an instance's backups in line with
// the steps and the instance's own chain.
func recordBackupChain(ctx context.Context, q *billingdb.Queries, organization, instance uuid.UUID, steps []billingdb.BackupStep, own []Segment, at time.Time) error {
	stored, err := q.LiveBackupSegments(ctx, instance)
	if err != nil {
		return err
	}
	at = notBefore(at, steps)
	return amending[BackupSegment]{
		same: SameBackups, onlyEnded: onlyBackupsEnded,
		end: func(n int, now BackupSegment) error {
			return q.CloseBackupSegment(ctx, billingdb.CloseBackupSegmentParams{ID: stored[n].ID, ToAt: &now.To, ToRecordedAt: &at})
		},
		supersede: func(n int) error {
			return q.SupersedeBackupSegment(ctx, billingdb.SupersedeBackupSegmentParams{ID: stored[n].ID, SupersededAt: &at})
		},
		insert: func(s BackupSegment) error {
			return q.InsertBackupSegment(ctx, backupRow(s, organization, instance, at))
		},
	}.amend(BackupsFromRows(stored), BackupChain(BackupStepsFromRows(steps), own))
}

// BackupStepsFromRows turns stored steps into those that a chain is derived from.
func BackupStepsFromRows(rows []billingdb.BackupStep) []BackupStep {
	out := make([]BackupStep, len(rows))
	for i, r := range rows {
		out[i] = BackupStep{r.BackupID, r.Kept, r.Bytes, r.EffectiveAt.UTC()}
	}
	return out
}

// BackupsFromRows turns stored links of a chain of backups into those that are derived.
func BackupsFromRows(rows []billingdb.BackupSegment) []BackupSegment {
	out := make([]BackupSegment, len(rows))
	for i, r := range rows {
		out[i] = BackupSegment{From: r.FromAt.UTC(), Bytes: r.Bytes,
			Terms: Terms{Project: r.ProjectID, BillingAccount: r.BillingAccountID, Plan: r.PlanRevisionID, PriceList: r.PriceListRevisionID, ServiceLevel: r.ServiceLevel}}
		if r.ToAt != nil {
			out[i].To = r.ToAt.UTC()
		}
	}
	return out
}

// SameBackups says whether two links account for the same in the same way.
func SameBackups(a, b BackupSegment) bool {
	return a.From.Equal(b.From) && a.To.Equal(b.To) && a.Bytes == b.Bytes && a.Terms == b.Terms
}

func onlyBackupsEnded(stored, now BackupSegment) bool {
	ended := stored.To.IsZero() && !now.To.IsZero()
	stored.To = now.To
	return ended && SameBackups(stored, now)
}

func backupRow(s BackupSegment, organization, instance uuid.UUID, at time.Time) billingdb.InsertBackupSegmentParams {
	p := billingdb.InsertBackupSegmentParams{
		ID: store.NewID(), OrganizationID: organization, InstanceID: instance, ProjectID: s.Terms.Project, BillingAccountID: s.Terms.BillingAccount, FromAt: s.From, Bytes: s.Bytes,
		PlanRevisionID: s.Terms.Plan, PriceListRevisionID: s.Terms.PriceList, ServiceLevel: s.Terms.ServiceLevel, RecordedAt: at,
	}
	if !s.To.IsZero() {
		p.ToAt, p.ToRecordedAt = &s.To, &at
	}
	return p
}
