package alert

import (
	"time"
	_ "time/tzdata" // zones are named by customers, wherever this runs

	"souk/api"
	"souk/internal/problem"
)

// clockTime is how quiet hours are written.
const clockTime = "15:04"

// checkQuiet refuses what is not a span of the day. nil, and none at all, are none.
func checkQuiet(location string, h *api.QuietHours) error {
	if h == nil || *h == (api.QuietHours{}) {
		return nil
	}
	var fields []problem.Field
	for _, f := range []struct{ name, text string }{{"from", h.From}, {"to", h.To}} {
		if _, err := time.Parse(clockTime, f.text); err != nil || len(f.text) != len(clockTime) {
			fields = append(fields, problem.Field{Location: location + "." + f.name, Value: f.text, Message: "must be a time of day such as 22:00"})
		}
	}
	if len(fields) == 0 && h.From == h.To {
		fields = append(fields, problem.Field{Location: location + ".to", Value: h.To, Message: "must differ from the beginning"})
	}
	if _, err := time.LoadLocation(h.Zone); err != nil || h.Zone == "" || h.Zone == "Local" {
		fields = append(fields, problem.Field{Location: location + ".zone", Value: h.Zone, Message: "must be a time zone such as Europe/Zurich"})
	}
	if len(fields) > 0 {
		return problem.Invalid(fields...)
	}
	return nil
}

// quietUntil says when quiet hours that now lies in end; ok is false outside of them.
// They are by the zone's clock, whatever that does in between.
func quietUntil(h api.QuietHours, now time.Time) (end time.Time, ok bool) {
	zone, err := time.LoadLocation(h.Zone)
	if err != nil || h.From == "" {
		return time.Time{}, false
	}
	quiet := func(at time.Time) bool {
		text := at.In(zone).Format(clockTime)
		if h.From < h.To {
			return h.From <= text && text < h.To
		}
		return h.From <= text || text < h.To
	}
	if !quiet(now) {
		return time.Time{}, false
	}
	for end = now.Truncate(time.Minute).Add(time.Minute); quiet(end); end = end.Add(time.Minute) {
		if end.Sub(now) > 48*time.Hour {
			return time.Time{}, false // no span of a day is so long
		}
	}
	return end, true
}
