package billing

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/internal/billing/billingdb"
)

// checkBackups: what is written down of backups is what is on record of them, and
// their chain is what follows.
func (a *audited) checkBackups() {
	a.checkBackupSteps()
	a.checkKept()
	a.checkBackupChain()
	a.checkBackupRecord()
}

// checkBackupSteps: none is recorded before the one before it, those of one backup
// but the first take effect when they are recorded, and each changes something.
func (a *audited) checkBackupSteps() {
	last := map[uuid.UUID]billingdb.BackupStep{}
	var before time.Time
	for _, s := range a.steps {
		was, known := last[s.BackupID]
		switch {
		case s.OrganizationID != a.instance.OrganizationID:
			a.wrong("what is written down of backup %s is of another organization", s.BackupID)
		case s.RecordedAt.Before(before):
			a.wrong("what is written down of backup %s is older than what was before it", s.BackupID)
		case s.EffectiveAt.Before(a.instance.CreatedAt) || s.EffectiveAt.After(s.RecordedAt):
			a.wrong("backup %s counts from %s on, when that cannot be", s.BackupID, stamp(s.EffectiveAt))
		case known && !s.EffectiveAt.Equal(s.RecordedAt):
			a.wrong("backup %s changed at %s, but that was known at %s", s.BackupID, stamp(s.EffectiveAt), stamp(s.RecordedAt))
		case s.Kept == was.Kept && s.Bytes == was.Bytes || !s.Kept && s.Bytes != 0:
			a.wrong("what is written down of backup %s at %s changes nothing", s.BackupID, stamp(s.RecordedAt))
		}
		last[s.BackupID], before = s, s.RecordedAt
	}
}

// checkKept: each backup that is there is counted with its size, from when it was
// finished; and no other.
func (a *audited) checkKept() {
	first, last := map[uuid.UUID]billingdb.BackupStep{}, map[uuid.UUID]billingdb.BackupStep{}
	for _, s := range a.steps {
		if _, known := first[s.BackupID]; !known {
			first[s.BackupID] = s
		}
		last[s.BackupID] = s
	}
	for _, b := range a.kept {
		s := last[b.ID]
		switch from := first[b.ID].EffectiveAt; {
		case b.Kept != s.Kept || b.Kept && b.StoredBytes != s.Bytes:
			a.wrong("backup %s is there: %v, with %d bytes; it counts: %v, with %d", b.ID, b.Kept, b.StoredBytes, s.Kept, s.Bytes)
		case b.Kept && first[b.ID] == s && b.FinishedAt != nil && b.FinishedAt.After(a.instance.CreatedAt) && b.FinishedAt.Before(s.RecordedAt) && !from.Equal(*b.FinishedAt):
			a.wrong("backup %s was finished at %s, and counts from %s", b.ID, stamp(*b.FinishedAt), stamp(from))
		}
		delete(last, b.ID)
	}
	for id := range last {
		a.wrong("backup %s counts or counted, but is not on record", id)
	}
}

// checkBackupChain compares the stored chain with what was kept at each moment.
func (a *audited) checkBackupChain() {
	stored := a.backups.stored
	for n, s := range stored {
		if n+1 < len(stored) && (s.ToAt == nil || !s.ToAt.Equal(stored[n+1].FromAt)) {
			a.wrong("the chain of its backups has a gap or an overlap at %s", stamp(stored[n+1].FromAt))
		}
	}
	moments := a.backupMoments()
	first, last := len(moments), -1 // at which something is kept
	for n, m := range moments {
		if m.kept > 0 {
			first, last = min(first, n), n
		}
	}
	link, own := 0, 0
	for n, m := range moments {
		for link < len(stored) && stored[link].ToAt != nil && !stored[link].ToAt.After(m.at) {
			link++
		}
		for own+1 < len(a.stored) && !a.stored[own+1].FromAt.After(m.at) {
			own++
		}
		switch covered := link < len(stored) && !stored[link].FromAt.After(m.at); {
		case covered:
			a.checkBackupMoment(m, stored[link], a.stored[own])
			if n < first || n > last {
				a.wrong("the chain of its backups covers %s, when there are none, and none before or none later", stamp(m.at))
			}
		case m.kept > 0:
			a.wrong("no link of its backups' chain covers %s", stamp(m.at))
		}
	}
}

