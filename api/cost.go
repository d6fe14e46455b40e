package api

import "time"

// CostReport is what months have cost, and will have if things go on as they are, by one
// side of it. The groups and the others add up to the total exactly, and so do the days.
type CostReport struct {
	From     string    `json:"from" example:"2026-10" doc:"The first month"`
	To       string    `json:"to" example:"2026-11" doc:"The last month"`
	TimeZone string    `json:"timeZone" example:"Europe/Zurich" doc:"In which days and months begin"`
	Until    time.Time `json:"until" doc:"What comes after it is in the forecast only"`
	By       string    `json:"by" example:"service"`
	Total    Money     `json:"total"`
	// Forecast is there while one of the months runs.
	Forecast *Money      `json:"forecast,omitempty" doc:"The total at the end of the running month, if all that runs goes on as it is, and meters count as on average in the hours that are complete; absent where every month is over"`
	Lines    int         `json:"lines" doc:"How many lines of invoices it is made of"`
	Groups   []CostGroup `json:"groups" nullable:"false" doc:"The dearest first; days and months in their order"`
	Others   *CostOthers `json:"others,omitempty" doc:"Those that the limit has left out"`
	Days     []CostDay   `json:"days,omitempty" doc:"Absent where there is too much of it, or more than three months"`
	Gaps     *MeterGaps  `json:"gaps,omitempty" doc:"Times of which nobody has said that a meter's usage is complete: what was used in them is not known, and not billed until it is. Absent: none"`
	// Coming are other prices that are to hold.
	Coming []ComingPrices `json:"coming,omitempty" doc:"While one of the months runs: when other prices will hold for instances of the organization, or of the project that was asked for, by their day"`
}

// ComingPrices is that other prices will hold for instances from a moment on.
type ComingPrices struct {
	From  time.Time        `json:"from"`
	Count int              `json:"count" doc:"Of how many instances"`
	First []ComingInstance `json:"first" nullable:"false" doc:"A hundred at most, by project and name"`
}

// ComingInstance is one for which other prices will hold.
type ComingInstance struct {
	Project  string `json:"project"`
	Instance string `json:"instance"`
}

// MeterGap is a time of which nobody has said that a meter's usage is complete.
type MeterGap struct {
	Project  string    `json:"project"`
	Instance string    `json:"instance"`
	Service  string    `json:"service"`
	Meter    string    `json:"meter"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
}

// MeterGaps are the first of them, and how many there are.
type MeterGaps struct {
	Count int        `json:"count"`
	First []MeterGap `json:"first" nullable:"false" doc:"A hundred at most"`
}

// CostGroup is one part of a cost report. What has no name is what the side does not
// apply to, such as instances without the label.
type CostGroup struct {
	Project  string `json:"project,omitempty" doc:"Of an instance"`
	Name     string `json:"name"`
	Gone     bool   `json:"gone,omitempty" doc:"Of an instance: it was removed for good"`
	Discount bool   `json:"discount,omitempty" doc:"All discounts, which are of no part: they are the whole organization's"`
	Amount   Money  `json:"amount"`
	Forecast *Money `json:"forecast,omitempty"`
}

// CostOthers are the groups that are not shown one by one.
type CostOthers struct {
	Count    int    `json:"count"`
	Amount   Money  `json:"amount"`
	Forecast *Money `json:"forecast,omitempty"`
}
