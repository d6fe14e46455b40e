package usage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"souk/internal/problem"
)

// The ways in which events are sent, by their media types; with any other JSON the
// event's attributes are in the headers.
const (
	MediaEvent = "application/cloudevents+json"
	MediaBatch = "application/cloudevents-batch+json"
	MediaData  = "application/json"
)

// Parse reads the CloudEvents 1.0 of a request: one that is structured or binary, or a
// batch. An error is a problem that names the field; of a batch that of the first event
// that is wrong.
func Parse(header http.Header, body []byte) ([]Event, error) {
	media, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if charset := parameters["charset"]; err != nil || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, wrongMedia()
	}
	switch media {
	case MediaEvent:
		return parseEvents([]json.RawMessage{body}, func(int) place { return place{"body.", "body.data."} })
	case MediaBatch:
		var batch []json.RawMessage
		if err := json.Unmarshal(body, &batch); err != nil {
			return nil, problem.InvalidField("body", nil, "A batch is a JSON array of events.")
		}
		return parseEvents(batch, func(n int) place {
			return place{fmt.Sprintf("body[%d].", n), fmt.Sprintf("body[%d].data.", n)}
		})
	case MediaData:
		e, err := parseBinary(header, body)
		return []Event{e}, err
	}
	return nil, wrongMedia()
}

func wrongMedia() error {
	return &problem.Error{Status: http.StatusUnsupportedMediaType, Code: "not-cloudevents", Detail: "Send an event as " + MediaEvent + ", several as " + MediaBatch + ", or one with its attributes in ce- headers and its data as " + MediaData + "; in UTF-8."}
}

