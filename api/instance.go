package api

import "time"

// Phase is where an instance is in its life; it is the same for every service.
type Phase string

// The phases. Whether a zone can be reached is a condition, never a phase.
const (
	PhasePending      Phase = "Pending"
	PhaseProvisioning Phase = "Provisioning"
	PhaseReady        Phase = "Ready"
	PhaseUpdating     Phase = "Updating"
	PhaseDegraded     Phase = "Degraded"
	PhaseMaintaining  Phase = "Maintaining"
	PhaseSuspended    Phase = "Suspended"
	PhaseDeleting     Phase = "Deleting"
	PhaseDeleted      Phase = "Deleted" // restorable until purgeAt; the name is kept
	PhasePurged       Phase = "Purged"
	PhaseFailed       Phase = "Failed"
)

// Instance is one ordered service.
type Instance struct {
	Metadata Metadata       `json:"metadata"`
	Spec     InstanceSpec   `json:"spec"`
	Status   InstanceStatus `json:"status"`
}

// InstanceSpec is what the customer wants. In a PUT, what is absent takes its
// default.
type InstanceSpec struct {
	Service         string         `json:"service" doc:"What is ordered; cannot change" example:"postgresql"`
	Zone            string         `json:"zone,omitempty" doc:"Where it runs; cannot change. Default: the oldest zone that offers the service"`
	Plan            string         `json:"plan,omitempty" doc:"Its size. Default: the cheapest plan"`
	ServiceLevel    string         `json:"serviceLevel,omitempty" doc:"best-effort or guaranteed; cannot change yet. Default: best-effort"`
	DisplayName     string         `json:"displayName,omitempty" maxLength:"120"`
	StorageGiB      int64          `json:"storageGiB,omitempty" doc:"Can grow, not shrink. Default: what the plan includes at least"`
	Parameters      map[string]any `json:"parameters,omitempty" doc:"Settings of the service, as its package lists them"`
	AllowedNetworks []string       `json:"allowedNetworks,omitzero" doc:"CIDRs that may connect. Default: everywhere (0.0.0.0/0 and ::/0); an empty list: nobody" nullable:"true"`
	Protected       *bool          `json:"protected,omitempty" doc:"Deletion protection. Default: true"`
	Suspendable     bool           `json:"suspendable,omitempty" doc:"A budget that is used up may suspend it until it is raised or the month ends. Default: false"`
	Backup          *BackupSpec    `json:"backup,omitempty" doc:"Default: every night, where the zone can keep backups"`
	// Logs says for how long its log is kept.
	Logs *LogsSpec `json:"logs,omitempty" doc:"For how long its log is kept. Default: 7 days"`
	// Maintenance is when it may be interrupted for planned work.
	Maintenance *MaintenanceSpec `json:"maintenance,omitempty" doc:"When it may be interrupted for planned work. Default: Sundays 03:00 to 05:00"`
}

// LogsSpec says for how long the log of an instance is kept.
type LogsSpec struct {
	RetentionDays int `json:"retentionDays,omitempty" doc:"1 to 90. Default: 7"`
}

// InstanceStatus is what is true of the instance.
type InstanceStatus struct {
	Phase              Phase             `json:"phase"`
	Message            string            `json:"message,omitempty" doc:"In plain words"`
	BlockedBy          string            `json:"blockedBy,omitempty" doc:"Who has to act before this can go on: you, operator, capacity"`
	ObservedGeneration int64             `json:"observedGeneration" doc:"The generation that is in force; equal to metadata.generation when nothing is under way"`
	Conditions         []Condition       `json:"conditions,omitempty"`
	Endpoint           *Endpoint         `json:"endpoint,omitempty"`
	Version            string            `json:"version,omitempty" doc:"Of the engine that runs, as it says itself; absent: the zone does not tell"`
	AppliedPlan        string            `json:"appliedPlan,omitempty"`
	AppliedStorageGiB  int64             `json:"appliedStorageGiB,omitempty"`
	StorageUsedBytes   int64             `json:"storageUsedBytes,omitempty"`
	Driver             string            `json:"driver,omitempty" doc:"Of the zone: process, kubernetes, simulated"`
	Members            []InstanceMember  `json:"members,omitempty" doc:"The servers that it is made of, where there are several"`
	SuspendedFor       []string          `json:"suspendedFor,omitempty" doc:"Reasons: user, budget, dunning, abuse"`
	DeletedAt          *time.Time        `json:"deletedAt,omitempty"`
	PurgeAt            *time.Time        `json:"purgeAt,omitempty" doc:"Until then undelete brings it back with its data"`
	Revisions          InstanceRevisions `json:"revisions"`
}

