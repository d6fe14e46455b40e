package billing

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// BackupStep is a change of what is kept of an instance: one backup, which is there
// from then on, or not any more.
type BackupStep struct {
	Backup uuid.UUID
	Kept   bool
	Bytes  int64 // that it takes where it is kept
	At     time.Time
}

// BackupSegment is one link of the chain by which the backups of an instance are
// billed, [From, To). A zero To means that it goes on.
type BackupSegment struct {
	From, To time.Time
	Bytes    int64 // of all backups together
	Terms    Terms // without the instance's own storage
}

// BackupChain derives the chain of an instance's backups from the steps, in the
// order in which they were recorded, and from the instance's own chain, whose terms
// it follows: after the instance's end the last ones. It begins with the first
// backup and ends with the last; while there are none in between it has links
// without a byte. The times of one backup's steps never decrease.
func BackupChain(steps []BackupStep, of []Segment) []BackupSegment {
	steps = slices.Clone(steps)
	slices.SortStableFunc(steps, func(a, b BackupStep) int { return a.At.Compare(b.At) })
	kept := map[uuid.UUID]int64{}
	var chain []BackupSegment
	var sum int64
	var empty time.Time // since when nothing is kept
	for _, at := range backupMoments(steps, of) {
		had := len(kept) > 0
		for ; len(steps) > 0 && steps[0].At.Equal(at); steps = steps[1:] {
			s := steps[0]
			sum -= kept[s.Backup]
			delete(kept, s.Backup)
			if s.Kept {
				kept[s.Backup] = s.Bytes
				sum += s.Bytes
			}
		}
		if had && len(kept) == 0 {
			empty = at
		}
		if len(kept) > 0 || len(chain) > 0 {
			chain = extendedBackups(chain, BackupSegment{From: at, Bytes: sum, Terms: backupTerms(of, at)})
		}
	}
	if len(kept) > 0 {
		return chain
	}
	for len(chain) > 0 && !chain[len(chain)-1].From.Before(empty) {
		chain = chain[:len(chain)-1]
	}
	return closedBackups(chain, empty)
}

// backupMoments are all at which anything can change, sorted, each once.
func backupMoments(steps []BackupStep, of []Segment) []time.Time {
	var all []time.Time
	for _, s := range steps {
		all = append(all, s.At)
	}
	for _, s := range of {
		all = append(all, s.From)
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// backupTerms are those of the instance's chain at that moment, or the nearest.
func backupTerms(of []Segment, at time.Time) Terms {
	n, found := slices.BinarySearchFunc(of, at, func(s Segment, t time.Time) int { return s.From.Compare(t) })
	if !found {
		n--
	}
	t := of[max(n, 0)].Terms
	t.StorageGiB = 0
	return t
}

func extendedBackups(chain []BackupSegment, s BackupSegment) []BackupSegment {
	if n := len(chain); n > 0 && chain[n-1].Bytes == s.Bytes && chain[n-1].Terms == s.Terms {
		return chain
	}
	return append(closedBackups(chain, s.From), s)
}

func closedBackups(chain []BackupSegment, at time.Time) []BackupSegment {
	if n := len(chain); n > 0 {
		chain[n-1].To = at
	}
	return chain
}

// RecordedBackup is what is on record of one backup.
type RecordedBackup struct {
	ID       uuid.UUID
	Kept     bool // it is there, and counts
	Bytes    int64
	Finished time.Time
}

// newBackupSteps returns the steps that lead from what was recorded before to what
// is on record now. A backup counts from when it was finished, but not from before
// its instance was ordered; and one that is found again from when it was found.
func newBackupSteps(before []BackupStep, now []RecordedBackup, ordered, at time.Time) []BackupStep {
	last := map[uuid.UUID]BackupStep{}
	for _, s := range before {
		last[s.Backup] = s
	}
	var steps []BackupStep
	for _, b := range now {
		was, known := last[b.ID]
		is := BackupStep{Backup: b.ID, Kept: b.Kept, At: at}
		if b.Kept {
			is.Bytes = b.Bytes
		}
		if was.Kept == is.Kept && was.Bytes == is.Bytes {
			continue
		}
		if !known {
			is.At = slices.MinFunc([]time.Time{slices.MaxFunc([]time.Time{b.Finished, ordered}, time.Time.Compare), at}, time.Time.Compare)
		}
		steps = append(steps, is)
	}
	slices.SortStableFunc(steps, func(a, b BackupStep) int { return a.At.Compare(b.At) })
	return steps
}
