package api

import "time"

// Metrics are the figures of an instance, as its service's dashboard shows them.
type Metrics struct {
	Start       time.Time      `json:"start" doc:"Of the first value of each series"`
	End         time.Time      `json:"end"`
	StepSeconds int64          `json:"stepSeconds" doc:"Between two values"`
	Panels      []MetricsPanel `json:"panels" nullable:"false"`
}

// MetricsPanel is one chart.
type MetricsPanel struct {
	Title       string          `json:"title" example:"Memory"`
	Description string          `json:"description"`
	Unit        string          `json:"unit" enum:"cores,bytes,bytesPerSecond,count,perSecond,ratio,seconds"`
	Series      []MetricsSeries `json:"series" nullable:"false" doc:"Empty where nothing is known"`
}

// MetricsSeries is one line of a chart.
type MetricsSeries struct {
	Legend string     `json:"legend" example:"used"`
	Values []*float64 `json:"values" nullable:"false" doc:"One for each moment from start to end; null where nothing is known"`
}
