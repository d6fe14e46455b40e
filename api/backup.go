package api

import "time"

// BackupSpec says when backups are taken and how long they are kept. What is
// absent takes its default.
type BackupSpec struct {
	Enabled       *bool       `json:"enabled,omitempty" doc:"Default: true where the zone can keep backups of the service"`
	At            string      `json:"at,omitempty" example:"02:00" doc:"Time of day, by the clock on the wall of timeZone. Default: 02:00"`
	TimeZone      string      `json:"timeZone,omitempty" example:"Europe/Zurich" doc:"IANA name. Default: the organization's"`
	SpreadMinutes *int        `json:"spreadMinutes,omitempty" minimum:"0" maximum:"1440" doc:"Within how many minutes after that it begins, always at the same one, so that not all begin at once. Default: 120"`
	Drills        string      `json:"drills,omitempty" enum:"daily,weekly,monthly,off" doc:"How often the newest backup is restored on trial, to an instance that is thrown away again. Default: weekly, where the zone can"`
	To            string      `json:"to,omitempty" maxLength:"63" doc:"Name of a bucket of the organization's that they are kept in. Default: the zone's own place"`
	Keep          *BackupKeep `json:"keep,omitempty" doc:"Default: the newest 3, one of each of 7 days and of 4 weeks"`
}

// BackupKeep says how many backups are kept. One is kept while any rule keeps it.
// Once the instance is removed for good, the newest are kept for as long as the
// longest of the other rules says, and a day at least.
type BackupKeep struct {
	Last    int `json:"last,omitempty" minimum:"0" maximum:"30" doc:"The newest"`
	Daily   int `json:"daily,omitempty" minimum:"0" maximum:"31" doc:"The newest of each of so many days"`
	Weekly  int `json:"weekly,omitempty" minimum:"0" maximum:"53" doc:"The newest of each of so many weeks"`
	Monthly int `json:"monthly,omitempty" minimum:"0" maximum:"36" doc:"The newest of each of so many months"`
}

// Backup of an instance.
type Backup struct {
	ID          string     `json:"id"`
	Instance    string     `json:"instance"`
	Kind        string     `json:"kind" enum:"scheduled,requested"`
	State       string     `json:"state" enum:"wanted,running,completed,failed,lost,expiring" doc:"Only what is completed can be restored; lost: it is not there any more where it was kept"`
	Message     string     `json:"message,omitempty" doc:"In plain words"`
	RequestedBy string     `json:"requestedBy,omitempty"`
	CreatedAt   time.Time  `json:"createdAt" doc:"Asked for, or first heard of"`
	StartedAt   *time.Time `json:"startedAt,omitempty"`
	FinishedAt  *time.Time `json:"finishedAt,omitempty"`
	SizeBytes   int64      `json:"sizeBytes,omitempty" doc:"Of the data"`
	StoredBytes int64      `json:"storedBytes,omitempty" doc:"That it occupies where it is kept"`
	Bucket      string     `json:"bucket,omitempty" doc:"Name of the organization's bucket that it is kept in; absent: the zone's own place"`
	IfDeleted   string     `json:"ifDeleted,omitempty" doc:"What could not be restored any more without it, in plain words; not in lists"`
}

// BackupList is what is kept of an instance.
type BackupList struct {
	Items      []Backup `json:"items" nullable:"false" doc:"The newest first"`
	Instance   string   `json:"instance" doc:"Its name"`
	InstanceID string   `json:"instanceId"`
	Phase      Phase    `json:"phase" doc:"Of the instance; its backups outlive it"`
	Enabled    bool     `json:"enabled" doc:"Backups are taken"`
	// Next is when the next one is due.
	Next *time.Time `json:"next,omitempty" doc:"When the next one is due"`
	// From and Until bound the points in time that can be restored, by the zone's clock.
	From    *time.Time `json:"from,omitempty" doc:"The earliest point in time that can be restored"`
	Until   *time.Time `json:"until,omitempty" doc:"The latest point in time that can be restored"`
	Message string     `json:"message,omitempty" doc:"What is wrong, in plain words"`
	// Snapshots: a backup can be restored, and no point in time between two of them.
	Snapshots bool `json:"snapshots,omitempty" doc:"A backup can be restored, and no point in time between two of them"`
	// OwnBuckets: they can be kept in a bucket of the organization's.
	OwnBuckets bool `json:"ownBuckets,omitempty" doc:"They can be kept in a bucket of the organization's"`
	// Unavailable says why none can be taken where the instance runs.
	Unavailable string `json:"unavailable,omitempty" doc:"Why no backups can be kept there, in plain words"`
}

// BackupSummary is what is kept of one instance.
type BackupSummary struct {
	Instance    string    `json:"instance"`
	InstanceID  string    `json:"instanceId" doc:"Stands for the name where another instance has got that since"`
	Service     string    `json:"service"`
	Phase       Phase     `json:"phase" doc:"Of the instance; its backups outlive it"`
	Backups     int64     `json:"backups" doc:"How many can be restored"`
	Newest      time.Time `json:"newest"`
	StoredBytes int64     `json:"storedBytes"`
}

// RestoreFrom says what a new instance is made of: exactly one of Backup and Time
// is given. What the order's spec does not say is as it was with that instance.
type RestoreFrom struct {
	Instance string     `json:"instance" maxLength:"63" doc:"Name or ID of the instance that was backed up; one that was removed for good too, while its backups are kept"`
	Backup   string     `json:"backup,omitempty" format:"uuid" doc:"The state at the end of this backup"`
	Time     *time.Time `json:"time,omitempty" doc:"The state at this point in time"`
}

// RestoreInPlace has the data of an instance replaced by that of one of its backups:
// exactly one of Backup and Time is given.
type RestoreInPlace struct {
	Backup  string     `json:"backup,omitempty" format:"uuid" doc:"The state at the end of this backup"`
	Time    *time.Time `json:"time,omitempty" doc:"The state at this point in time"`
	Confirm string     `json:"confirm" maxLength:"63" doc:"The instance's name: what was changed since is not in it any more afterwards"`
}

// InPlaceRestore is a restore in place.
type InPlaceRestore struct {
	ID           string     `json:"id"`
	Instance     string     `json:"instance"`
	Backup       string     `json:"backup" doc:"ID of the backup that is restored"`
	Time         *time.Time `json:"time,omitempty" doc:"The point in time; absent: the end of the backup"`
	SafetyBackup string     `json:"safetyBackup" doc:"ID of the backup of what there was before, which is taken first"`
	State        string     `json:"state" enum:"backing-up,restoring,completed,failed" doc:"failed: the data is as it was before"`
	Message      string     `json:"message,omitempty" doc:"Why it failed, in plain words"`
	RequestedBy  string     `json:"requestedBy"`
	CreatedAt    time.Time  `json:"createdAt"`
	FinishedAt   *time.Time `json:"finishedAt,omitempty"`
}

// InPlaceRestoreList is the restores in place of an instance.
type InPlaceRestoreList struct {
	Items   []InPlaceRestore `json:"items" nullable:"false" doc:"The newest first, at most 100"`
	Message string           `json:"message,omitempty" doc:"Why none can be made, in plain words"`
}
