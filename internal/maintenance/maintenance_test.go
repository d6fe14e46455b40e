package maintenance

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/mail"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

// world is a control plane with one instance that runs, and its maintenance.
type world struct {
	*instancetest.World
	t      *testing.T
	upkeep *Service
	db     instance.View
}

func newWorld(t *testing.T) *world {
	w := &world{World: instancetest.New(t), t: t}
	secrets := w.Secrets
	w.upkeep = &Service{Store: w.Store, Clock: w.Clock, Real: w.Machine.Now, Instances: w.Service, Mail: &mail.Outbox{Secrets: secrets, PublicURL: "https://souk.example"}}
	w.Superuser(t, false, `UPDATE zones SET driver = 'process'`)
	w.member("jane@acme.example", "editor", false)
	w.db = w.Ready(t, "db1")
	w.reachable()
	return w
}

// member is somebody with a role in the organization, or in its project only.
func (w *world) member(email, role string, project bool) {
	w.t.Helper()
	id := w.Member(w.t, w.Acme.Organization, email, role)
	if project {
		w.Superuser(w.t, false, "UPDATE members SET project_id = $1 WHERE id = $2", w.Acme.Project, id)
	}
}

// reachable has the zone's agent speak now; it goes silent by the clock.
func (w *world) reachable() {
	w.t.Helper()
	w.Superuser(w.t, false, "UPDATE zone_agents SET last_seen_real = $1, last_seen_at = $1", w.Machine.Now())
}

// at moves the clock to a time, at which the zone's agent speaks.
func (w *world) at(when time.Time) {
	w.t.Helper()
	w.Machine.Set(when)
	w.reachable()
}

// putOff plans a change of the instance for its window.
func (w *world) putOff(change ...func(*api.InstanceSpec)) (m api.Maintenance, err error) {
	err = w.As(w.t, w.Acme, func(tx store.Tx) (err error) {
		m, err = w.upkeep.PutOff(context.WithoutCancel(w.t.Context()), tx, w.Acme, w.db.Name, instancetest.Put(change...), instancetest.AnyVersion)
		return err
	})
	return m, err
}

func larger(s *api.InstanceSpec) { s.Plan = "medium" }

