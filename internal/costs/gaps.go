package costs

import (
	"souk/api"
	"souk/internal/billing"
)

// gapsShown bounds those that are listed one by one.
const gapsShown = 100

// Gaps are times that are not known, as the API tells them; nil: there are none.
func Gaps(all []billing.Gap) *api.MeterGaps {
	if len(all) == 0 {
		return nil
	}
	out := &api.MeterGaps{Count: len(all)}
	for _, g := range all[:min(len(all), gapsShown)] {
		out.First = append(out.First, api.MeterGap{Project: g.Project, Instance: g.Instance, Service: g.Service, Meter: g.Meter, From: g.From.UTC(), To: g.To.UTC()})
	}
	return out
}