// keptMoment is what was kept at a moment.
type keptMoment struct {
	at          time.Time
	kept, bytes int64
}

// backupMoments are all at which anything can change, in the order of time.
func (a *audited) backupMoments() []keptMoment {
	var all []keptMoment
	for _, s := range a.stored {
		all = append(all, keptMoment{at: s.FromAt})
	}
	for _, s := range a.backups.stored {
		all = append(all, keptMoment{at: s.FromAt})
		if s.ToAt != nil {
			all = append(all, keptMoment{at: *s.ToAt})
		}
	}
	steps := slices.Clone(a.steps)
	slices.SortStableFunc(steps, func(x, y billingdb.BackupStep) int { return x.EffectiveAt.Compare(y.EffectiveAt) })
	for _, s := range steps {
		all = append(all, keptMoment{at: s.EffectiveAt})
	}
	slices.SortFunc(all, func(x, y keptMoment) int { return x.at.Compare(y.at) })
	sizes := map[uuid.UUID]int64{}
	var bytes int64
	for n := range all {
		for ; len(steps) > 0 && !steps[0].EffectiveAt.After(all[n].at); steps = steps[1:] {
			bytes -= sizes[steps[0].BackupID]
			delete(sizes, steps[0].BackupID)
			if steps[0].Kept {
				sizes[steps[0].BackupID] = steps[0].Bytes
				bytes += steps[0].Bytes
			}
		}
		all[n].kept, all[n].bytes = int64(len(sizes)), bytes
	}
	return all
}

// checkBackupMoment compares what was kept at a moment, and the instance's own terms
// then, with the link that covers it.
func (a *audited) checkBackupMoment(m keptMoment, s billingdb.BackupSegment, own billingdb.Segment) {
	if s.Bytes != m.bytes {
		a.wrong("at %s its backups are billed with %d bytes; it should be %d", stamp(m.at), s.Bytes, m.bytes)
	}
	if s.PlanRevisionID != own.PlanRevisionID || s.PriceListRevisionID != own.PriceListRevisionID || s.ServiceLevel != own.ServiceLevel || s.ProjectID != own.ProjectID || s.BillingAccountID != own.BillingAccountID || s.OrganizationID != own.OrganizationID {
		a.wrong("at %s its backups are billed on other terms than itself", stamp(m.at))
	}
}

// checkBackupRecord: each link was recorded, closed and superseded when something
// happened.
func (a *audited) checkBackupRecord() {
	happened := map[int64]bool{}
	for _, c := range a.commands {
		happened[c.AcceptedAt.UnixMicro()] = true
	}
	for _, f := range a.facts {
		happened[f.ReceivedAt.UnixMicro()] = true
	}
	for _, s := range a.steps {
		happened[s.RecordedAt.UnixMicro()] = true
	}
	for _, s := range slices.Concat(a.backups.stored, a.backups.replaced) {
		for _, t := range []*time.Time{&s.RecordedAt, s.ToRecordedAt, s.SupersededAt} {
			if t != nil && (t.Before(s.RecordedAt) || !happened[t.UnixMicro()]) {
				a.wrong("the link of its backups from %s on was recorded, closed or superseded at %s, when nothing happened", stamp(s.FromAt), stamp(*t))
			}
		}
	}
}

// backupsBefore copies what was known of backups before a moment.
func (a *audited) backupsBefore(t time.Time, to *audited) {
	for _, s := range a.steps {
		if s.RecordedAt.Before(t) {
			to.steps = append(to.steps, s)
		}
	}
	for _, s := range slices.Concat(a.backups.stored, a.backups.replaced) {
		if !s.RecordedAt.Before(t) || (s.SupersededAt != nil && s.SupersededAt.Before(t)) {
			continue
		}
		if s.ToRecordedAt != nil && !s.ToRecordedAt.Before(t) {
			s.ToAt = nil
		}
		to.backups.stored = append(to.backups.stored, s)
	}
	slices.SortFunc(to.backups.stored, func(x, y billingdb.BackupSegment) int { return x.FromAt.Compare(y.FromAt) })
}
