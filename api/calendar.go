package api

import "time"

// CalendarPath is where programs read a calendar of planned work.
const CalendarPath = "/api/v1/maintenance.ics"

// CalendarFeed is the address at which a calendar program reads the planned work of
// an organization, as whoever made it may see it.
type CalendarFeed struct {
	Made       bool       `json:"made" doc:"Whether there is one"`
	CreatedAt  *time.Time `json:"createdAt,omitempty"`
	LastReadAt *time.Time `json:"lastReadAt,omitempty"`
	URL        string     `json:"url,omitempty" doc:"A secret: whoever has it can read the calendar. In the answer that makes it only"`
}
