package maintenance

import (
	"bytes"
	"context"
	"net/url"
	"strconv"
	"testing"
	"time"

	ical "github.com/arran4/golang-ical"
	"github.com/google/uuid"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/instance"
	"souk/internal/store"
)

const portal = "https://souk.example"

// person is somebody with a role in the organization, or in its project only.
func (w *world) person(email, role string, project bool) authz.Principal {
	w.t.Helper()
	w.member(email, role, project)
	p := authz.Principal{Session: true}
	err := w.Store.System(w.t.Context(), func(tx store.Tx) error {
		return tx.QueryRow(w.t.Context(), "SELECT id FROM accounts WHERE email = $1", email).Scan(&p.Account)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// address makes a calendar's address, and returns its secret.
func (w *world) address(p authz.Principal) string {
	w.t.Helper()
	var feed api.CalendarFeed
	err := w.As(w.t, w.Acme, func(tx store.Tx) (err error) {
		feed, err = w.upkeep.MakeFeed(context.Background(), tx, w.Acme.Organization, p, portal)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(feed.URL)
	if err != nil || u.Host != "souk.example" || u.Path != api.CalendarPath || !feed.Made || feed.LastReadAt != nil {
		w.t.Fatalf("%+v, %v", feed, err)
	}
	return u.Query().Get("key")
}

// event is what a program makes of an event.
type event struct {
	from, until time.Time
	status      string
	sequence    int
	summary     string
}

// calendar reads a calendar as a program does.
func (w *world) calendar(secret string) map[string]event {
	w.t.Helper()
	text, err := w.upkeep.Calendar(w.t.Context(), secret, portal)
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range bytes.SplitSeq(bytes.TrimSuffix(text, []byte("\r\n")), []byte("\r\n")) {
		if len(line) > 75 || bytes.ContainsAny(line, "\r\n") {
			w.t.Errorf("a line has %d bytes, or ends otherwise than lines do: %q", len(line), line)
		}
	}
	c, err := ical.ParseCalendar(bytes.NewReader(text))
	if err != nil {
		w.t.Fatalf("%v in\n%s", err, text)
	}
	all := map[string]event{}
	for _, e := range c.Events() {
		from, err1 := e.GetStartAt()
		until, err2 := e.GetEndAt()
		_, err3 := e.GetDtStampTime()
		sequence, err4 := strconv.Atoi(e.GetProperty(ical.ComponentPropertySequence).Value)
		for _, err := range []error{err1, err2, err3, err4} {
			if err != nil {
				w.t.Errorf("%v in\n%s", err, text)
			}
		}
		all[e.Id()] = event{from, until, e.GetProperty(ical.ComponentPropertyStatus).Value, sequence, e.GetProperty(ical.ComponentPropertySummary).Value}
	}
	return all
}

func TestCalendarKeepsUpWithWhatIsPlanned(t *testing.T) {
	w := newWorld(t)
	secret := w.address(w.person("ann@acme.example", "viewer", false))
	if n := len(w.calendar(secret)); n != 0 {
		t.Errorf("%d events, and nothing is planned", n)
	}
	m := w.mustPutOff(larger)
	want := event{sunday, sunday.Add(2 * time.Hour), "CONFIRMED", 0, "db1: Change of plan"}
	is := func(about string) {
		t.Helper()
		if all := w.calendar(secret); len(all) != 1 || all[m.ID] != want {
			t.Errorf("%s: %+v, want %+v", about, all, want)
		}
	}
	is("planned")
	later := sunday.AddDate(0, 0, 20)
	if _, err := w.deferred(m.ID, &later); err != nil {
		t.Fatal(err)
	}
	// By then the clocks in Zurich have been put forward: 03:00 is an hour earlier.
	want.from = sunday.AddDate(0, 0, 21).Add(-time.Hour)
	want.until, want.sequence = want.from.Add(2*time.Hour), 1
	is("put off")
	w.tell()
	is("told of")
	if _, err := w.do(m.ID, func(tx store.Tx, v instance.View, id uuid.UUID) (api.Maintenance, error) {
		return w.upkeep.Cancel(t.Context(), tx, v, id, "user:jane")
	}); err != nil {
		t.Fatal(err)
	}
	want.status, want.sequence = "CANCELLED", 2
	is("cancelled")
	w.at(want.until.Add(CalendarKept))
	if n := len(w.calendar(secret)); n != 0 {
		t.Errorf("%d events long after", n)
	}
}

func TestCalendarSaysWhenItWasCarriedOut(t *testing.T) {
	w := newWorld(t)
	secret := w.address(w.person("ann@acme.example", "viewer", false))
	m := w.mustPutOff(larger)
	w.at(sunday)
	w.carryOut()
	w.done(time.Second)
	w.carryOut()
	if e := w.calendar(secret)[m.ID]; e.sequence != 2 || e.status != "CONFIRMED" || !e.from.Equal(sunday) {
		t.Errorf("%+v", e)
	}
}

// An address opens what its holder may see, for as long as it is theirs.
func TestWhoseCalendarItIs(t *testing.T) {
	w := newWorld(t)
	w.mustPutOff(larger)
	ann, bob := w.person("ann@acme.example", "viewer", false), w.person("bob@acme.example", "editor", true)
	anns, bobs := w.address(ann), w.address(bob)
	for who, secret := range map[string]string{"the whole organization's": anns, "the project's": bobs} {
		if n := len(w.calendar(secret)); n != 1 {
			t.Errorf("%s: %d events", who, n)
		}
	}
	gone := func(about, secret string) {
		t.Helper()
		if _, err := w.upkeep.Calendar(t.Context(), secret, portal); code(err) != "not-found" {
			t.Errorf("%s: %v", about, err)
		}
	}
	gone("nonsense", "souk_nonsense")
	second := w.address(ann)
	gone("renewed", anns)
	if n := len(w.calendar(second)); n != 1 {
		t.Errorf("renewed: %d events", n)
	}
	feed := func(p authz.Principal) (f api.CalendarFeed) {
		t.Helper()
		if err := w.As(t, w.Acme, func(tx store.Tx) (err error) {
			f, err = w.upkeep.Feed(t.Context(), tx, w.Acme.Organization, p)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return f
	}
	if f := feed(ann); !f.Made || f.LastReadAt == nil || f.URL != "" {
		t.Errorf("%+v", f)
	}
	for _, want := range []bool{true, false} {
		if err := w.As(t, w.Acme, func(tx store.Tx) error {
			ended, err := w.upkeep.EndFeed(t.Context(), tx, w.Acme.Organization, ann)
			if ended != want {
				t.Errorf("ended: %v, want %v", ended, want)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	gone("ended", second)
	if feed(ann).Made {
		t.Error("it has ended and is there")
	}
	w.Superuser(t, false, "UPDATE members SET role = 'billing' WHERE account_id = $1", bob.Account)
	gone("of somebody who sees the costs only", bobs)
	w.Superuser(t, false, "DELETE FROM members WHERE account_id = $1", bob.Account)
	gone("of somebody who left", bobs)
}