// InstanceRevisions are the immutable revisions that the instance is pinned to.
type InstanceRevisions struct {
	Package   int `json:"package"`
	Plan      int `json:"plan"`
	PriceList int `json:"priceList"`
	Offering  int `json:"offering"`
}

// InstanceMember is one server of an instance.
type InstanceMember struct {
	Name          string `json:"name"`
	Role          string `json:"role" doc:"primary or replica"`
	Ready         bool   `json:"ready"`
	FailureDomain string `json:"failureDomain,omitempty" doc:"In which it runs"`
}

// Condition is one named aspect of an object.
type Condition struct {
	Type               string    `json:"type" example:"ZoneReachable"`
	Status             bool      `json:"status"`
	Reason             string    `json:"reason,omitempty"`
	Message            string    `json:"message,omitempty"`
	LastTransitionTime time.Time `json:"lastTransitionTime,omitzero"`
}

// Endpoint is where clients reach an instance.
type Endpoint struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Database string `json:"database,omitempty"`
	CA       string `json:"ca" doc:"PEM; verify the server by it"`
	ReadHost string `json:"readHost,omitempty" doc:"where replicas answer, which only read and may be a moment behind; absent where there are none"`
	ReadPort int    `json:"readPort,omitempty"`
}

// InstanceOrder is the body of POST …/instances.
type InstanceOrder struct {
	Metadata struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels,omitempty"`
	} `json:"metadata"`
	Spec InstanceSpec `json:"spec"`
	// RestoreFrom makes the instance of a backup instead of empty.
	RestoreFrom *RestoreFrom `json:"restoreFrom,omitempty" doc:"Make it of a backup"`
	// AcceptedPriceList is the revision whose prices were shown to whoever orders.
	AcceptedPriceList int `json:"acceptedPriceList,omitempty" doc:"The price list revision that was shown; refused with 409 when prices have changed since. Default: the current one"`
}

// InstancePut is the body of PUT …/instances/{name}: the full spec; what is
// absent takes its default. Where no such instance exists one is ordered.
type InstancePut struct {
	Metadata struct {
		Labels map[string]string `json:"labels,omitempty"`
	} `json:"metadata,omitempty"`
	Spec              InstanceSpec `json:"spec"`
	AcceptedPriceList int          `json:"acceptedPriceList,omitempty"`
}

// Preview is what a request would do, asked for with ?dryRun=true.
type Preview struct {
	Action  string   `json:"action" enum:"create,update,none"`
	Changes []Change `json:"changes" nullable:"false"`
	Cost    CostDiff `json:"cost"`
	// Effects that the user should know of, such as a restart.
	Effects []string `json:"effects,omitempty"`
	// Budgets are those that this counts for, where they are known.
	Budgets   []BudgetEffect `json:"budgets,omitempty" doc:"What it does to the budgets that it counts for"`
	PriceList int            `json:"priceList" doc:"Revision of the prices shown; pass it as acceptedPriceList"`
}

// Change is one field that would change.
type Change struct {
	Field string `json:"field" example:"spec.plan"`
	From  any    `json:"from,omitempty"`
	To    any    `json:"to,omitempty"`
}

