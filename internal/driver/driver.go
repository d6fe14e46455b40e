// Package driver defines what an agent needs of the technology that a zone
// runs instances on: a process supervisor, a Kubernetes cluster, a cloud.
//
// Every method is level-triggered: it looks at what is wanted and at what is,
// and takes the steps between. It may be killed at any instant and called again
// with the same arguments; it then finishes what was begun. A driver never
// deletes because something was absent from an answer: only Remove deletes.
package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Driver runs instances of services in one zone. All methods are safe for
// concurrent use; calls for one instance are made one at a time.
type Driver interface {
	// Info says what the zone can do. It is cheap and may be called often.
	Info(ctx context.Context) (Info, error)

	// Ensure makes the instance run as wanted and returns what is then true.
	// It is idempotent, and with nothing to do it changes nothing and costs
	// little. While the instance is not yet as wanted but progressing by
	// itself, it returns an Observation that says so and no error.
	//
	// It returns ErrDataLost when want.HeldData is set and the data is not
	// there: lost data is reported, never recreated empty. A BlockedError says
	// in plain words what somebody has to do first. Any other error is
	// temporary: call again.
	Ensure(ctx context.Context, want Instance) (Observation, error)

	// Stop ends the instance's processes and keeps its data, its address and
	// its log-ins. It is idempotent; stopping what does not exist is no error.
	Stop(ctx context.Context, want Instance) (Observation, error)

	// Remove destroys the instance and its data. It is idempotent: retry until
	// it returns nil, and nothing of the instance is left.
	Remove(ctx context.Context, instanceID string) error

	// Observe returns what is true of the instance now, or ErrNotFound.
	Observe(ctx context.Context, instanceID string) (Observation, error)

	// List returns the IDs of all instances of which anything exists here.
	List(ctx context.Context) ([]string, error)

	// Logs returns the instance's log lines, oldest first; the caller closes
	// the reader. With Follow it goes on until ctx ends. ErrNotFound when the
	// instance does not exist.
	Logs(ctx context.Context, instanceID string, opt LogOptions) (io.ReadCloser, error)

	// Events yields the ID of an instance whose state changed by itself (it
	// crashed, its disk filled up). One channel for the driver's life.
	Events() <-chan string
}

// Guaranteed is the service level that survives the loss of a failure domain.
const Guaranteed = "guaranteed"

// Instance is what is wanted of one instance.
type Instance struct {
	ID           string `json:"id"`         // globally unique; a lower-case UUID
	Service      string `json:"service"`    // name of the service package, "postgresql"
	Generation   int64  `json:"generation"` // of the spec; returned in Observation.Generation once it is in force
	Plan         Plan   `json:"plan"`
	ServiceLevel string `json:"serviceLevel"` // "best-effort", or Guaranteed
	StorageGiB   int64  `json:"storageGiB"`
	// Parameters are the engine's settings by name, already checked against
	// the package's schema: string, bool, float64 or json.Number.
	Parameters map[string]any `json:"parameters,omitempty"`
	// AllowedNetworks are the CIDRs that clients may connect from. Empty means
	// nobody; "0.0.0.0/0" and "::/0" mean everybody.
	AllowedNetworks []string     `json:"allowedNetworks"`
	Credentials     []Credential `json:"credentials"`
	// HeldData is set once the control plane has seen the instance ready: its
	// data must exist from then on.
	HeldData bool `json:"heldData"`
	// Backup is set where backups of the instance are wanted.
	Backup *BackupSettings `json:"backup,omitempty"`
	// LogDays is for how many days its log is kept; 0: as long as the driver likes.
	LogDays int `json:"logDays,omitempty"`
	// Restart numbers the restarts that were asked for: with a higher one than
	// before the servers are restarted, by the newest version there is. 0: none was.
	Restart int64 `json:"restart,omitempty"`
	// Restore is what the instance is made of; nil: it is made empty. Once there
	// is data it means nothing.
	Restore *Restore `json:"restore,omitempty"`
	// Rewind has the data replaced by that of a backup of the instance's own, once
	// for each number; nil: nothing is to be.
	Rewind *Rewind `json:"rewind,omitempty"`
}

// Plan is the size of an instance.
type Plan struct {
	Name      string `json:"name"`
	Revision  int    `json:"revision"`
	CPUMillis int64  `json:"cpuMillis"` // thousandths of a core
	MemoryMiB int64  `json:"memoryMiB"`
}

// Credential is one log-in to an instance. A log-in that is not in
// Instance.Credentials any more is revoked: it can no longer connect and its
// sessions are ended, while the objects it made stay.
type Credential struct {
	ID       string `json:"id"`
	Login    string `json:"login"`
	Password string `json:"password"`
}

// State is what a driver observes of an instance's engine.
type State string

// The states of an engine, as observed.
const (
	StateCreating State = "creating" // being made for the first time
	StateRunning  State = "running"  // answers its clients
	StateDegraded State = "degraded" // exists but does not serve as agreed
	StateStopped  State = "stopped"  // no process runs, data is kept
	StateFailed   State = "failed"   // cannot run until somebody acts
	StateGone     State = "gone"     // removed; nothing is left
)

