// Package agentapi defines what the control plane and a zone's agent say to
// each other over mutual TLS: JSON documents, and JSON lines over HTTP/2 where
// either side goes on talking.
//
//	POST /agent/v1/enrol            one-time token + certificate request → certificate, epoch
//	POST /agent/v1/rotate           certificate request → new certificate (an expired one may still ask)
//	POST /agent/v1/hello            what the zone can do → the clock, limits
//	GET  /agent/v1/desired?after=T  stream of DesiredEvent lines, from a resume token on
//	POST /agent/v1/facts            FactBatch → FactReceipt
//	POST /agent/v1/metrics          samples of instances, as Prometheus' remote write 1.0 → MetricsReceipt
//	POST /agent/v1/stream           the agent's outbound stream: Request lines come back, Response lines go out
//
// Every answer other than 2xx is an RFC 9457 problem document. 410 on desired
// means that the token is too old: list again without one. 409 with code
// "superseded" means that another agent has been enrolled for the zone: stop.
package agentapi

import (
	"encoding/json"
	"fmt"
	"time"

	"souk/internal/backup"
	"souk/internal/driver"
)

// ProtocolVersion is raised when a message changes in a way that an agent one
// minor version older or newer could not understand.
const ProtocolVersion = 1

// Codes of problem documents that an agent acts upon.
const (
	// CodeSuperseded, with 409: another agent has been enrolled for the zone.
	CodeSuperseded = "superseded"
	// CodeFactConflict, with 409: another fact with that sequence was accepted
	// before, so the agent's data folder comes from an older copy.
	CodeFactConflict = "fact-conflict"
	// CodeMetricsOff, with 404: the control plane keeps no metrics.
	CodeMetricsOff = "metrics-off"
)

// Paths of the agent API.
const (
	PathEnrol   = "/agent/v1/enrol"
	PathRotate  = "/agent/v1/rotate"
	PathHello   = "/agent/v1/hello"
	PathDesired = "/agent/v1/desired"
	PathFacts   = "/agent/v1/facts"
	PathStream  = "/agent/v1/stream"
	PathMetrics = "/agent/v1/metrics"
)

// EnrolRequest joins a machine to a zone. Repeating it with the same token and
// the same key returns another certificate of the same epoch; the token is
// spent for every other key.
type EnrolRequest struct {
	Token   string `json:"token"`
	CSR     string `json:"csr"` // PEM, ECDSA P-256; its subject is ignored
	Version string `json:"version"`
}

// EnrolResponse and RotateResponse carry the agent's identity.
type EnrolResponse struct {
	ZoneID      string    `json:"zoneID"`
	Zone        string    `json:"zone"`  // its name
	Epoch       int64     `json:"epoch"` // issued by the control plane; facts are numbered within it
	Certificate string    `json:"certificate"`
	NotAfter    time.Time `json:"notAfter"` // real time
	CA          string    `json:"ca"`       // PEM bundle to verify the agent listener by
}

// RotateRequest asks for a new certificate for the identity of the current one.
type RotateRequest struct {
	CSR string `json:"csr"`
}

// RotateResponse is an EnrolResponse with the same zone and epoch.
type RotateResponse = EnrolResponse

// Hello says what the agent and its driver can do. It is sent at each start
// and whenever it changes.
type Hello struct {
	Version  string      `json:"version"`
	Protocol int         `json:"protocol"`
	BootID   string      `json:"bootID"`
	Info     driver.Info `json:"info"`
}

// HelloResponse carries Souk's clock, and the sequence up to which the control
// plane has all facts of the epoch: an agent that never made that many works on
// an old copy of its data folder, and stops.
type HelloResponse struct {
	Clock        Clock  `json:"clock"`
	Acknowledged uint64 `json:"acknowledged"`
}

// Clock is Souk's clock relative to real time: Souk's now is the machine's
// now plus Offset. An offset never becomes smaller.
type Clock struct {
	Offset time.Duration `json:"offset"` // nanoseconds
}

// Intent is what is wanted of an instance's existence.
type Intent string

// The intents, in the order in which a life goes through them.
const (
	IntentActive    Intent = "active"    // it runs
	IntentSuspended Intent = "suspended" // stopped, data kept
	IntentDeleted   Intent = "deleted"   // stopped, data kept until purged
	IntentPurged    Intent = "purged"    // removed for good
)

