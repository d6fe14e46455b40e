package api

import "time"

// IterationStable is the last step of a service's maturity: that it is fit for
// production, by checks that are evaluated.
const IterationStable = "stable"

// ReadinessCheck is one condition of the iteration stable, as it was found.
type ReadinessCheck struct {
	Name     string           `json:"name" enum:"proofs,documentation,alerts,drills,objectives,upgrade,resizes"`
	State    string           `json:"state" enum:"passed,failed,not-proven,expired,not-offered" doc:"As found; a waiver does not change it"`
	Reason   string           `json:"reason,omitempty" doc:"Why it is not passed"`
	Evidence []string         `json:"evidence" nullable:"false" doc:"What it rests on, with figures"`
	Results  []string         `json:"results,omitempty" doc:"IDs of the conformance results that it rests on"`
	Waiver   *ReadinessWaiver `json:"waiver,omitempty" doc:"The operator does without it for a time; the iteration is passed nevertheless"`
}

// Holds says whether the check does not stand in the way of the iteration.
func (c ReadinessCheck) Holds() bool {
	return c.State == ProofPassed || c.State == ProofNotOffered || c.Waiver != nil
}

// ReadinessWaiver says that the operator does without a check for a time, and why.
type ReadinessWaiver struct {
	ID        string     `json:"id"`
	Service   string     `json:"service"`
	Zone      string     `json:"zone"`
	Check     string     `json:"check"`
	Reason    string     `json:"reason" doc:"Everybody sees it"`
	WaivedBy  string     `json:"waivedBy,omitempty" doc:"Only the operator's staff see it"`
	CreatedAt time.Time  `json:"createdAt"`
	Until     time.Time  `json:"until" doc:"From then on it holds no more"`
	EndedBy   string     `json:"endedBy,omitempty" doc:"Who ended it before its time; only the operator's staff see it"`
	EndedAt   *time.Time `json:"endedAt,omitempty"`
}

// WaiverCreate is the body of POST …/waivers.
type WaiverCreate struct {
	Zone   string    `json:"zone" maxLength:"63"`
	Check  string    `json:"check" maxLength:"63" example:"upgrade"`
	Reason string    `json:"reason" minLength:"10" maxLength:"500" doc:"Everybody sees it"`
	Until  time.Time `json:"until" doc:"At most 90 days from now"`
}

// ReadinessRecord is one instance's part in a check, for the operator.
type ReadinessRecord struct {
	Check        string    `json:"check" enum:"drills,objectives"`
	State        string    `json:"state" enum:"passed,failed,not-proven"`
	Organization string    `json:"organization"`
	Project      string    `json:"project"`
	Instance     string    `json:"instance"`
	ID           string    `json:"id" doc:"Of the restore drill, or of the instance"`
	At           time.Time `json:"at"`
	Text         string    `json:"text" doc:"What was found"`
}

// ServiceReadiness is how far a service is fit for production in a zone, as the operator
// sees it.
type ServiceReadiness struct {
	Service    string            `json:"service"`
	Zone       string            `json:"zone"`
	Driver     string            `json:"driver"`
	State      string            `json:"state" enum:"passed,failed,not-proven,expired,not-offered"`
	ObservedAt *time.Time        `json:"observedAt,omitempty" doc:"When it was last looked at what is in use; it is every quarter of an hour"`
	Checks     []ReadinessCheck  `json:"checks" nullable:"false"`
	Records    []ReadinessRecord `json:"records" nullable:"false" doc:"Instances that the checks rest on: those that are not well first, at most 50"`
	Waivers    []ReadinessWaiver `json:"waivers" nullable:"false" doc:"Past ones too, newest first"`
}
