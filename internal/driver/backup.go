package driver

import (
	"context"
	"errors"
	"time"
)

// BackupKeeper is a Driver that can keep backups outside of its instances. All
// its methods are idempotent and may be called while other methods work on the
// same instance; those for one instance are called one at a time.
type BackupKeeper interface {
	// TakeBackup takes the backup with that ID, unless it is there already. One
	// that was cut short is begun anew. It may take hours; it ends with ctx.
	TakeBackup(ctx context.Context, want Instance, order BackupOrder) error

	// Backups lists what is kept of an instance, whether or not the instance
	// still exists, and how far its log of changes has been put away. Nothing
	// kept is an empty list and no error.
	Backups(ctx context.Context, of BackupSource) (BackupReport, error)

	// ExpireBackup destroys one backup, and with an instance's last one all that
	// was kept of the instance where last is set. It is the only way by which a
	// backup ends. One that is not there is no error.
	ExpireBackup(ctx context.Context, of BackupSource, id string, last bool) error
}

// BucketKeeper is a BackupKeeper that can keep backups in buckets of customers.
type BucketKeeper interface {
	BackupKeeper
	// TryBucket writes, reads and deletes a small object there; what is wrong is a
	// bucket.Wrong.
	TryBucket(ctx context.Context, place *BackupPlace) error
}

// ErrNoBackupPlace: the zone has no place to keep backups in.
var ErrNoBackupPlace = errors.New("this zone has no place for backups")

// NoBackupsHere says that no backups can be kept, and why, in plain words.
func NoBackupsHere(why string) *BlockedError {
	return &BlockedError{Message: "No backups can be kept here: " + why, BlockedBy: "operator", Err: ErrNoBackupPlace}
}

// NothingToRestoreFrom says that a zone which kept backups keeps none any more.
func NothingToRestoreFrom() *BlockedError {
	return &BlockedError{Message: "This zone has no place for backups any more, so nothing can be restored here. Its operator has to act.", BlockedBy: "operator", Err: ErrNoBackupPlace}
}

// BackupSource names whose backups are meant, and opens them.
type BackupSource struct {
	InstanceID string `json:"instanceID"`
	Service    string `json:"service"`
	Key        string `json:"key"` // they are encrypted by; a secret
	// Place is a bucket of the customer's that keeps them; nil: the zone's place does.
	Place *BackupPlace `json:"place,omitempty"`
}

// BackupSource names the instance's own backups; it has to have settings of them.
func (i Instance) BackupSource() BackupSource {
	return BackupSource{InstanceID: i.ID, Service: i.Service, Key: i.Backup.Key, Place: i.Backup.Place}
}

// BackupSettings have an instance keep what its backups need between them.
type BackupSettings struct {
	Key string `json:"key"`
	// Place is a bucket of the customer's for them; nil: the zone's place.
	Place *BackupPlace `json:"place,omitempty"`
}

// BackupOrder is one backup to take.
type BackupOrder struct {
	ID   string    `json:"id"`   // a lower-case UUID
	Kind string    `json:"kind"` // "scheduled" or "requested"
	At   time.Time `json:"at"`   // by Souk's clock, when it was begun
}

// Backup is one that is there, whole.
type Backup struct {
	ID   string    `json:"id"`
	Kind string    `json:"kind"`
	At   time.Time `json:"at"` // as ordered
	// StartedAt and FinishedAt are real time. A point in time that is restored
	// from this backup cannot be before FinishedAt.
	StartedAt   time.Time `json:"startedAt"`
	FinishedAt  time.Time `json:"finishedAt"`
	SizeBytes   int64     `json:"sizeBytes"`   // of the data
	StoredBytes int64     `json:"storedBytes"` // that it occupies where it is kept
	Problem     string    `json:"problem,omitempty"`
}

// BackupReport is what is kept of an instance at one moment.
type BackupReport struct {
	Backups []Backup `json:"backups"` // oldest first
	// ArchivedUntil is until when, in real time, every change is kept, so that a
	// point in time up to then can be restored; zero where points in time cannot.
	// While Archiving is set what comes after is put away within about a minute.
	ArchivedUntil time.Time `json:"archivedUntil,omitzero"`
	Archiving     bool      `json:"archiving,omitempty"`
	Message       string    `json:"message,omitempty"` // what is wrong, in plain words
}

// Rewind is a restore in place: the data of an instance is replaced by that of one of
// its own backups, and comes back where that cannot serve.
type Rewind struct {
	Number int64 `json:"number"` // each higher than the one before
	Restore
}

// Rewound says that a restore in place is over.
type Rewound struct {
	Number int64 `json:"number"`
	// Problem is why the data is what it was before, in plain words; empty: it was
	// restored.
	Problem string `json:"problem,omitempty"`
}

// Restore has a new instance made from a backup instead of empty.
type Restore struct {
	From     BackupSource `json:"from"`
	BackupID string       `json:"backupID"`
	// Time is the point in time to restore, in real time; zero: the end of the
	// backup.
	Time time.Time `json:"time,omitzero"`
	// Lost has the instance that it comes from left alone, as if it were lost: what
	// it has not put away by itself by then is not restored.
	Lost bool `json:"lost,omitempty"`
}
