package api

import "time"

// SegmentAudit is the answer of the billing chain's audit.
type SegmentAudit struct {
	At        time.Time `json:"at"`
	Instances int64     `json:"instances"`
	Commands  int64     `json:"commands"`
	Facts     int64     `json:"facts"`
	Segments  int64     `json:"segments"`
	// Links of the chains of backups, and the changes of what is kept that they follow from.
	BackupSegments int64               `json:"backupSegments" doc:"Links of the chains of backups"`
	BackupSteps    int64               `json:"backupSteps" doc:"Changes of what is kept of backups"`
	Seconds        string              `json:"seconds" doc:"Accounted for, all instances' own chains together"`
	Differences    []SegmentDifference `json:"differences" nullable:"false"`
}

// SegmentDifference is one way in which a stored chain is not what the raw
// commands and facts, or the backups on record, say.
type SegmentDifference struct {
	Organization string `json:"organization"`
	Instance     string `json:"instance"`
	InstanceID   string `json:"instanceID"`
	Problem      string `json:"problem"`
}

// ClockAdvance is the body of POST /api/v1/operator/clock/advance (souk dev only).
type ClockAdvance struct {
	Seconds int64 `json:"seconds" minimum:"1"`
}

// ClockStatus is Souk's clock.
type ClockStatus struct {
	Now           time.Time `json:"now"`
	OffsetSeconds int64     `json:"offsetSeconds"`
}

// Version of the server.
type Version struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}
