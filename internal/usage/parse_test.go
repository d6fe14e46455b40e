package usage_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"souk/internal/problem"
	"souk/internal/usage"
)

const whole = `{"specversion":"1.0","id":"1","source":"/app","type":"queries","subject":"018f0000-0000-7000-8000-000000000000","data":{"quantity":7,"from":"2026-03-02T11:00:00Z","to":"2026-03-02T12:00:00Z"}}`

func headers(contentType string, pairs ...string) http.Header {
	h := http.Header{"Content-Type": {contentType}}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func binary(pairs ...string) http.Header {
	h := headers("application/json", "ce-specversion", "1.0", "ce-id", "1", "ce-source", "/app", "ce-type", "queries", "ce-subject", "018f0000-0000-7000-8000-000000000000")
	for i := 0; i < len(pairs); i += 2 {
		h.Del(pairs[i])
		if pairs[i+1] != "" {
			h.Add(pairs[i], pairs[i+1])
		}
	}
	return h
}

// The same event is the same however it is sent.
func TestParse(t *testing.T) {
	data := `{"quantity":7,"from":"2026-03-02T11:00:00Z","to":"2026-03-02T13:00:00+01:00"}`
	for name, sent := range map[string]struct {
		header http.Header
		body   string
	}{
		"structured": {headers(usage.MediaEvent), whole},
		"charset":    {headers(usage.MediaEvent + "; charset=UTF-8"), whole},
		"batch":      {headers(usage.MediaBatch), "[" + whole + "]"},
		"binary":     {binary(), data},
		"escaped":    {binary("ce-source", "%2Fapp"), data},
		"base64":     {headers(usage.MediaEvent), strings.Replace(whole, `"data":{"quantity":7,"from":"2026-03-02T11:00:00Z","to":"2026-03-02T12:00:00Z"}`, `"data_base64":"eyJxdWFudGl0eSI6NywiZnJvbSI6IjIwMjYtMDMtMDJUMTE6MDA6MDBaIiwidG8iOiIyMDI2LTAzLTAyVDEyOjAwOjAwWiJ9"`, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			events, err := usage.Parse(sent.header, []byte(sent.body))
			if err != nil {
				t.Fatal(err)
			}
			e := events[0]
			hour := time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)
			if len(events) != 1 || e.Source != "/app" || e.ID != "1" || e.Meter != "queries" || e.Subject != "018f0000-0000-7000-8000-000000000000" || *e.Quantity != 7 || !e.From.Equal(hour) || !e.To.Equal(hour.Add(time.Hour)) {
				t.Errorf("%+v", e)
			}
		})
	}
	events, err := usage.Parse(binary("ce-time", "2026-03-02T11:30:00Z"), []byte(`{"quantity":0}`))
	if err != nil || !events[0].From.Equal(events[0].To) || events[0].From.Minute() != 30 {
		t.Errorf("a moment: %+v, %v", events, err)
	}
	events, err = usage.Parse(binary(), []byte(`{"to":"2026-03-02T11:30:00Z","complete":true}`))
	if err != nil || events[0].Quantity != nil || !events[0].Complete || !events[0].From.IsZero() {
		t.Errorf("complete: %+v, %v", events, err)
	}
}

