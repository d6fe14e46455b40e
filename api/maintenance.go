package api

import "time"

// MaintenanceSpec is the weekly window of an instance. What is absent takes its
// default.
type MaintenanceSpec struct {
	Day      string `json:"day,omitempty" enum:"monday,tuesday,wednesday,thursday,friday,saturday,sunday" doc:"Default: sunday"`
	At       string `json:"at,omitempty" example:"03:00" doc:"When it begins, by the clock on the wall of timeZone. Default: 03:00"`
	Minutes  int    `json:"minutes,omitempty" doc:"How long it lasts: 30 to 720. Default: 120"`
	TimeZone string `json:"timeZone,omitempty" example:"Europe/Zurich" doc:"IANA name. Default: the organization's"`
}

// Maintenance is one planned piece of work on an instance, and what became of it.
type Maintenance struct {
	ID           string     `json:"id"`
	Project      string     `json:"project"`
	Instance     string     `json:"instance" doc:"Its name"`
	Kind         string     `json:"kind" enum:"change,restart" doc:"change: of the spec, put off to the window; restart: of its servers, planned by the operator, or by Souk for a newer minor version of the engine"`
	Title        string     `json:"title"`
	Version      string     `json:"version,omitempty" doc:"Of the engine, for which the servers restart; absent: for something else"`
	Effect       string     `json:"effect,omitempty" doc:"What it interrupts, and for how long; absent: nothing"`
	State        string     `json:"state" enum:"planned,running,completed,failed,cancelled"`
	Urgent       bool       `json:"urgent" doc:"By the operator, at short notice; it cannot be put off"`
	PlannedBy    string     `json:"plannedBy"`
	From         time.Time  `json:"from" doc:"It begins between from and until"`
	Until        time.Time  `json:"until"`
	FirstFrom    time.Time  `json:"firstFrom" doc:"When it was planned for at first"`
	Deferrals    int        `json:"deferrals" doc:"How often it was put off"`
	DeferUntil   *time.Time `json:"deferUntil,omitempty" doc:"Up to when it can be put off; absent: it cannot"`
	ApprovedBy   string     `json:"approvedBy,omitempty"`
	ApprovedAt   *time.Time `json:"approvedAt,omitempty"`
	CreatedAt    time.Time  `json:"createdAt"`
	BeganAt      *time.Time `json:"beganAt,omitempty"`
	EndedAt      *time.Time `json:"endedAt,omitempty"`
	Interruption *float64   `json:"interruptionSeconds,omitempty" doc:"For how long its clients had no server, as the zone measured it; absent: it was not measured"`
	Changes      []Change   `json:"changes" nullable:"false"`
	Message      string     `json:"message,omitempty" doc:"What became of it, in plain words"`
}

// MaintenanceDefer is the body of POST …/maintenance/{id}/defer.
type MaintenanceDefer struct {
	NotBefore *time.Time `json:"notBefore,omitempty" doc:"To the first window after this. Default: to the one after that which it is planned for"`
}

// MaintenancePlan is the body of POST /operator/maintenance: a restart of one instance's
// servers, or of all that run in a zone.
type MaintenancePlan struct {
	Instance  string     `json:"instance,omitempty" format:"uuid" doc:"ID of the instance; or else say a zone"`
	Zone      string     `json:"zone,omitempty" doc:"Each instance that runs in this zone"`
	Service   string     `json:"service,omitempty" doc:"Only those of this service; beside a zone"`
	Reason    string     `json:"reason" minLength:"3" maxLength:"200" doc:"What for, in the words that its people are told"`
	NotBefore *time.Time `json:"notBefore,omitempty" doc:"In the first window after this, and at least seven days from now. Urgent: at this time. Default: as early as that allows"`
	Urgent    bool       `json:"urgent,omitempty" doc:"Outside of the window, at a notice of at least an hour. It cannot be put off"`
}

// MaintenancePlanned is what the operator has planned at a time.
type MaintenancePlanned struct {
	At      time.Time            `json:"at"`
	Planned bool                 `json:"planned" doc:"false: asked for with dryRun=true, nothing was planned"`
	Items   []PlannedRestart     `json:"items" nullable:"false"`
	LeftOut []MaintenanceLeftOut `json:"leftOut" nullable:"false" doc:"Instances of the zone that are not restarted by this"`
}

// PlannedRestart is a restart of one instance's servers, in its own window.
type PlannedRestart struct {
	ID           string    `json:"id,omitempty" doc:"Of the maintenance; absent with dryRun=true"`
	Organization string    `json:"organization"`
	Project      string    `json:"project"`
	Instance     string    `json:"instance" doc:"Its name"`
	InstanceID   string    `json:"instanceID"`
	Service      string    `json:"service"`
	Effect       string    `json:"effect" doc:"What it interrupts, and for how long"`
	From         time.Time `json:"from" doc:"It begins between from and until"`
	Until        time.Time `json:"until"`
}

// OperatorMaintenance is a restart of an instance's servers, as the operator sees it.
type OperatorMaintenance struct {
	Maintenance
	Organization string `json:"organization"`
	InstanceID   string `json:"instanceID"`
	Service      string `json:"service"`
	Zone         string `json:"zone"`
	Withdrawable bool   `json:"withdrawable" doc:"The operator planned it, and it has not begun: it can be taken back"`
}

// MaintenanceWithdrawal is the body of POST /operator/maintenance/withdraw.
type MaintenanceWithdrawal struct {
	IDs    []string `json:"ids" minItems:"1" maxItems:"2000" doc:"Of restarts that the operator has planned"`
	Reason string   `json:"reason" minLength:"3" maxLength:"200" doc:"Why, in the words that their people are told"`
}

// MaintenanceWithdrawn is what came of it.
type MaintenanceWithdrawn struct {
	At        time.Time             `json:"at"`
	Withdrawn []OperatorMaintenance `json:"withdrawn" nullable:"false"`
	Left      []OperatorMaintenance `json:"left" nullable:"false" doc:"Those that had begun or ended before"`
}

// MaintenanceLeftOut is an instance of a zone whose restart is not planned.
type MaintenanceLeftOut struct {
	Organization string     `json:"organization"`
	Project      string     `json:"project"`
	Instance     string     `json:"instance" doc:"Its name"`
	InstanceID   string     `json:"instanceID"`
	Reason       string     `json:"reason" enum:"suspended,not-ready,planned" doc:"suspended: its servers start anew when it is resumed; not-ready: it has not been ready yet; planned: a restart of it is planned already, or under way"`
	PlannedFor   *time.Time `json:"plannedFor,omitempty" doc:"When, where one is planned"`
}
