package api

import "time"

// How far something is proven by a conformance run.
const (
	ProofPassed     = "passed"
	ProofFailed     = "failed"
	ProofNotProven  = "not-proven"
	ProofExpired    = "expired"     // it passed, too long ago or in another revision
	ProofNotOffered = "not-offered" // the service says that it does not have it, and why
)

// Proof is what a conformance run found of one capability.
type Proof struct {
	Capability string   `json:"capability" maxLength:"63" example:"provisioning"`
	State      string   `json:"state" enum:"passed,failed,not-proven,not-offered"`
	Reason     string   `json:"reason,omitempty" maxLength:"1000" doc:"Why it is not passed"`
	Evidence   []string `json:"evidence" maxItems:"100" nullable:"false" doc:"What was done and what it showed, with figures"`
	Seconds    float64  `json:"seconds" minimum:"0" doc:"How long it took"`
	// Alerts are those of which the capability alerting provoked what they are about.
	Alerts []AlertProof `json:"alerts,omitempty" maxItems:"50" doc:"Which alerts were provoked; of the capability alerting"`
	// Upgraded is of the capability maintenance.
	Upgraded string `json:"upgraded,omitempty" maxLength:"120" example:"15.13 to 15.14" doc:"From which version of the engine to which it was taken; of the capability maintenance"`
}

// AlertProof is what became of one alert whose condition was provoked.
type AlertProof struct {
	Alert           string   `json:"alert" maxLength:"63" example:"connections-high"`
	State           string   `json:"state" enum:"passed,failed"`
	Reason          string   `json:"reason,omitempty" maxLength:"1000" doc:"Why it is not passed"`
	Runbook         string   `json:"runbook,omitempty" maxLength:"63" doc:"That was followed"`
	Commands        []string `json:"commands,omitempty" maxItems:"20" doc:"Of the runbook, as they were carried out"`
	FiringSeconds   float64  `json:"firingSeconds,omitempty" minimum:"0" doc:"After the fault began, until a webhook was told"`
	ResolvedSeconds float64  `json:"resolvedSeconds,omitempty" minimum:"0" doc:"After the fault began, until it was told that it is over"`
}

// ConformanceReport is what a conformance run tells of itself: the body of POST
// …/conformance.
type ConformanceReport struct {
	Service   string    `json:"service" maxLength:"63"`
	Zone      string    `json:"zone" maxLength:"63"`
	Runner    string    `json:"runner" maxLength:"120" doc:"Version of the program that ran it"`
	Instances []string  `json:"instances" minItems:"1" maxItems:"50" nullable:"false" doc:"IDs of the instances that it ordered"`
	StartedAt time.Time `json:"startedAt"`
	EndedAt   time.Time `json:"endedAt"`
	Proofs    []Proof   `json:"proofs" minItems:"1" maxItems:"50" nullable:"false"`
}

// Conformance is the result of a conformance run as it is kept; it is never changed.
type Conformance struct {
	ID              string    `json:"id"`
	Service         string    `json:"service"`
	Zone            string    `json:"zone"`
	Driver          string    `json:"driver" doc:"Of the zone"`
	RunBy           string    `json:"runBy" doc:"Organization that ran it"`
	PackageRevision int       `json:"packageRevision"`
	EngineVersions  []string  `json:"engineVersions" nullable:"false" doc:"That the zone had"`
	Souk            string    `json:"souk" doc:"Version of the control plane"`
	Runner          string    `json:"runner" doc:"Version of the program that ran it"`
	Instances       []string  `json:"instances" nullable:"false"`
	StartedAt       time.Time `json:"startedAt" doc:"By the clock of whoever ran it"`
	EndedAt         time.Time `json:"endedAt"`
	RecordedAt      time.Time `json:"recordedAt"`
	ExpiresAt       time.Time `json:"expiresAt" doc:"From then on nothing is proven by it; nor from another revision of the package on"`
	Proofs          []Proof   `json:"proofs" nullable:"false" doc:"Those that the service says it does not have too, with its reason"`
}

// SignedConformance is a result with the control plane's signature.
type SignedConformance struct {
	Result Conformance `json:"result"`
	JWS    string      `json:"jws" doc:"The result, signed (compact serialization, Ed25519); the keys are at /.well-known/jwks.json"`
}

// ServiceMaturity is what is proven of a service in one zone.
type ServiceMaturity struct {
	Zone       string              `json:"zone"`
	Driver     string              `json:"driver"`
	Iterations []MaturityIteration `json:"iterations" nullable:"false"`
}

// MaturityIteration is one step of a service's maturity, computed from the newest
// results of conformance runs.
type MaturityIteration struct {
	Name       string               `json:"name" example:"backup"`
	State      string               `json:"state" enum:"passed,failed,not-proven,expired,not-offered"`
	ProvenAt   *time.Time           `json:"provenAt,omitempty" doc:"The oldest of the proofs that count"`
	ExpiresAt  *time.Time           `json:"expiresAt,omitempty" doc:"When the first of them expires"`
	Proofs     []MaturityCapability `json:"proofs" nullable:"false"`
	Deviations []Capability         `json:"deviations,omitempty" doc:"What the service does not have of it, with its reason"`
	Checks     []ReadinessCheck     `json:"checks,omitempty" doc:"Of the iteration stable: what makes the service fit for production"`
}

// MaturityCapability is what is proven of one capability.
type MaturityCapability struct {
	Capability string `json:"capability"`
	State      string `json:"state" enum:"passed,failed,not-proven,expired,not-offered"`
	Reason     string `json:"reason,omitempty"`
	Result     string `json:"result,omitempty" doc:"ID of the conformance result that shows it"`
}
