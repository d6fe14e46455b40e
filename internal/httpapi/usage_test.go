package httpapi_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/usage"
)

var usageRows = map[string]row{
	"usage-send": {may: editors, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		provides(t, e, at.organization)
		return sending(at, usage.MediaEvent, someUsage(t, e, freshName()))
	}},
	"instances-usage": {may: readers, request: onReady("GET", "/usage")},
}

// someUsage is of an instance of the own organization's, at this moment.
func someUsage(t *testing.T, e *httpapitest.Env, id string) map[string]any {
	t.Helper()
	i := e.Ready(t, httpapitest.Own, httpapitest.OwnProject)
	return map[string]any{"specversion": "1.0", "id": id, "source": "/app", "type": "queries", "subject": i.ID.String(),
		"time": e.Clock.Now().UTC().Format(time.RFC3339Nano), "data": map[string]any{"quantity": 7}}
}

func sending(at place, media string, body any) httpapitest.Request {
	q := post(at.path("/usage"), body)
	q.Header = map[string]string{"Content-Type": media}
	return q
}

// The three ways to send an event are the same event; another payload of the same ID is
// refused, and the whole batch with it.
func TestUsageIsSent(t *testing.T) {
	e := httpapitest.New(t)
	provides(t, e, httpapitest.Other)
	token := e.Token(t, httpapitest.Other, "", api.RoleEditor)
	event := someUsage(t, e, "1")
	receipt := func(q httpapitest.Request) (out api.UsageReceipt) {
		t.Helper()
		q.Token = token
		e.Do(t, q).Want(t, 200).Decode(t, &out)
		return out
	}
	if r := receipt(sending(other, usage.MediaEvent, event)); r != (api.UsageReceipt{Accepted: 1}) {
		t.Errorf("structured: %+v", r)
	}
	if r := receipt(sending(other, usage.MediaBatch, []any{event, someUsage(t, e, "2")})); r != (api.UsageReceipt{Accepted: 1, Repeated: 1}) {
		t.Errorf("batch: %+v", r)
	}
	binary := post(other.path("/usage"), event["data"])
	binary.Header = map[string]string{"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/app", "ce-type": "queries", "ce-subject": fmt.Sprint(event["subject"]), "ce-time": fmt.Sprint(event["time"])}
	if r := receipt(binary); r != (api.UsageReceipt{Repeated: 1}) {
		t.Errorf("binary: %+v", r)
	}
	differs := someUsage(t, e, "1")
	differs["data"] = map[string]any{"quantity": 8}
	q := sending(other, usage.MediaBatch, []any{someUsage(t, e, "3"), differs})
	q.Token = token
	if p := e.Do(t, q).Want(t, 409).Problem(t); p.Code != "event-differs" || len(p.Errors) != 1 || p.Errors[0].Location != "body[1].id" {
		t.Errorf("%+v", p)
	}
	read := onReady("GET", "/usage")(t, e, own)
	read.Token = e.Token(t, httpapitest.Own, "", api.RoleViewer)
	var got api.Usage
	e.Do(t, read).Want(t, 200).Decode(t, &got)
	if len(got.Meters) != 3 || got.Meters[0].Name != "queries" || got.Meters[0].Quantity != 14 || got.Meters[0].Hours[0].Events != 2 {
		t.Errorf("%+v", got)
	}
}

// A provider sends of its own services only, whoever's instance it is.
func TestUsageOfAnothersService(t *testing.T) {
	e := httpapitest.New(t)
	provides(t, e, httpapitest.Other)
	for _, at := range []place{own, operator} {
		q := sending(at, usage.MediaEvent, someUsage(t, e, "1"))
		q.Token = e.Token(t, at.organization, "", api.RoleOwner)
		if p := e.Do(t, q).Want(t, 422).Problem(t); len(p.Errors) != 1 || p.Errors[0].Location != "body.subject" {
			t.Errorf("%s: %+v", at.organization, p)
		}
	}
	q := sending(other, "text/plain", "x")
	q.Token = e.Token(t, httpapitest.Other, "", api.RoleEditor)
	e.Do(t, q).Want(t, 415)
}

// What a service counts is said with the service.
func TestMetersOfAService(t *testing.T) {
	e := httpapitest.New(t)
	var got api.Service
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/services/" + httpapitest.Service}).Want(t, 200).Decode(t, &got)
	raw, _ := json.Marshal(got.Meters)
	if len(got.Meters) != 3 || got.Meters[2].Name != "traffic-out" || !got.Meters[2].Measured {
		t.Errorf("%s", raw)
	}
}
