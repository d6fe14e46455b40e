package api

import "time"

// Burn is an instance that uses its error budget up too fast, as the operator sees it.
type Burn struct {
	ID            string     `json:"id"`
	InstanceID    string     `json:"instanceID"`
	Organization  string     `json:"organization"`
	Project       string     `json:"project"`
	Instance      string     `json:"instance"`
	Service       string     `json:"service"`
	Zone          string     `json:"zone"`
	ServiceLevel  string     `json:"serviceLevel"`
	Objective     string     `json:"objective" example:"99.5" doc:"In percent"`
	Pace          string     `json:"pace" enum:"fast,slow"`
	Priority      string     `json:"priority" enum:"urgent,high,normal" doc:"By pace and service level; urgent disregards quiet hours"`
	Rate          float64    `json:"rate" example:"14.4" doc:"As known last: times the rate at which a month's budget lasts a month"`
	WindowSeconds int64      `json:"windowSeconds" doc:"Within which it was down for downSeconds"`
	DownSeconds   float64    `json:"downSeconds"`
	Since         time.Time  `json:"since"`
	NoDataSince   *time.Time `json:"noDataSince,omitempty" doc:"It was down when it was measured last, then. It stays as it was"`
	EndedAt       *time.Time `json:"endedAt,omitempty"`
	Resolution    string     `json:"resolution,omitempty" enum:"over,ended" doc:"ended: the instance is not to serve any more"`
}