// What cannot be read is refused, and the field is named.
func TestParseNamesTheField(t *testing.T) {
	in := func(old, new string) string { return strings.Replace(whole, old, new, 1) }
	for name, c := range map[string]struct {
		header http.Header
		body   string
		field  string
	}{
		"not JSON":           {headers(usage.MediaEvent), `{`, "body"},
		"no batch":           {headers(usage.MediaBatch), `{}`, "body"},
		"empty batch":        {headers(usage.MediaBatch), `[]`, "body"},
		"too many":           {headers(usage.MediaBatch), "[" + strings.Repeat("1,", usage.MaxEvents) + "1]", "body"},
		"second of a batch":  {headers(usage.MediaBatch), "[" + whole + "," + in(`"quantity":7`, `"quantity":-7`) + "]", "body[1].data.quantity"},
		"another version":    {headers(usage.MediaEvent), in(`"specversion":"1.0"`, `"specversion":"0.3"`), "body.specversion"},
		"no ID":              {headers(usage.MediaEvent), in(`"id":"1",`, ""), "body.id"},
		"no source":          {headers(usage.MediaEvent), in(`"source":"/app",`, ""), "body.source"},
		"no subject":         {headers(usage.MediaEvent), in(`"subject":"018f0000-0000-7000-8000-000000000000",`, ""), "body.subject"},
		"long source":        {headers(usage.MediaEvent), in("/app", "/"+strings.Repeat("a", 300)), "body.source"},
		"no data":            {headers(usage.MediaEvent), in(`,"data":{"quantity":7,"from":"2026-03-02T11:00:00Z","to":"2026-03-02T12:00:00Z"}`, ""), "body.data"},
		"negative":           {headers(usage.MediaEvent), in(`"quantity":7`, `"quantity":-1`), "body.data.quantity"},
		"fraction":           {headers(usage.MediaEvent), in(`"quantity":7`, `"quantity":1.5`), "body.data.quantity"},
		"text":               {headers(usage.MediaEvent), in(`"quantity":7`, `"quantity":"7"`), "body.data.quantity"},
		"too much":           {headers(usage.MediaEvent), in(`"quantity":7`, `"quantity":9007199254740992`), "body.data.quantity"},
		"no quantity":        {headers(usage.MediaEvent), in(`"quantity":7,`, ""), "body.data.quantity"},
		"another field":      {headers(usage.MediaEvent), in(`"quantity":7,`, `"quantity":7,"price":1,`), "body.data"},
		"no such time":       {headers(usage.MediaEvent), in("11:00:00Z", "25:00:00Z"), "body.data"},
		"only from":          {headers(usage.MediaEvent), in(`,"to":"2026-03-02T12:00:00Z"`, ""), "body.data.to"},
		"only to":            {headers(usage.MediaEvent), in(`"from":"2026-03-02T11:00:00Z",`, ""), "body.data.from"},
		"backwards":          {headers(usage.MediaEvent), in("12:00:00Z", "10:00:00Z"), "body.data.to"},
		"over the hour":      {headers(usage.MediaEvent), in("12:00:00Z", "12:00:01Z"), "body.data.to"},
		"no time":            {binary(), `{"quantity":1}`, "header.ce-time"},
		"complete, a moment": {binary("ce-time", "2026-03-02T11:30:00Z"), `{"quantity":1,"complete":true}`, "body.to"},
		"binary version":     {binary("ce-specversion", ""), `{"quantity":1}`, "header.ce-specversion"},
		"binary time":        {binary("ce-time", "noon"), `{"quantity":1}`, "header.ce-time"},
		"binary source":      {binary("ce-source", "%zz"), `{"quantity":1}`, "header.ce-source"},
		"binary body":        {binary("ce-time", "2026-03-02T11:30:00Z"), `quantity=1`, "body"},
		"two objects":        {binary("ce-time", "2026-03-02T11:30:00Z"), `{"quantity":1}{}`, "body"},
		"XML":                {headers("application/cloudevents+xml"), whole, ""},
		"another charset":    {headers(usage.MediaEvent + "; charset=latin1"), whole, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := usage.Parse(c.header, []byte(c.body))
			p := problem.As(err)
			switch {
			case p == nil:
				t.Errorf("taken: %v", err)
			case c.field == "" && p.Status != http.StatusUnsupportedMediaType, c.field != "" && (len(p.Fields) != 1 || p.Fields[0].Location != c.field):
				t.Errorf("%d %+v, want %s", p.Status, p.Fields, c.field)
			}
		})
	}
}

// Whatever is sent, reading it ends, in events that hold together or in a problem.
func FuzzParse(f *testing.F) {
	f.Add(usage.MediaEvent, whole)
	f.Add(usage.MediaBatch, "["+whole+"]")
	f.Add(usage.MediaData, `{"quantity":1,"complete":true,"from":"2026-03-02T11:00:00Z","to":"2026-03-02T12:00:00Z"}`)
	f.Add(usage.MediaEvent, strings.Replace(whole, `"data":`, `"data_base64":"e30=","x":`, 1))
	f.Fuzz(func(t *testing.T, media, body string) {
		events, err := usage.Parse(binary("Content-Type", media), []byte(body))
		if err != nil {
			if problem.As(err) == nil {
				t.Errorf("no problem: %v", err)
			}
			return
		}
		for _, e := range events {
			if e.ID == "" || e.Source == "" || e.Subject == "" || e.Meter == "" || e.To.Before(e.From) || e.Quantity == nil && !e.Complete ||
				e.Quantity != nil && (*e.Quantity < 0 || e.To.Sub(e.From) > time.Hour || e.From.IsZero()) {
				t.Errorf("%+v", e)
			}
		}
	})
}