func parseEvents(batch []json.RawMessage, at func(n int) place) ([]Event, error) {
	if len(batch) == 0 || len(batch) > MaxEvents {
		return nil, problem.InvalidField("body", nil, "It holds %d events; send one to %d.", len(batch), MaxEvents)
	}
	events := make([]Event, len(batch))
	for n, raw := range batch {
		var e event.Event
		where := at(n)
		if err := e.UnmarshalJSON(raw); err != nil {
			return nil, problem.InvalidField(strings.TrimSuffix(where.attribute, "."), nil, "It is no CloudEvent of version 1.0: %s.", plainly(err))
		}
		var err error
		if events[n], err = fromCloudEvent(e, where); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// plainly is the reader's own message without the input that it quotes.
func plainly(err error) string {
	text, _, _ := strings.Cut(err.Error(), ", error found in")
	return strings.TrimSuffix(strings.ToValidUTF8(text, ""), ".")
}

// parseBinary reads an event whose attributes are in headers.
func parseBinary(header http.Header, body []byte) (Event, error) {
	where := place{"header.ce-", "body."}
	e := event.New()
	for name, set := range map[string]func(string){"id": e.SetID, "source": e.SetSource, "type": e.SetType, "subject": e.SetSubject, "specversion": e.SetSpecVersion} {
		values := header.Values("Ce-" + name)
		if len(values) == 0 {
			continue
		}
		text, err := url.PathUnescape(values[0])
		if err != nil || len(values) > 1 {
			return Event{}, problem.InvalidField(where.attribute+name, nil, "Send it once, percent-encoded.")
		}
		set(text)
	}
	if header.Get("Ce-Specversion") != event.CloudEventsVersionV1 {
		return Event{}, problem.InvalidField(where.attribute+"specversion", nil, "Only version 1.0 of CloudEvents is taken.")
	}
	if text := header.Get("Ce-Time"); text != "" {
		at, err := types.ParseTime(text)
		if err != nil {
			return Event{}, problem.InvalidField(where.attribute+"time", text, "Write a time as 2026-11-22T10:00:00Z.")
		}
		e.SetTime(at)
	}
	if err := e.SetData(event.ApplicationJSON, body); err != nil {
		return Event{}, problem.InvalidField("body", nil, "It is no JSON.")
	}
	return fromCloudEvent(e, where)
}

// longest is how many bytes an attribute may have.
const longest = 256

func fromCloudEvent(e event.Event, where place) (Event, error) {
	out := Event{Source: e.Source(), ID: e.ID(), Subject: e.Subject(), Meter: e.Type(), place: where}
	if e.SpecVersion() != event.CloudEventsVersionV1 {
		return out, problem.InvalidField(out.attribute("specversion"), nil, "Only version 1.0 of CloudEvents is taken.")
	}
	var invalid event.ValidationError
	if errors.As(e.Validate(), &invalid) {
		names := make([]string, 0, len(invalid))
		for name := range invalid {
			names = append(names, name)
		}
		slices.Sort(names)
		return out, problem.InvalidField(out.attribute(names[0]), nil, "It is needed, as CloudEvents 1.0 has it.")
	}
	for name, text := range map[string]string{"source": out.Source, "id": out.ID, "subject": out.Subject, "type": out.Meter} {
		if text == "" || len(text) > longest || strings.ContainsRune(text, 0) {
			return out, problem.InvalidField(out.attribute(name), nil, "It is needed, and has %d bytes at most.", longest)
		}
	}
	err := out.read(e.Data(), e.Time())
	return out, err
}

// read reads the event's data; at is the event's time, or zero.
func (e *Event) read(data []byte, at time.Time) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&e.Report)
	var kind *json.UnmarshalTypeError
	var moment *time.ParseError
	whole := strings.TrimSuffix(e.place.data, ".")
	switch {
	case errors.As(err, &kind) && kind.Field == "quantity":
		return problem.InvalidField(e.data("quantity"), nil, "It is a whole number of the meter's unit.")
	case errors.As(err, &kind) && kind.Field != "":
		return problem.InvalidField(e.data(kind.Field), nil, "It is of another kind.")
	case errors.As(err, &moment):
		return problem.InvalidField(whole, nil, "Write from and to as 2026-11-22T10:00:00Z.")
	case err != nil:
		return problem.InvalidField(whole, nil, "It is an object of quantity, from, to and complete, and nothing else.")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return problem.InvalidField(whole, nil, "It is one object.")
	}
	e.From, e.To = e.From.UTC().Truncate(time.Microsecond), e.To.UTC().Truncate(time.Microsecond)
	if e.From.IsZero() && e.To.IsZero() && e.Quantity != nil && !e.Complete {
		e.From = at.UTC().Truncate(time.Microsecond)
		e.To = e.From
	}
	return e.check()
}

// check says what is wrong with an event by itself.
func (e Event) check() error {
	switch {
	case e.Quantity == nil && !e.Complete:
		return problem.InvalidField(e.data("quantity"), nil, "It is needed, unless complete is true.")
	case e.Quantity != nil && (*e.Quantity < 0 || *e.Quantity > MostQuantity):
		return problem.InvalidField(e.data("quantity"), *e.Quantity, "It is 0 to %d. What was too much is settled by a credit note.", int64(MostQuantity))
	case e.To.IsZero() && e.From.IsZero() && !e.Complete:
		return problem.InvalidField(e.attribute("time"), nil, "Say when it was: by time, or by from and to in the data.")
	case e.To.IsZero():
		return problem.InvalidField(e.data("to"), nil, "It is needed.")
	case e.From.IsZero() && e.Quantity != nil:
		return problem.InvalidField(e.data("from"), nil, "It is needed with a quantity.")
	case e.To.Before(e.From):
		return problem.InvalidField(e.data("to"), e.To, "It is before from.")
	case e.Complete && !e.To.After(e.From):
		return problem.InvalidField(e.data("to"), e.To, "What is complete is a time, not a moment.")
	case e.Quantity != nil && e.To.After(e.hour().Add(time.Hour)):
		return problem.InvalidField(e.data("to"), e.To, "A quantity is of one hour of UTC at most: send one for each.")
	}
	return nil
}