func (w *world) mustPutOff(change ...func(*api.InstanceSpec)) api.Maintenance {
	w.t.Helper()
	m, err := w.putOff(change...)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// do runs a user's action on a maintenance.
func (w *world) do(id string, f func(tx store.Tx, v instance.View, id uuid.UUID) (api.Maintenance, error)) (m api.Maintenance, err error) {
	err = w.As(w.t, w.Acme, func(tx store.Tx) error {
		v, err := w.Get(context.Background(), tx, w.Acme, w.db.Name)
		if err == nil {
			m, err = f(tx, v, uuid.MustParse(id))
		}
		return err
	})
	return m, err
}

func (w *world) deferred(id string, notBefore *time.Time) (api.Maintenance, error) {
	return w.do(id, func(tx store.Tx, v instance.View, id uuid.UUID) (api.Maintenance, error) {
		return w.upkeep.Defer(context.Background(), tx, v, id, notBefore)
	})
}

func (w *world) read(id string) api.Maintenance {
	w.t.Helper()
	m, err := w.do(id, func(tx store.Tx, _ instance.View, id uuid.UUID) (api.Maintenance, error) {
		return w.upkeep.Get(context.Background(), tx, id)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (w *world) carryOut() {
	w.t.Helper()
	if err := w.upkeep.CarryOut(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// tell tells everybody of what there is to tell now, and returns how many mails
// there are in all.
func (w *world) tell() int {
	w.t.Helper()
	storetest.UntilNone(w.t, w.Store, w.upkeep.TellDue)
	return w.Count(w.t, "mails WHERE topic = 'maintenance'")
}

// is checks what has become of a maintenance and of the instance.
func (w *world) is(id, state string, phase api.Phase, plan string) api.Maintenance {
	w.t.Helper()
	m, v := w.read(id), w.View(w.t, w.db.ID)
	if m.State != state || v.Phase != string(phase) || v.Plan != plan {
		w.t.Errorf("the maintenance is %s (%s), the instance %s with plan %s; want %s, %s, %s", m.State, m.Message, v.Phase, v.Plan, state, phase, plan)
	}
	return m
}

// done reports the command carried out, with an interruption of that long.
func (w *world) done(took time.Duration) {
	w.t.Helper()
	f := w.Fact(w.t, w.db.ID, driver.StateRunning)
	now := w.Machine.Now()
	f.Observation.Interruption = &driver.Interruption{Generation: f.Observation.Generation, From: now.Add(-took), Until: now}
	w.Apply(w.t, f)
}

func code(err error) string {
	if p := problem.As(err); p != nil {
		return p.Code
	}
	return ""
}

var sunday = time.Date(2026, 3, 8, 2, 0, 0, 0, time.UTC) // 03:00 in Zurich

func TestAChangeIsPutOffToTheWindow(t *testing.T) {
	w := newWorld(t)
	m := w.mustPutOff(larger)
	if !m.From.Equal(sunday) || !m.Until.Equal(sunday.Add(2*time.Hour)) || m.Effect == "" || len(m.Changes) != 1 || m.DeferUntil == nil || m.PlannedBy != "user:jane" {
		t.Errorf("planned as %+v", m)
	}
	w.at(sunday.Add(-time.Second))
	w.carryOut()
	w.is(m.ID, planned, api.PhaseReady, "small")
	w.at(sunday)
	w.carryOut()
	w.is(m.ID, running, api.PhaseMaintaining, "medium")
	w.carryOut() // once is enough
	if n := w.Count(t, "commands WHERE instance_id = $1", w.db.ID); n != 2 {
		t.Errorf("%d commands, want the order and the change", n)
	}
	w.at(sunday.Add(5 * time.Second))
	w.done(1500 * time.Millisecond)
	w.is(m.ID, running, api.PhaseMaintaining, "medium")
	w.carryOut()
	m = w.is(m.ID, completed, api.PhaseReady, "medium")
	if m.Interruption == nil || *m.Interruption != 1.5 || !m.EndedAt.Equal(sunday.Add(5*time.Second)) {
		t.Errorf("reported as %+v", m)
	}
}

// What is put off is made of the spec as it is by then: what was changed meanwhile stays.
func TestAChangeMeanwhileStays(t *testing.T) {
	w := newWorld(t)
	m := w.mustPutOff(larger)
	w.Act(t, "db1", w.Update(func(s *api.InstanceSpec) { s.DisplayName, s.StorageGiB = "Orders", 20 }))
	w.Report(t, w.db.ID, driver.StateRunning)
	w.at(sunday)
	w.carryOut()
	w.is(m.ID, running, api.PhaseMaintaining, "medium")
	if v := w.View(t, w.db.ID); v.DisplayName != "Orders" || v.StorageGib != 20 {
		t.Errorf("the change made %q and %d GiB of it", v.DisplayName, v.StorageGib)
	}
}

func TestWhatCannotBePutOff(t *testing.T) {
	w := newWorld(t)
	for about, c := range map[string]struct {
		change func(*api.InstanceSpec)
		code   string
	}{
		"nothing":            {func(*api.InstanceSpec) {}, "nothing-to-put-off"},
		"a name":             {func(s *api.InstanceSpec) { s.DisplayName = "x" }, "invalid"},
		"what is not a plan": {func(s *api.InstanceSpec) { s.Plan = "huge" }, "invalid"},
		"the window": {func(s *api.InstanceSpec) {
			s.Maintenance = &api.MaintenanceSpec{Day: "monday"}
		}, "invalid"},
	} {
		if _, err := w.putOff(c.change); code(err) != c.code {
			t.Errorf("%s: %v, want %s", about, err, c.code)
		}
	}
	if n := w.Count(t, "maintenances"); n != 0 {
		t.Errorf("%d were planned", n)
	}
}

// The fault "control plane away during a window": what passed its window is carried
// out in the next one, and says so.
func TestControlPlaneAwayDuringAWindow(t *testing.T) {
	w := newWorld(t)
	m := w.mustPutOff(larger)
	w.tell()
	w.at(sunday.Add(2 * time.Hour)) // nobody looked before
	w.carryOut()
	m = w.is(m.ID, planned, api.PhaseReady, "small")
	if !m.From.Equal(sunday.AddDate(0, 0, 7)) || !strings.Contains(m.Message, "Souk itself was away") || m.Deferrals != 0 {
		t.Errorf("moved to %+v", m)
	}
	if n := w.tell(); n != 2 {
		t.Errorf("%d mails, want one of the plan and one of the window that passed", n)
	}
	w.at(sunday.AddDate(0, 0, 7))
	w.carryOut()
	w.is(m.ID, running, api.PhaseMaintaining, "medium")
}

// An agent that is away, or an instance that is in trouble, is waited for until the
// window closes.
func TestAnInstanceThatIsNotFitIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	m := w.mustPutOff(larger)
	w.at(sunday)
	w.Machine.Advance(time.Minute) // in which the agent was silent
	w.carryOut()
	w.is(m.ID, planned, api.PhaseReady, "small")
	w.reachable()
	w.Report(t, w.db.ID, driver.StateDegraded)
	w.carryOut()
	w.is(m.ID, planned, api.PhaseDegraded, "small")
	w.at(sunday.Add(3 * time.Hour))
	w.carryOut()
	if m = w.is(m.ID, planned, api.PhaseDegraded, "small"); !strings.Contains(m.Message, "Degraded") {
		t.Errorf("it says %q", m.Message)
	}
	w.Report(t, w.db.ID, driver.StateRunning)
	w.at(sunday.AddDate(0, 0, 7))
	w.carryOut()
	w.is(m.ID, running, api.PhaseMaintaining, "medium")
}

func TestAMaintenanceThatDoesNotEnd(t *testing.T) {
	w := newWorld(t)
	m := w.mustPutOff(larger)
	w.tell()
	w.at(sunday)
	w.carryOut()
	w.Report(t, w.db.ID, driver.StateDegraded)
	w.at(sunday.Add(3*time.Hour + time.Second))
	w.carryOut()
	if m = w.is(m.ID, failed, api.PhaseDegraded, "medium"); !strings.Contains(m.Message, "Degraded") {
		t.Errorf("it says %q", m.Message)
	}
	if n := w.tell(); n != 2 {
		t.Errorf("%d mails, want one of the plan and one of the failure", n)
	}
}

// One that fails keeps no other from being begun and ended.
func TestOneThatIsStuckHoldsUpNoOther(t *testing.T) {
	w := newWorld(t)
	stuck := w.mustPutOff(larger)
	w.db = w.Ready(t, "db2")
	m := w.mustPutOff(larger)
	w.Superuser(t, true, "UPDATE maintenances SET patch = '[]' WHERE id = $1", stuck.ID)
	w.at(sunday)
	carryOut := func() {
		t.Helper()
		if err := w.upkeep.CarryOut(t.Context()); err == nil || !strings.Contains(err.Error(), stuck.ID) {
			t.Errorf("of the one that is stuck it is said: %v", err)
		}
	}
	carryOut()
	w.is(m.ID, running, api.PhaseMaintaining, "medium")
	w.done(time.Second)
	carryOut()
	w.is(m.ID, completed, api.PhaseReady, "medium")
}

func TestAtAnotherPriceItIsNotMade(t *testing.T) {
	w := newWorld(t)
	m := w.mustPutOff(larger)
	w.Superuser(t, true, "UPDATE maintenances SET price_list = 99")
	w.at(sunday)
	w.carryOut()
	if m = w.is(m.ID, failed, api.PhaseReady, "small"); !strings.Contains(m.Message, "Prices have changed") {
		t.Errorf("it says %q", m.Message)
	}
}

func TestDeferWithinLimits(t *testing.T) {
	w := newWorld(t)
	m := w.mustPutOff(larger)
	far := sunday.AddDate(0, 0, 30)
	if _, err := w.deferred(m.ID, &far); code(err) != "invalid" {
		t.Errorf("by 30 days: %v", err)
	}
	m, err := w.deferred(m.ID, nil)
	if err != nil || !m.From.Equal(sunday.AddDate(0, 0, 7)) || m.Deferrals != 1 {
		t.Fatalf("%+v, %v", m, err)
	}
	later := sunday.AddDate(0, 0, 20)
	// By then the clocks in Zurich have been put forward.
	if m, err = w.deferred(m.ID, &later); err != nil || !m.From.Equal(sunday.AddDate(0, 0, 21).Add(-time.Hour)) || m.DeferUntil != nil {
		t.Fatalf("%+v, %v", m, err)
	}
	if _, err := w.deferred(m.ID, nil); code(err) != "deferred-enough" {
		t.Errorf("once more: %v", err)
	}
	w.at(sunday)
	w.carryOut()
	w.is(m.ID, planned, api.PhaseReady, "small")
}

func TestApproveRunNowAndCancel(t *testing.T) {
	w := newWorld(t)
	one := w.mustPutOff(larger)
	approve := func(tx store.Tx, v instance.View, id uuid.UUID) (api.Maintenance, error) {
		return w.upkeep.Approve(t.Context(), tx, v, id, "user:jane")
	}
	if m, err := w.do(one.ID, approve); err != nil || m.ApprovedBy != "user:jane" || m.DeferUntil != nil {
		t.Errorf("approved: %+v, %v", m, err)
	}
	if _, err := w.deferred(one.ID, nil); code(err) != "approved" {
		t.Errorf("put off after that: %v", err)
	}
	m, err := w.do(one.ID, func(tx store.Tx, v instance.View, id uuid.UUID) (api.Maintenance, error) {
		return w.upkeep.RunNow(t.Context(), tx, v, id)
	})
	if err != nil || !m.From.Equal(w.Clock.Now()) {
		t.Fatalf("now: %+v, %v", m, err)
	}
	w.carryOut()
	w.is(one.ID, running, api.PhaseMaintaining, "medium")
	cancel := func(tx store.Tx, v instance.View, id uuid.UUID) (api.Maintenance, error) {
		return w.upkeep.Cancel(t.Context(), tx, v, id, "user:jane")
	}
	if _, err := w.do(one.ID, cancel); code(err) != "not-planned" {
		t.Errorf("cancelled while it runs: %v", err)
	}
	two := w.mustPutOff(func(s *api.InstanceSpec) { s.Plan = "large" })
	if m, err := w.do(two.ID, cancel); err != nil || m.State != cancelled {
		t.Errorf("cancelled: %+v, %v", m, err)
	}
}

// restart plans a restart of the instance as the operator.
func (w *world) restart(plan api.MaintenancePlan) (m api.Maintenance, err error) {
	plan.Instance = w.db.ID.String()
	err = w.Store.System(w.t.Context(), func(tx store.Tx) error {
		out, err := w.upkeep.PlanRestarts(w.t.Context(), tx, "staff@operator.example", "request-2", plan)
		if err == nil {
			m, err = w.upkeep.Get(w.t.Context(), tx, uuid.MustParse(out.Items[0].ID))
		}
		return err
	})
	return m, err
}

func TestTheOperatorsWork(t *testing.T) {
	w := newWorld(t)
	m, err := w.restart(api.MaintenancePlan{Reason: "PostgreSQL 15.19"})
	if err != nil || !m.From.Equal(sunday.AddDate(0, 0, 7)) { // Sunday is less than seven days away
		t.Fatalf("%+v, %v", m, err)
	}
	if _, err := w.do(m.ID, func(tx store.Tx, v instance.View, id uuid.UUID) (api.Maintenance, error) {
		return w.upkeep.Cancel(t.Context(), tx, v, id, "user:jane")
	}); code(err) != "of-the-operator" {
		t.Errorf("cancelled by the customer: %v", err)
	}
	soon := w.Clock.Now().Add(time.Minute)
	if _, err := w.restart(api.MaintenancePlan{Reason: "a hole", Urgent: true, NotBefore: &soon}); code(err) != "invalid" {
		t.Errorf("urgent, within the minute: %v", err)
	}
	urgent, err := w.restart(api.MaintenancePlan{Reason: "a hole", Urgent: true})
	if err != nil || !urgent.From.Equal(w.Clock.Now().Add(time.Hour)) || !urgent.Urgent || urgent.DeferUntil != nil {
		t.Fatalf("%+v, %v", urgent, err)
	}
	if _, err := w.deferred(urgent.ID, nil); code(err) != "urgent" {
		t.Errorf("urgent, put off: %v", err)
	}
	w.at(urgent.From)
	w.carryOut()
	w.is(urgent.ID, running, api.PhaseMaintaining, "small")
	if v := w.View(t, w.db.ID); v.Restarts != 1 || v.Generation != 2 {
		t.Errorf("restart %d, generation %d", v.Restarts, v.Generation)
	}
	w.done(time.Second)
	w.carryOut()
	w.is(urgent.ID, completed, api.PhaseReady, "small")
}

// People are told when it is planned, seven days and one day ahead; those who see
// the costs only are not.
func TestNotices(t *testing.T) {
	w := newWorld(t)
	w.member("cashier@acme.example", "billing", false)
	w.member("dev@acme.example", "viewer", true)
	if _, err := w.restart(api.MaintenancePlan{Reason: "PostgreSQL 15.19"}); err != nil {
		t.Fatal(err)
	}
	from := sunday.AddDate(0, 0, 7)
	for _, step := range []struct {
		at   time.Time
		want int // mails, each time for two people
	}{
		{w.Clock.Now(), 2}, {from.AddDate(0, 0, -7).Add(-time.Second), 2}, {from.AddDate(0, 0, -7), 4},
		{from.AddDate(0, 0, -1).Add(-time.Second), 4}, {from.AddDate(0, 0, -1), 6}, {from.Add(-time.Minute), 6},
	} {
		w.at(step.at)
		if n := w.tell(); n != step.want {
			t.Errorf("at %s: %d mails, want %d", step.at, n, step.want)
		}
	}
}

// Where somebody had many mails within the hour, the next says it all later.
func TestManyNoticesBecomeOne(t *testing.T) {
	w := newWorld(t)
	for range mail.Most + 3 {
		if _, err := w.restart(api.MaintenancePlan{Reason: "again"}); err != nil {
			t.Fatal(err)
		}
		w.tell()
	}
	if n := w.tell(); n != mail.Most {
		t.Errorf("%d mails", n)
	}
	w.at(w.Clock.Now().Add(time.Hour + again))
	if n := w.tell(); n != mail.Most+1 {
		t.Errorf("%d mails, an hour later", n)
	}
}

// Killed after any statement, a step is as if it had not been; the next try does it,
// once.
func TestKilledAtEachStep(t *testing.T) {
	w := newWorld(t)
	id := uuid.MustParse(w.mustPutOff(larger).ID)
	w.at(sunday)
	for _, s := range []struct {
		name string
		step func(ctx context.Context, tx store.Tx, id uuid.UUID) error
		then func()
	}{
		{"begin", w.upkeep.begin, func() {
			w.is(id.String(), running, api.PhaseMaintaining, "medium")
			w.done(time.Second)
		}},
		{"end", w.upkeep.end, func() {
			w.is(id.String(), completed, api.PhaseReady, "medium")
		}},
	} {
		for n := 1; ; n++ {
			before := w.Snapshot(t)
			hit := false
			err := w.As(t, w.Acme, func(tx store.Tx) error {
				faulty, reached := instancetest.FailAt(tx, n)
				err := s.step(t.Context(), faulty, id)
				hit = reached()
				return err
			})
			if !hit {
				if err != nil {
					t.Fatalf("%s: %v", s.name, err)
				}
				break
			}
			if err == nil {
				t.Fatalf("%s went on after statement %d", s.name, n)
			}
			for table, digest := range w.Snapshot(t) {
				if before[table] != digest {
					t.Errorf("%s, killed at statement %d, has changed %s", s.name, n, table)
				}
			}
		}
		s.then()
		commands := w.Count(t, "commands")
		if err := w.As(t, w.Acme, func(tx store.Tx) error { return s.step(t.Context(), tx, id) }); err != nil { // and once more
			t.Fatal(err)
		}
		if n := w.Count(t, "commands"); n != commands {
			t.Errorf("%s, repeated, made a command more", s.name)
		}
	}
	if n := w.Count(t, "commands WHERE instance_id = $1", w.db.ID); n != 2 {
		t.Errorf("%d commands, want the order and the change", n)
	}
}
