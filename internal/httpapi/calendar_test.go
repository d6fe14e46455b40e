package httpapi_test

import (
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

// The address of a calendar is all that a program has; it is shown once, and is good
// until it is ended.
func TestCalendarFeed(t *testing.T) {
	e := httpapitest.New(t, named)
	path, token := own.path("/maintenance/calendar"), e.Token(t, httpapitest.Own, "", api.RoleViewer)
	ask := func(method string) httpapitest.Request {
		return httpapitest.Request{Method: method, Path: path, Token: token}
	}
	var feed api.CalendarFeed
	e.Do(t, ask("GET")).Want(t, 200).Decode(t, &feed)
	if feed.Made {
		t.Errorf("before it is made: %+v", feed)
	}
	e.Do(t, ask("POST")).Want(t, 201).Decode(t, &feed)
	address, ok := strings.CutPrefix(feed.URL, "https://souk.example")
	if !ok || !feed.Made {
		t.Fatalf("%+v", feed)
	}
	read := httpapitest.Request{Method: "GET", Path: address}
	got := e.Do(t, read).Want(t, 200)
	if kind := got.Header.Get("Content-Type"); kind != "text/calendar; charset=utf-8" || !strings.HasPrefix(string(got.Body), "BEGIN:VCALENDAR\r\n") {
		t.Errorf("%s: %s", kind, got.Body)
	}
	feed = api.CalendarFeed{}
	e.Do(t, ask("GET")).Want(t, 200).Decode(t, &feed)
	if !feed.Made || feed.LastReadAt == nil || feed.URL != "" {
		t.Errorf("after it was read: %+v", feed)
	}
	e.Do(t, ask("DELETE")).Want(t, 204)
	e.Do(t, ask("DELETE")).Want(t, 204)
	if p := e.Do(t, read).Want(t, 404).Problem(t); strings.Contains(p.Detail, "souk_") {
		t.Errorf("it repeats the secret: %s", p.Detail)
	}
	log := e.Do(t, httpapitest.Request{Method: "GET", Path: own.path("/audit"), Token: e.Token(t, httpapitest.Own, "", api.RoleOwner)}).Want(t, 200)
	for text, times := range map[string]int{`"calendar.make"`: 1, `"calendar.end"`: 1, "souk_": 0} {
		if n := strings.Count(string(log.Body), text); n != times {
			t.Errorf("%s is %d times in the audit log: %s", text, n, log.Body)
		}
	}
}
