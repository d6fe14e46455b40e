package alert

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/store"
)

// measured lets time go by in which the zone reports what it measures of instances,
// and what burns is evaluated. What is not named is not measured.
func (w *world) measured(d time.Duration, states map[uuid.UUID]agentapi.SLIState) {
	w.t.Helper()
	for ; d > 0; d -= every {
		from := w.Clock.Now()
		w.Machine.Advance(min(d, every))
		for id, state := range states {
			f := w.Fact(w.t, id, driver.StateRunning)
			f.Observation, f.SLI = driver.Observation{}, &agentapi.SLISpan{From: from, To: w.Clock.Now(), State: state}
			w.System(w.t, func(tx store.Tx) error { return w.Service.Apply(w.t.Context(), tx, w.Zone, 1, f) })
		}
		if err := w.alerts.EvaluateDue(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// operators tells the operator by a webhook.
func (w *world) operators(url string) {
	w.t.Helper()
	var operator instance.Place
	w.System(w.t, func(tx store.Tx) error {
		return tx.QueryRow(w.t.Context(), "SELECT id FROM organizations WHERE name = 'operator'").Scan(&operator.Organization)
	})
	if err := w.As(w.t, operator, func(tx store.Tx) error {
		_, err := w.alerts.Create(w.t.Context(), tx, operator.Organization, api.AlertChannelCreate{Name: "desk", Kind: "webhook", URL: url}, w.Clock.Now())
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
}

// burns are those that burn and did, oldest first, such as "db1 fast high".
func (w *world) burns() (list []string) {
	w.t.Helper()
	var all []api.Burn
	w.System(w.t, func(tx store.Tx) (err error) {
		all, err = Burns(w.t.Context(), tx)
		return err
	})
	for _, b := range all {
		s := b.Instance + " " + b.Pace + " " + b.Priority
		if b.NoDataSince != nil {
			s += " no data"
		}
		list = append([]string{strings.TrimSpace(s + " " + b.Resolution)}, list...)
	}
	return list
}

// toldOperator are what a webhook's messages tell, such as "local critical firing".
func toldOperator(t *testing.T, messages []got) (list []string, last Notice) {
	t.Helper()
	for _, m := range messages {
		for _, n := range noticesIn(t, m) {
			list, last = append(list, n.Zone+" "+n.Severity+" "+n.Status), n
		}
	}
	return list, last
}

func TestBurningBudgetIsToldAndResolved(t *testing.T) {
	w, desk, customer := newWorld(t), newReceiver(t), newReceiver(t)
	w.operators(desk.URL)
	w.hook("ops", customer.URL, nil)
	db := w.Ready(t, "db1").ID
	w.measured(2*time.Minute, map[uuid.UUID]agentapi.SLIState{db: agentapi.SLIUp})
	w.measured(4*time.Minute, map[uuid.UUID]agentapi.SLIState{db: agentapi.SLIDown})
	same(t, "before its time", w.burns())
	w.measured(30*time.Second, map[uuid.UUID]agentapi.SLIState{db: agentapi.SLIDown})
	same(t, "burning", w.burns(), "db1 fast high")
	w.measured(time.Minute, map[uuid.UUID]agentapi.SLIState{db: agentapi.SLIDown})
	w.deliver()
	list, notice := toldOperator(t, desk.take())
	same(t, "told", list, "local warning firing")
	if !strings.Contains(notice.Summary, "1 of 1 instances in the zone local: acme/default/db1 (best-effort, objective 99.5 %): down for 4m30s of the last 1h, 15.0 times") ||
		!strings.HasPrefix(notice.RunbookURL, "https://souk.example/operator/burning/") || notice.Organization != "operator" {
		t.Errorf("notice %+v", notice)
	}
	w.measured(4*time.Minute, map[uuid.UUID]agentapi.SLIState{db: agentapi.SLIUp})
	same(t, "for a while", w.burns(), "db1 fast high")
	w.measured(time.Minute, map[uuid.UUID]agentapi.SLIState{db: agentapi.SLIUp})
	same(t, "over", w.burns(), "db1 fast high over")
	w.pass(time.Minute)
	w.deliver()
	list, notice = toldOperator(t, desk.take())
	same(t, "told", list, "local warning resolved")
	if notice.ResolvedAt == nil || notice.Resolution != over {
		t.Errorf("notice %+v", notice)
	}
	if messages := customer.take(); len(messages) > 0 {
		t.Errorf("the customer is told of the operator's alert: %s", messages[0].body)
	}
}

// The service level says how urgent it is, and how soon.
func TestGuaranteedBurnsAreUrgent(t *testing.T) {
	w, desk := newWorld(t), newReceiver(t)
	w.operators(desk.URL)
	w.Domains(t, "a", "b", "c")
	if err := w.OfferGuaranteed(t); err != nil {
		t.Fatal(err)
	}
	sure := w.Ready(t, "sure", func(s *api.InstanceSpec) { s.ServiceLevel = "guaranteed" }).ID
	plain := w.Ready(t, "plain").ID
	w.measured(time.Minute, map[uuid.UUID]agentapi.SLIState{sure: agentapi.SLIDown, plain: agentapi.SLIDown})
	same(t, "after a minute", w.burns(), "sure fast urgent")
	w.deliver()
	list, _ := toldOperator(t, desk.take())
	same(t, "told", list, "local critical firing")
	// A quarter of an hour takes a tenth of the best effort's budget of three days, and
	// far more of what is guaranteed.
	w.measured(4*time.Minute, map[uuid.UUID]agentapi.SLIState{sure: agentapi.SLIDown, plain: agentapi.SLIDown})
	same(t, "after five minutes", w.burns(), "sure fast urgent", "sure slow normal", "plain fast high")
}

// An outage of a zone is one notice, whatever is in it; what begins to burn later comes
// with the next one, under the same ID.
func TestZoneOutageIsOneNotice(t *testing.T) {
	w, desk := newWorld(t), newReceiver(t)
	w.operators(desk.URL)
	down := map[uuid.UUID]agentapi.SLIState{}
	for n := range 12 {
		down[w.Ready(t, fmt.Sprintf("db%02d", n)).ID] = agentapi.SLIDown
	}
	w.measured(5*time.Minute, down)
	w.deliver()
	list, first := toldOperator(t, desk.take())
	same(t, "told", list, "local warning firing")
	if !strings.HasPrefix(first.Summary, "12 of 12 instances in the zone local: ") || !strings.HasSuffix(first.Summary, "; and 2 more.") || first.RunbookURL != "https://souk.example/operator/burning" {
		t.Errorf("notice %+v", first)
	}
	down[w.Ready(t, "late").ID] = agentapi.SLIDown
	w.measured(4*time.Minute+30*time.Second, down)
	w.deliver()
	w.measured(30*time.Second, down)
	w.pass(30 * time.Second)
	w.deliver()
	list, second := toldOperator(t, desk.take())
	same(t, "told of more", list, "local warning firing")
	if second.ID != first.ID || !strings.HasPrefix(second.Summary, "13 of 13 ") {
		t.Errorf("notice %+v", second)
	}
	for id := range down {
		down[id] = agentapi.SLIUp
	}
	w.measured(5*time.Minute, down)
	w.pass(time.Minute)
	w.deliver()
	list, last := toldOperator(t, desk.take())
	same(t, "told at the end", list, "local warning resolved")
	if last.ID != first.ID {
		t.Errorf("notice %+v", last)
	}
}

// An agent that goes away during an outage ends no alert: nobody knows that it is over.
func TestWhatIsNotMeasuredEndsNoBurn(t *testing.T) {
	w := newWorld(t)
	db := w.Ready(t, "db1").ID
	w.measured(5*time.Minute, map[uuid.UUID]agentapi.SLIState{db: agentapi.SLIDown})
	same(t, "burning", w.burns(), "db1 fast high")
	w.pass(time.Hour)
	same(t, "not measured", w.burns(), "db1 fast high no data")
	w.measured(time.Minute, map[uuid.UUID]agentapi.SLIState{db: agentapi.SLIUp})
	same(t, "up again", w.burns(), "db1 fast high over")
}

// What is suspended burns no budget any more.
func TestSuspendedEndsBurn(t *testing.T) {
	w := newWorld(t)
	db := w.Ready(t, "db1").ID
	w.measured(5*time.Minute, map[uuid.UUID]agentapi.SLIState{db: agentapi.SLIDown})
	w.Act(t, "db1", w.Suspend)
	w.pass(time.Minute)
	same(t, "suspended", w.burns(), "db1 fast high ended")
}

// Nothing fires on what is not measured, however agents come and go.
func TestNothingBurnsWhileNotMeasured(t *testing.T) {
	w := newWorld(t)
	db := w.Ready(t, "db1").ID
	r := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		w.measured(every, map[uuid.UUID]agentapi.SLIState{db: agentapi.SLIUp})
		w.Machine.Advance(time.Duration(r.Int64N(int64(3 * time.Hour)))) // nobody measures
		if err := w.alerts.EvaluateDue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "burns", w.burns())
}

// Nobody sees what others' instances burn, and what is over is forgotten after a month.
func TestBurnsAreForgotten(t *testing.T) {
	w := newWorld(t)
	db := w.Ready(t, "db1").ID
	w.measured(5*time.Minute, map[uuid.UUID]agentapi.SLIState{db: agentapi.SLIDown})
	if err := w.As(t, w.Globex, func(tx store.Tx) error {
		list, err := Burns(t.Context(), tx)
		if len(list) > 0 {
			t.Errorf("globex sees %+v", list)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	w.Clock.Raise(kept+24*time.Hour, time.Time{})
	w.Superuser(t, false, "UPDATE budget_burns SET ended_at = since, resolution = 'over'")
	w.System(t, func(tx store.Tx) error {
		_, err := Sweep(t.Context(), tx, w.Clock.Now(), 100)
		return err
	})
	same(t, "after a month", w.burns())
}
