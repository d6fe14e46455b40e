package api

import "time"

// Stuck is an instance that has not been where it should be for too long.
type Stuck struct {
	Instance         Instance  `json:"instance"`
	Since            time.Time `json:"since"`
	ToleratedSeconds int64     `json:"toleratedSeconds" doc:"How long this phase is taken to be in order"`
	Cause            string    `json:"cause" enum:"zone-new,zone-away,customer,capacity,blocked,failed,slow"`
	Actor            string    `json:"actor" enum:"customer,operator,provider" doc:"Who has to act; provider: that of the zone"`
	Message          string    `json:"message" doc:"In plain words"`
}

// OperatorZone is a zone with what only the operator's staff see of it.
type OperatorZone struct {
	Zone      Zone       `json:"zone"`
	Agent     *ZoneAgent `json:"agent,omitempty" doc:"Absent: none was ever enrolled"`
	Offerings []Offering `json:"offerings" nullable:"false" doc:"Without prices"`
}

// ZoneAgent is what acts in a zone.
type ZoneAgent struct {
	Version          string       `json:"version,omitempty"`
	Epoch            int64        `json:"epoch" doc:"Raised with each enrolment"`
	EnrolledAt       time.Time    `json:"enrolledAt"`
	LastSeenAt       *time.Time   `json:"lastSeenAt,omitempty" doc:"By Souk's clock"`
	SilentSeconds    int64        `json:"silentSeconds" doc:"By the machine's clock"`
	CertificateUntil time.Time    `json:"certificateUntil"`
	Revoked          bool         `json:"revoked,omitempty"`
	RevokedAt        *time.Time   `json:"revokedAt,omitempty"`
	RevokedReason    string       `json:"revokedReason,omitempty"`
	Engines          []ZoneEngine `json:"engines" nullable:"false"`
}

// ZoneEngine is what an agent can run.
type ZoneEngine struct {
	Service string `json:"service"`
	Version string `json:"version"`
}

// OperatorOrganization is one of the organizations as the operator lists them.
type OperatorOrganization struct {
	Organization Organization `json:"organization"`
	Instances    int64        `json:"instances" doc:"Those that count against its quota"`
}

// Customer is an organization with what the operator's staff see of it.
type Customer struct {
	Organization Organization `json:"organization"`
	Quota        QuotaUse     `json:"quota"`
	Cost         Cost         `json:"cost"`
	Projects     []Project    `json:"projects" nullable:"false"`
	Members      []Member     `json:"members" nullable:"false"`
}

// ViewStart is the body of POST /api/v1/operator/organizations/{org}/view.
type ViewStart struct {
	Reason string `json:"reason" maxLength:"2000" doc:"The organization reads it in its audit log"`
}

// View is the operator's staff looking as an organization does, without changing
// anything. A request that is to be made so carries its ID in the header
// Souk-View.
type View struct {
	ID           string    `json:"id"`
	Organization string    `json:"organization"`
	Actor        string    `json:"actor"`
	Reason       string    `json:"reason"`
	StartedAt    time.Time `json:"startedAt"`
	EndsAt       time.Time `json:"endsAt"`
}