// CostDiff compares prices before and after. Before is absent for an order.
type CostDiff struct {
	Before     *Price `json:"before,omitempty"`
	After      Price  `json:"after"`
	HourDelta  Money  `json:"hourDelta"`
	MonthDelta Money  `json:"monthDelta"`
}

// Price of running an instance. Monthly figures are those of the current
// calendar month in the billing account's time zone.
type Price struct {
	Hour  Money       `json:"hour"`
	Month Money       `json:"month"`
	Items []PriceItem `json:"items" nullable:"false"`
	ByUse []UnitPrice `json:"byUse,omitempty" doc:"Of what is measured, and is in no figure here"`
	Once  []UnitPrice `json:"once,omitempty" doc:"Of what is charged once, and is in no figure here"`
	Rules []UnitPrice `json:"rules,omitempty" doc:"In full, of the items that have tiers or a minimum"`
}

// UnitPrice is what one unit of something costs.
type UnitPrice struct {
	Item    string     `json:"item" example:"backup-storage"`
	Unit    string     `json:"unit" example:"GiB-month" doc:"GiB-hour, GiB-month, once, or that of a meter"`
	Price   Money      `json:"price" doc:"For one unit; in tiers that of the first"`
	Mode    string     `json:"mode,omitempty" doc:"graduated or volume, where there are tiers"`
	Tiers   []UnitTier `json:"tiers,omitempty"`
	Minimum *Money     `json:"minimum,omitempty" doc:"In a month, at least"`
}

// UnitTier is what one unit costs up to so many.
type UnitTier struct {
	UpTo  int64 `json:"upTo,omitempty" doc:"Absent in the last one"`
	Price Money `json:"price"`
}

// PriceItem is one priced part.
type PriceItem struct {
	Item     string `json:"item" example:"compute"`
	Of       string `json:"of,omitempty" doc:"That a minimum is for"`
	Tier     int    `json:"tier,omitempty" doc:"That it lies in, from 1 on"`
	Quantity string `json:"quantity" example:"1"`
	Unit     string `json:"unit" example:"hour" doc:"hour, month, GiB-hour or GiB-month"`
	Price    Money  `json:"price" doc:"For one unit"`
	Month    Money  `json:"month"`
}

// Cost is what something has cost so far this month.
type Cost struct {
	Month    string     `json:"month" example:"2026-11"`
	TimeZone string     `json:"timeZone" example:"Europe/Zurich"`
	Until    time.Time  `json:"until"`
	Total    Money      `json:"total"`
	Lines    []CostLine `json:"lines" nullable:"false"`
	// Coming are other prices that an instance will have.
	Coming []ComingPrice `json:"coming,omitempty" doc:"Of an instance: prices that are published and will hold for it, in the order of time"`
}

// ComingPrice is what an instance will cost from a moment on.
type ComingPrice struct {
	From      time.Time `json:"from"`
	PriceList int       `json:"priceList" doc:"Revision of its price list"`
	Price     Price     `json:"price"`
}

// CostSummary is what an organization or a project has cost so far this month,
// from several sides, each of which adds up to the total.
type CostSummary struct {
	Month     string      `json:"month" example:"2026-11"`
	TimeZone  string      `json:"timeZone" example:"Europe/Zurich"`
	Until     time.Time   `json:"until"`
	Total     Money       `json:"total"`
	Lines     int         `json:"lines" doc:"How many lines the whole account of it has"`
	Services  []CostShare `json:"services" nullable:"false" doc:"The largest first"`
	Projects  []CostShare `json:"projects" nullable:"false"`
	Instances []CostShare `json:"instances" nullable:"false" doc:"The 50 that cost most"`
	Days      []CostDay   `json:"days,omitempty" doc:"Absent where there is too much of it"`
}