// Observation is what is true of an instance at one moment.
type Observation struct {
	State State `json:"state"`
	// Generation that is in force: that of the last Ensure or Stop that was
	// carried out in full; 0 before the first.
	Generation int64 `json:"generation"`
	// Plan and StorageGiB that are in force.
	Plan       Plan      `json:"plan"`
	StorageGiB int64     `json:"storageGiB"`
	Endpoint   *Endpoint `json:"endpoint,omitempty"`
	// Version of the engine that the running server is, "15.18"; empty: not known.
	Version string `json:"version,omitempty"`
	// StorageUsedBytes is what the data occupies, measured at MeasuredAt (real time).
	StorageUsedBytes int64     `json:"storageUsedBytes,omitempty"`
	MeasuredAt       time.Time `json:"measuredAt,omitzero"`
	Message          string    `json:"message,omitempty"`   // plain words for the user
	BlockedBy        string    `json:"blockedBy,omitempty"` // who or what has to act: "operator", "you", "capacity"
	// Conditions that are not as they should be, or worth showing:
	// StorageFull, LimitsNotEnforced, Restarting, ...
	Conditions []Condition `json:"conditions,omitempty"`
	// Interruption is the last time that clients had no server because a command
	// was carried out, where the driver measures that.
	Interruption *Interruption `json:"interruption,omitempty"`
	// Rewound is the last restore in place that is over.
	Rewound *Rewound `json:"rewound,omitempty"`
	// Members are the servers that the instance is made of, sorted by name,
	// where it is made of several.
	Members []Member `json:"members,omitempty"`
}

// Interruption is a span without a server, from when it was told to end until it
// answered again, by the machine's clock.
type Interruption struct {
	Generation int64     `json:"generation"` // of the command that it was for
	From       time.Time `json:"from"`
	Until      time.Time `json:"until"`
}

// The roles of a Member.
const (
	RolePrimary = "primary"
	RoleReplica = "replica"
)

// Member is one server of an instance.
type Member struct {
	Name          string `json:"name"`
	Role          string `json:"role"` // RolePrimary or RoleReplica
	Ready         bool   `json:"ready"`
	FailureDomain string `json:"failureDomain,omitempty"` // in which it runs
}

// Condition is one named aspect of an instance.
type Condition struct {
	Type    string `json:"type"`
	Status  bool   `json:"status"`
	Reason  string `json:"reason,omitempty"`  // CamelCase, for programs
	Message string `json:"message,omitempty"` // plain words, for people
}

// Endpoint is where clients reach the instance.
type Endpoint struct {
	Host     string `json:"host"` // a name or an IP that the certificate carries
	Port     int    `json:"port"`
	Database string `json:"database,omitempty"`
	CAPEM    string `json:"caPEM"` // certificate authority to verify the server by
	// ReadHost and ReadPort are where clients read without burdening the server that
	// they write to, and may see what was written a moment ago; empty: nowhere.
	ReadHost string `json:"readHost,omitempty"`
	ReadPort int    `json:"readPort,omitempty"`
}

// Info is what a zone can do.
type Info struct {
	Driver    string          `json:"driver"`    // "process", "kubernetes", "fake"
	Isolation string          `json:"isolation"` // "user" (own uid each) or "shared"
	Limits    string          `json:"limits"`    // "cgroup v1", "cgroup v2" or "none: REASON"
	Simulated bool            `json:"simulated,omitempty"`
	Engines   []EngineVersion `json:"engines"`
	// FailureDomains are what can fail by itself in the zone, sorted; nil where
	// the driver cannot tell: those that the zone declares count then.
	FailureDomains []string `json:"failureDomains,omitempty"`
	// SimulatedDomains says that they are one machine in truth.
	SimulatedDomains bool `json:"simulatedDomains,omitempty"`
}

// EngineVersion is an engine that this zone can run.
type EngineVersion struct {
	Service string `json:"service"`
	Version string `json:"version"`           // of the engine: "15.18"
	Problem string `json:"problem,omitempty"` // why it cannot be ordered now, in plain words
	// NoGuaranteed says in plain words why instances here cannot have guaranteed
	// availability, whatever failure domains there are, or "".
	NoGuaranteed string `json:"noGuaranteed,omitempty"`
	// Backups says that backups can be kept of it; NoBackups why not, in plain words.
	Backups   bool   `json:"backups,omitempty"`
	NoBackups string `json:"noBackups,omitempty"`
	// Snapshots says that no points in time between these backups are kept.
	Snapshots bool `json:"snapshots,omitempty"`
	// OwnBuckets says that backups can be kept in a bucket of the customer's.
	OwnBuckets bool `json:"ownBuckets,omitempty"`
	// Drills says that restore drills of these backups can be made.
	Drills bool `json:"drills,omitempty"`
	// InPlace says that these backups can be restored in place.
	InPlace bool `json:"inPlace,omitempty"`
}

// LogOptions choose log lines.
type LogOptions struct {
	Tail   int  `json:"tail,omitempty"` // the last N lines; 0 means 200
	Follow bool `json:"follow,omitempty"`
	// Only entries of that time, by the zone's clock; zero: of any.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"` // excluded
	// Grep is a text that lines contain, in whatever case.
	Grep string `json:"grep,omitempty"`
	// Level is one of LogLevels: only entries as grave as that, or graver.
	Level string `json:"level,omitempty"`
}

// Errors that callers tell apart with errors.Is and errors.As.
var (
	// ErrNotFound: the instance does not exist here.
	ErrNotFound = errors.New("instance not found in this zone")
	// ErrDataLost: the instance held data that is not there any more.
	ErrDataLost = errors.New("the instance's data is gone")
)

// BlockedError says that work cannot go on until somebody acts. The message
// reaches the user as it is.
type BlockedError struct {
	Message   string // what is wrong and what to do, in plain words
	BlockedBy string // who has to act: "operator", "you", "capacity"
	Permanent bool   // true: retrying alone cannot help; false: it may
	Err       error  // the cause, for the zone's own log
}

func (e *BlockedError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Message, e.Err)
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *BlockedError) Unwrap() error { return e.Err }