// Desired is what is wanted of one instance, whole: it replaces what was said
// of the instance before. The agent ignores one whose Generation is lower than
// one it has seen in this epoch.
type Desired struct {
	driver.Instance
	Name   string `json:"name"` // organization/project/name, for people reading logs
	Intent Intent `json:"intent"`
	// AcceptedAt is when the command that led to Generation was accepted, by
	// Souk's clock: no fact about this generation can be earlier.
	AcceptedAt time.Time `json:"acceptedAt"`
	// Backups are those that are to be taken; nil: none.
	Backups *Backups `json:"backups,omitempty"`
}

// Backups are those that are to be taken of an instance. The agent takes what the
// plan says by itself, also while it is cut off, and reports what there is.
type Backups struct {
	Plan backup.Plan `json:"plan"`
	// Take are the IDs of those that were asked for beside the plan and are not
	// there yet, oldest first.
	Take []string `json:"take,omitempty"`
	// Drill is the restore drill that is to be made; nil: none.
	Drill *DrillOrder `json:"drill,omitempty"`
}

// DrillOrder has a backup restored to an instance that is thrown away again, to
// prove that it can be.
type DrillOrder struct {
	ID       string `json:"id"`       // of the drill, and of the instance that it makes; a lower-case UUID
	BackupID string `json:"backupID"` // the newest
}

// DesiredEvent is one line of the desired stream; exactly one of the fields
// but Token is set. Token resumes after this line.
type DesiredEvent struct {
	Instance *Desired `json:"instance,omitempty"`
	// Synced ends the first listing of a stream that began without a token:
	// every instance of the zone that is not yet purged has been sent. What was
	// not in it is not deleted by that: deleting is always said.
	Synced bool   `json:"synced,omitempty"`
	Clock  *Clock `json:"clock,omitempty"`
	// Heartbeat is sent every 10 s of silence.
	Heartbeat bool   `json:"heartbeat,omitempty"`
	Token     string `json:"token,omitempty"`
}

// Fact is something that became true of an instance. The control plane accepts
// each (zone epoch, Sequence) once.
type Fact struct {
	Sequence   uint64 `json:"sequence"` // from 1, without gaps, per epoch
	BootID     string `json:"bootID"`   // of the agent process
	InstanceID string `json:"instanceID"`
	// EffectiveAt is when it became true by Souk's clock as the agent knows it,
	// RealAt by the machine's.
	EffectiveAt time.Time          `json:"effectiveAt"`
	RealAt      time.Time          `json:"realAt"`
	Observation driver.Observation `json:"observation"`
	// Backups is set where the fact is about the instance's backups; Observation
	// then says nothing.
	Backups *BackupFact `json:"backups,omitempty"`
	// Drill is set where the fact is about a restore drill of the instance's
	// backups; Observation then says nothing.
	Drill *DrillFact `json:"drill,omitempty"`
	// Usage is set where the fact is about what a meter has counted; Observation then
	// says nothing.
	Usage *UsageSpan `json:"usage,omitempty"`
	// SLI is set where the fact is about whether the instance was available;
	// Observation then says nothing.
	SLI *SLISpan `json:"sli,omitempty"`
}