// CostShare is what a part has cost.
type CostShare struct {
	Project string `json:"project,omitempty" doc:"Of an instance"`
	Name    string `json:"name"`
	Gone    bool   `json:"gone,omitempty" doc:"Of an instance: it was removed for good, and nothing but backups can be left of it"`
	// Discount is of all parts together, so that it is none of them.
	Discount bool  `json:"discount,omitempty" doc:"All discounts, which are of no part"`
	Amount   Money `json:"amount"`
}

// CostDay is by how much a calendar day, in the billing account's time zone, has
// let the total grow.
type CostDay struct {
	Date   string `json:"date" format:"date"`
	Amount Money  `json:"amount"`
}

// CostLine is one line as it would stand on the invoice.
type CostLine struct {
	Key      string `json:"key" doc:"By which it can be opened: see cost/lines. Of a discount: absent, its text says all"`
	Project  string `json:"project"`
	Instance string `json:"instance"`
	Service  string `json:"service"`
	Plan     string `json:"plan,omitempty"`
	Item     string `json:"item"`
	Of       string `json:"of,omitempty" doc:"That a minimum is for"`
	Tier     int    `json:"tier,omitempty" doc:"That it lies in, from 1 on"`
	Quantity string `json:"quantity" doc:"In units: hours, or share of the month times GiB"`
	Unit     string `json:"unit"`
	Seconds  string `json:"seconds" doc:"Billed time"`
	Price    Money  `json:"price"`
	Amount   Money  `json:"amount"`
	// Agreement is what a discount is by.
	Agreement *CostAgreement `json:"agreement,omitempty" doc:"Of a discount, which is of no instance"`
}

// CostAgreement is what a discount is by.
type CostAgreement struct {
	ID      string `json:"id"`
	Name    string `json:"name" example:"Partner 2027"`
	Kind    string `json:"kind" enum:"percent,amount,volume"`
	Percent string `json:"percent,omitempty" example:"12.5"`
	Of      Money  `json:"of" doc:"What was left to be reduced by it"`
}

// Event is one entry of an instance's timeline.
type Event struct {
	At      time.Time `json:"at"`
	Kind    string    `json:"kind" example:"phase"`
	Actor   string    `json:"actor,omitempty"`
	Message string    `json:"message"`
}

// SuspendRequest is the body of POST …/suspend and …/resume.
type SuspendRequest struct {
	Reason string `json:"reason,omitempty" enum:"user,budget,dunning,abuse" doc:"Default: user; others only for the operator"`
}

// Binding is one set of credentials to an instance.
type Binding struct {
	Metadata  Metadata   `json:"metadata"`
	Instance  string     `json:"instance"`
	Login     string     `json:"login" doc:"The current log-in"`
	Phase     string     `json:"phase" enum:"Pending,Ready,Rotating,Revoked"`
	RotatedAt *time.Time `json:"rotatedAt,omitempty"`
	// OldUntil: after a rotation the log-in before still works until then.
	OldUntil  *time.Time `json:"oldUntil,omitempty"`
	RevokedAt *time.Time `json:"revokedAt,omitempty"`
}

// BindingCreate is the body of POST …/bindings.
type BindingCreate struct {
	Name string `json:"name" example:"reporting"`
}

// BindingRotate is the body of POST …/bindings/{binding}/rotate.
type BindingRotate struct {
	OverlapSeconds *int64 `json:"overlapSeconds,omitempty" minimum:"0" maximum:"604800" doc:"How long the old log-in goes on working. Default: 3600"`
}

// Credentials are revealed on request; the reveal is audited.
type Credentials struct {
	Service  string            `json:"service"`
	Instance string            `json:"instance"`
	Binding  string            `json:"binding"`
	Endpoint Endpoint          `json:"endpoint"`
	Login    string            `json:"login"`
	Password string            `json:"password"`
	URI      string            `json:"uri" doc:"With the password; the CA has to be given beside it"`
	Env      map[string]string `json:"env" doc:"The service's conventional environment variables; {{CA_FILE}} stands for the path the client writes the CA to"`
}
