package sla

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"souk/api"
	"souk/internal/document"
)

// Payload is a report as it is signed and hashed.
func Payload(r api.SLAReport) ([]byte, error) { return json.Marshal(r) }

// Document is a report as a PDF. The same report gives the same bytes; it carries the
// SHA-256 of its payload.
func Document(r api.SLAReport) ([]byte, error) {
	payload, err := Payload(r)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(r.TimeZone)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(payload)
	hash := hex.EncodeToString(sum[:])
	name := r.Organization
	if r.DisplayName != "" {
		name = r.DisplayName
	}
	moment := func(t time.Time) string { return t.In(zone).Format("2006-01-02 15:04:05 MST") }
	d := document.New(document.Meta{Title: "SLA report " + r.Period, Language: "en", Created: r.Watermark, Footer: "SHA-256 " + hash})
	d.Facts(
		document.Fact{Label: "Organization", Value: name + " (" + r.Organization + ")"},
		document.Fact{Label: "Period", Value: moment(r.From) + " to " + moment(r.To)},
		document.Fact{Label: "Goes up to", Value: moment(r.Until)},
		document.Fact{Label: "As recorded until", Value: r.Watermark.Format(time.RFC3339Nano)},
		document.Fact{Label: "Rules", Value: fmt.Sprint("version ", r.RulesVersion)},
	)
	d.Text("Each instance is tried every second as its clients use it. Available is the share of the time that was measured, without agreed maintenance, in which it served; rounded down. What was not measured counts neither as up nor as down.")
	d.Heading("Instances")
	if len(r.Instances) == 0 {
		d.Text("No instance was to serve in this month.")
		return d.Bytes()
	}
	rows := make([][]string, len(r.Instances))
	for i, each := range r.Instances {
		rows[i] = []string{each.Project + "/" + each.Name, each.ServiceLevel, dash(each.Objective), dash(each.Availability), length(each.Seconds.Down), length(each.Seconds.Agreed), length(each.Seconds.NoData), verdict(each)}
	}
	d.Table([]document.Column{{Title: "Instance", Share: 3}, {Title: "Level", Share: 2}, {Title: "Objective %", Share: 1.5, Right: true}, {Title: "Available %", Share: 1.6, Right: true},
		{Title: "Down", Share: 1.6, Right: true}, {Title: "Agreed", Share: 1.6, Right: true}, {Title: "No data", Share: 1.8, Right: true}, {Title: "Met", Share: 1.2}}, rows)
	outages(d, r, moment)
	return d.Bytes()
}

func outages(d *document.Document, r api.SLAReport, moment func(time.Time) string) {
	var rows [][]string
	for _, i := range r.Instances {
		for _, o := range i.Outages {
			rows = append(rows, []string{i.Project + "/" + i.Name, moment(o.From), length(o.To.Sub(o.From).Seconds()), o.State})
		}
	}
	d.Heading("Outages")
	if len(rows) == 0 {
		d.Text("There was none.")
		return
	}
	d.Table([]document.Column{{Title: "Instance", Share: 3}, {Title: "From", Share: 3}, {Title: "Length", Share: 1.5, Right: true}, {Title: "State", Share: 2}}, rows)
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func length(seconds float64) string {
	return (time.Duration(seconds*1000) * time.Millisecond).String()
}

func verdict(i api.SLAReportInstance) string {
	switch {
	case i.Met == nil:
		return "not known"
	case *i.Met:
		return "yes"
	}
	return "no"
}