// UsageSpan is what a meter has counted from From to To by Souk's clock, within one hour
// of UTC, and all that there was in it.
type UsageSpan struct {
	Meter    string    `json:"meter"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Quantity int64     `json:"quantity"`
}

// SLIState is what was found out by trying an instance as its clients do.
type SLIState string

// The states of a span. What could not be measured is in no span.
const (
	SLIUp   SLIState = "up"
	SLIDown SLIState = "down"
)

// SLISpan is a stretch of time, [From, To) by Souk's clock, in which the instance was
// up or down throughout. Spans of an instance do not overlap.
type SLISpan struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	State SLIState  `json:"state"`
}

// BackupFact is what is true of an instance's backups: all that are kept, and
// what is under way. A backup that it does not name is not gone by that.
type BackupFact struct {
	driver.BackupReport
	// Bucket is the ID of the bucket of the customer's that was looked at; "": the zone's
	// place was. Of what is elsewhere it says nothing.
	Bucket   string          `json:"bucket,omitempty"`
	Attempts []BackupAttempt `json:"attempts,omitempty"`
}

// BackupAttempt is a backup that is being taken, or could not be.
type BackupAttempt struct {
	driver.BackupOrder
	// Problem is why it failed the last time, in plain words; empty: it is under way.
	Problem string `json:"problem,omitempty"`
	// GivenUp says that it is not tried again.
	GivenUp bool `json:"givenUp,omitempty"`
}

// DrillFact is what is true of a restore drill: that it has begun, or what came of
// it. What it made is removed by then.
type DrillFact struct {
	DrillOrder
	// StartedAt and FinishedAt are by Souk's clock; the latter is zero while it
	// goes on.
	StartedAt  time.Time `json:"startedAt"`
	FinishedAt time.Time `json:"finishedAt,omitzero"`
	// Problem says in plain words why it failed; empty: it passed, or goes on.
	Problem string `json:"problem,omitempty"`
	// Measured is what was found; nil where nothing was restored.
	Measured *DrillMeasured `json:"measured,omitempty"`
}

// DrillMeasured is what a drill found. Durations are in milliseconds.
type DrillMeasured struct {
	driver.Examination
	// RestoreMillis is from the order to restore until the engine answered.
	RestoreMillis int64 `json:"restoreMillis"`
	// PointInTime says that changes after the backup were restored as well.
	PointInTime bool `json:"pointInTime"`
	// LossMillis is by how much the newest canary that was put away when the drill
	// began is older than the newest that there was then.
	LossMillis int64 `json:"lossMillis"`
	// Newest is the newest canary at the time, Restored the newest of those that were
	// put away by then and restored; the values stay in the zone.
	Newest   time.Time `json:"newest"`
	Restored time.Time `json:"restored"`
	// Canaries is how many were compared, Digest the SHA-256 over them.
	Canaries int    `json:"canaries"`
	Digest   string `json:"digest"`
}

// MaxFacts is how many facts a batch may hold.
const MaxFacts = 500

// FactBatch is a run of facts in ascending order of Sequence, at most MaxFacts.
type FactBatch struct {
	Epoch int64  `json:"epoch"`
	Facts []Fact `json:"facts"`
}

// UnmarshalJSON refuses a batch of too many facts before it decodes any: empty
// ones take a hundred times their bytes in memory.
func (b *FactBatch) UnmarshalJSON(text []byte) error {
	var raw struct {
		Epoch int64             `json:"epoch"`
		Facts []json.RawMessage `json:"facts"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	if len(raw.Facts) > MaxFacts {
		return fmt.Errorf("%d facts in one batch; at most %d are taken", len(raw.Facts), MaxFacts)
	}
	b.Epoch, b.Facts = raw.Epoch, make([]Fact, len(raw.Facts))
	for i, fact := range raw.Facts {
		if err := json.Unmarshal(fact, &b.Facts[i]); err != nil {
			return err
		}
	}
	return nil
}

// FactReceipt acknowledges all facts up to and including Acknowledged; the
// agent then forgets them. A fact that came before is acknowledged again.
type FactReceipt struct {
	Acknowledged uint64 `json:"acknowledged"`
}

// MetricsReceipt says how many samples were kept, and how many never will be: of
// instances that are not the zone's, too old, misnamed, or too many.
type MetricsReceipt struct {
	Accepted int `json:"accepted"`
	SetAside int `json:"setAside"`
}

// Request asks the zone for something now, through the agent's own stream.
type Request struct {
	ID     string       `json:"id"`
	Cancel bool         `json:"cancel,omitempty"` // the asker has gone
	Logs   *LogsRequest `json:"logs,omitempty"`
	// ExpireBackup destroys a backup; it is done once the response says so.
	ExpireBackup *ExpireRequest `json:"expireBackup,omitempty"`
	// TryBucket writes, reads and deletes a small object in a bucket of a customer's.
	TryBucket *driver.BackupPlace `json:"tryBucket,omitempty"`
}

// ExpireRequest names a backup to destroy.
type ExpireRequest struct {
	Of   driver.BackupSource `json:"of"`
	ID   string              `json:"id"`
	Last bool                `json:"last,omitempty"` // with it, all that is kept of the instance
}

// LogsRequest asks for an instance's log lines.
type LogsRequest struct {
	InstanceID string            `json:"instanceID"`
	Options    driver.LogOptions `json:"options"`
}

// Response answers a Request, in any number of lines; the one with Done ends it.
type Response struct {
	ID    string `json:"id"`
	Data  []byte `json:"data,omitempty"`
	Error string `json:"error,omitempty"` // plain words
	Code  string `json:"code,omitempty"`  // "not-found", the field of a bucket that is wrong, or empty
	Done  bool   `json:"done,omitempty"`
}
