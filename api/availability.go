package api

import "time"

// Availability says for how much of a month an instance was available, as far as it
// was measured.
type Availability struct {
	Period       string    `json:"period" example:"2026-11" doc:"Calendar month in timeZone"`
	TimeZone     string    `json:"timeZone"`
	From         time.Time `json:"from"`
	To           time.Time `json:"to" doc:"Of the period"`
	Until        time.Time `json:"until" doc:"Up to where the numbers go: the last report of the zone, now, or the end of the period"`
	ServiceLevel string    `json:"serviceLevel"`
	Description  string    `json:"description,omitempty" doc:"When the instance counts as available"`
	NotMeasured  string    `json:"notMeasured,omitempty" doc:"Why it is not measured"`
	SLAResult
	Intervals []AvailabilityInterval `json:"intervals" nullable:"false" doc:"They follow each other without a gap, from the first moment of service in the period"`
}

// SLAResult is what a time comes to.
type SLAResult struct {
	Objective    string       `json:"objective,omitempty" example:"99.9" doc:"In percent; absent: none was agreed"`
	Availability string       `json:"availability,omitempty" example:"99.9731" doc:"In percent of the time that was measured, without agreed maintenance; rounded down. Absent: nothing was measured"`
	Met          *bool        `json:"met,omitempty" doc:"Whether the objective is met; absent: it cannot be told"`
	Seconds      SLASeconds   `json:"seconds"`
	Budget       *ErrorBudget `json:"budget,omitempty"`
}

// SLASeconds are the times in each state; they add up to the time from from to until.
type SLASeconds struct {
	Up      float64 `json:"up"`
	Down    float64 `json:"down"`
	Agreed  float64 `json:"agreedMaintenance" doc:"Down while a change was carried out that was asked for"`
	NoData  float64 `json:"noData" doc:"Not measured; counts neither as up nor as down"`
	Outside float64 `json:"outsideService" doc:"Not to serve: being made, suspended, deleted"`
}

// ErrorBudget is for how long an instance may be down in the period.
type ErrorBudget struct {
	Seconds float64 `json:"seconds" doc:"In all; as if the instance served on until the period's end"`
	Left    float64 `json:"leftSeconds" doc:"Below 0: it is overdrawn"`
}

// AvailabilityInterval is a stretch of time in one state.
type AvailabilityInterval struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	State string    `json:"state" enum:"up,down,agreed-maintenance,no-data,outside-service"`
}

// ServiceSLI says how it is found out whether an instance of a service is available,
// and what is aimed at.
type ServiceSLI struct {
	Description string            `json:"description" doc:"When an instance counts as available"`
	Checks      []ServiceSLICheck `json:"checks" nullable:"false" doc:"What is tried, as clients do it"`
	Objectives  map[string]string `json:"objectives" doc:"By service level, in percent of a month's service time" example:"{\"best-effort\":\"99.5\"}"`
}

// ServiceSLICheck is one thing that is tried.
type ServiceSLICheck struct {
	Name    string `json:"name" example:"read"`
	Title   string `json:"title"`
	Every   string `json:"every" example:"1s"`
	Timeout string `json:"timeout" example:"5s" doc:"What takes longer has failed"`
}

// SLAReport says for a month how available an organization's instances were. The same
// watermark gives the same report.
type SLAReport struct {
	Organization string              `json:"organization"`
	DisplayName  string              `json:"displayName,omitempty"`
	Period       string              `json:"period" example:"2026-11" doc:"Calendar month in timeZone"`
	TimeZone     string              `json:"timeZone"`
	From         time.Time           `json:"from"`
	To           time.Time           `json:"to" doc:"Of the period"`
	Until        time.Time           `json:"until" doc:"Up to where the report goes: the watermark, or the end of the period"`
	Watermark    time.Time           `json:"watermark" doc:"What was recorded until then is in the report"`
	RulesVersion int                 `json:"rulesVersion" doc:"Of the rules by which the report is made"`
	Instances    []SLAReportInstance `json:"instances" nullable:"false" doc:"Those that were to serve in the period"`
}

// SLAReportInstance is one instance in a report.
type SLAReportInstance struct {
	ID           string `json:"id"`
	Project      string `json:"project"`
	Name         string `json:"name"`
	Service      string `json:"service"`
	ServiceLevel string `json:"serviceLevel"`
	NotMeasured  string `json:"notMeasured,omitempty" doc:"Why it was not measured"`
	SLAResult
	Outages []AvailabilityInterval `json:"outages" nullable:"false" doc:"When it was down, agreed maintenance included"`
}

// SLAReportMade is a report that was made and mailed when a month was over. With its
// period and watermark the same report is made again, byte for byte.
type SLAReportMade struct {
	Period       string    `json:"period" example:"2026-11"`
	Watermark    time.Time `json:"watermark"`
	RulesVersion int       `json:"rulesVersion"`
	Instances    int       `json:"instances" doc:"That are in it"`
	Missed       int       `json:"missed" doc:"Of these, that missed their objectives"`
	SHA256       string    `json:"sha256" doc:"Of what is signed"`
	MadeAt       time.Time `json:"madeAt"`
}
