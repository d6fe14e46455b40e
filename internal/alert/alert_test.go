package alert

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/alert/alertdb"
	"souk/internal/driver"
	"souk/internal/instance/instancetest"
	"souk/internal/mail"
	"souk/internal/metrics"
	"souk/internal/outbound"
	"souk/internal/servicepkg"
	"souk/internal/sla"
	"souk/internal/store"
	"souk/services/postgresql"
)

// figureStore answers expressions about one figure with what a test sets.
type figureStore struct {
	metrics.Store
	mu      sync.Mutex
	storage map[uuid.UUID]float64 // used, of all there is
	err     error
}

func (f *figureStore) set(id uuid.UUID, used float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.storage[id] = used
}

func (f *figureStore) lose(id uuid.UUID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.storage, id)
}

// Across implements metrics.Store.
func (f *figureStore) Across(_ context.Context, _ string, q metrics.Query) (metrics.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return metrics.Result{}, f.err
	}
	result := []any{}
	if strings.Contains(q.Expr, "souk_storage_used_bytes") && !strings.Contains(q.Expr, "predict_linear") {
		for id, v := range f.storage {
			result = append(result, map[string]any{"metric": map[string]string{"instance_id": id.String()}, "value": []any{1, fmt.Sprint(v)}})
		}
	}
	raw, err := json.Marshal(map[string]any{"resultType": "vector", "result": result})
	return metrics.Result{Data: raw}, err
}

// got is what a receiver was sent.
type got struct {
	header http.Header
	body   []byte
}

// receiver is a server that channels lead to.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []got
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		raw, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, got{q.Header, raw})
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// take returns what arrived since the last time.
func (r *receiver) take() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.got
	r.got = nil
	return taken
}

// notices are what a webhook's messages tell, such as "storage-filling firing".
func told(t *testing.T, messages []got) (list []string) {
	t.Helper()
	for _, m := range messages {
		var parts []string
		for _, n := range noticesIn(t, m) {
			parts = append(parts, n.Instance+" "+n.Name+" "+n.Status)
		}
		list = append(list, strings.Join(parts, ", "))
	}
	return list
}

// noticesIn are those of a webhook's message.
func noticesIn(t *testing.T, m got) []Notice {
	t.Helper()
	var doc struct {
		Data struct {
			Alerts []Notice `json:"alerts"`
		} `json:"data"`
	}
	if err := json.Unmarshal(m.body, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Data.Alerts
}

type world struct {
	*instancetest.World
	t       *testing.T
	alerts  *Service
	figures *figureStore
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: instancetest.New(t), t: t, figures: &figureStore{storage: map[uuid.UUID]float64{}}}
	secrets := w.Secrets
	w.alerts = New(Config{Store: w.Store, Clock: w.Clock, Real: w.Machine.Now, Secrets: secrets, Metrics: w.figures, PublicURL: "https://souk.example", Logger: slog.New(slog.DiscardHandler),
		Mail: &mail.Outbox{Secrets: secrets, PublicURL: "https://souk.example"}, Packages: map[string]servicepkg.Package{"postgresql": postgresql.Package()}, SLA: &sla.Service{Clock: w.Clock, Catalog: w.Service.Catalog}, Reach: outbound.Rules{Dev: true}})
	return w
}

// pass moves the clock on, evaluating as often as a control plane does.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	for ; d > 0; d -= every {
		w.Machine.Advance(min(d, every))
		if err := w.alerts.EvaluateDue(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// deliver delivers all that is due.
func (w *world) deliver() {
	w.t.Helper()
	for {
		more, err := w.alerts.DeliverDue(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if !more {
			return
		}
	}
}

func (w *world) tenant(f func(tx store.Tx) error) error {
	w.t.Helper()
	return w.As(w.t, w.Acme, f)
}

func (w *world) channel(in api.AlertChannelCreate) (c api.AlertChannel) {
	w.t.Helper()
	if err := w.tenant(func(tx store.Tx) (err error) {
		c, err = w.alerts.Create(w.t.Context(), tx, w.Acme.Organization, in, w.Clock.Now())
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) hook(name, url string, quiet *api.QuietHours) api.AlertChannel {
	return w.channel(api.AlertChannelCreate{Name: name, Kind: "webhook", URL: url, QuietHours: quiet})
}

func (w *world) states() (list []string) {
	w.t.Helper()
	var all []api.Alert
	if err := w.tenant(func(tx store.Tx) (err error) {
		all, err = List(w.t.Context(), tx, w.Acme.Organization, Filter{Limit: 100})
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	for _, a := range all {
		s := a.Instance + " " + a.Name + " " + a.State
		if a.NoDataSince != nil {
			s += " no data"
		}
		list = append(list, s)
	}
	return list
}

func (w *world) log() (list []api.AlertDelivery) {
	w.t.Helper()
	if err := w.tenant(func(tx store.Tx) (err error) {
		list, err = Deliveries(w.t.Context(), tx, w.Acme.Organization, Filter{Limit: 100})
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return list
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// What fires is told once, in one message, and so is that it is over.
func TestAlertFiresIsToldAndResolved(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	one, two := w.Ready(t, "one"), w.Ready(t, "two")
	made := w.hook("ops", r.URL, nil)
	w.figures.set(one.ID, 0.9)
	w.figures.set(two.ID, 0.9)
	w.pass(5 * time.Minute)
	same(t, "before its time", w.states(), "two storage-filling pending", "one storage-filling pending")
	w.pass(time.Minute)
	w.deliver()
	messages := r.take()
	same(t, "told", told(t, messages), "one storage-filling firing, two storage-filling firing")
	if !signed(made.Secret, messages[0]) || signed("whsec_AAAA", messages[0]) {
		t.Error("the message is not signed with the channel's secret")
	}
	altered := messages[0]
	altered.body = append([]byte(" "), altered.body...)
	if signed(made.Secret, altered) {
		t.Error("a changed message has the same signature")
	}
	w.figures.set(one.ID, 0.5)
	w.pass(time.Minute)
	w.deliver()
	same(t, "told", told(t, r.take()), "one storage-filling resolved")
	same(t, "at the end", w.states(), "two storage-filling firing", "one storage-filling resolved")
	for _, d := range w.log() {
		if d.Status != "sent" || d.Attempts != 1 {
			t.Errorf("a delivery is %+v", d)
		}
	}
}

// signed checks a message as receivers do.
func signed(secret string, m got) bool {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(m.header.Get("Webhook-Id") + "." + m.header.Get("Webhook-Timestamp") + "."))
	mac.Write(m.body)
	return m.header.Get("Webhook-Signature") == "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// A store that is away, and a series that is missing, resolve nothing.
func TestWhatIsNotKnownResolvesNothing(t *testing.T) {
	w := newWorld(t)
	one := w.Ready(t, "one")
	w.figures.set(one.ID, 0.9)
	w.pass(6 * time.Minute)
	same(t, "firing", w.states(), "one storage-filling firing")
	w.figures.err = &metrics.QueryError{Kind: metrics.Unavailable, Detail: "away"}
	w.pass(time.Hour)
	same(t, "the store away", w.states(), "one storage-filling firing no data")
	w.figures.err = nil
	w.figures.lose(one.ID)
	w.pass(time.Hour)
	same(t, "no series", w.states(), "one storage-filling firing no data")
	w.figures.set(one.ID, 0.9)
	w.pass(time.Minute)
	same(t, "back", w.states(), "one storage-filling firing")
	w.figures.set(one.ID, 0.1)
	w.pass(time.Minute)
	same(t, "over", w.states(), "one storage-filling resolved")
}

// The record knows of what has failed; what is suspended or deleted does not alert.
func TestPhasesAlertAndWhatIsSuspendedDoesNot(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	one, two := w.Ready(t, "one"), w.Ready(t, "two")
	w.hook("ops", r.URL, nil)
	w.Report(t, one.ID, driver.StateFailed)
	w.Report(t, two.ID, driver.StateDegraded)
	w.pass(time.Minute)
	same(t, "at first", w.states(), "two degraded pending", "one failed firing")
	w.pass(2 * time.Minute)
	same(t, "after two minutes", w.states(), "two degraded firing", "one failed firing")
	w.Act(t, "two", w.Suspend)
	w.pass(time.Minute)
	same(t, "suspended", w.states(), "two degraded resolved", "one failed firing")
	w.deliver()
	same(t, "told", told(t, r.take()), "one failed firing, two degraded resolved")
	w.figures.set(two.ID, 0.99)
	w.pass(10 * time.Minute)
	same(t, "suspended, and full", w.states(), "two degraded resolved", "one failed firing")
}

// A receiver that is away for a day gets all of it afterwards, in order: what was
// tried, and what happened meanwhile in one message.
func TestChannelDownForADay(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	one := w.Ready(t, "one")
	w.hook("ops", r.URL, nil)
	r.answer(http.StatusBadGateway)
	w.figures.set(one.ID, 0.9)
	w.pass(6 * time.Minute)
	w.deliver()
	w.figures.set(one.ID, 0.1)
	w.pass(time.Minute)
	w.figures.set(one.ID, 0.9)
	w.pass(6 * time.Minute)
	for range 50 {
		w.Machine.Advance(30 * time.Minute)
		w.deliver()
	}
	if n := len(r.take()); n < 24 || n > 100 {
		t.Errorf("tried %d times within a day", n)
	}
	if log := w.log(); log[len(log)-1].Status != "waiting" || log[len(log)-1].LastError != "It answers with status 502." {
		t.Errorf("the log says %+v", log[len(log)-1])
	}
	r.answer(http.StatusNoContent)
	w.Machine.Advance(30 * time.Minute)
	w.deliver()
	same(t, "told afterwards", told(t, r.take()), "one storage-filling firing", "one storage-filling resolved, one storage-filling firing")
}

// A receiver that never comes back is given up, and a message that is refused for
// good does not hold up the next.
func TestDeliveryIsGivenUp(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	w.hook("ops", r.URL, nil)
	r.answer(http.StatusGone)
	w.test("ops")
	w.deliver()
	r.answer(http.StatusInternalServerError)
	w.test("ops")
	for range 30 {
		w.Machine.Advance(time.Minute)
		w.deliver()
	}
	r.answer(http.StatusOK)
	w.test("ops")
	w.deliver()
	var statuses []string
	for _, d := range w.log() {
		statuses = append(statuses, d.Status)
	}
	same(t, "newest first", statuses, "sent", "failed", "failed")
}

func (w *world) test(name string) {
	w.t.Helper()
	if err := w.tenant(func(tx store.Tx) error {
		_, err := w.alerts.Test(w.t.Context(), tx, w.Acme.Organization, "acme", name, w.Clock.Now())
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
}

// A worker that dies between sending and writing that down has the message sent
// again, under the same ID.
func TestKilledBetweenSendAndNote(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	w.hook("ops", r.URL, nil)
	w.test("ops")
	var row alertdb.DueRow
	w.System(t, func(tx store.Tx) (err error) {
		row, _, _, err = w.alerts.claim(t.Context(), tx, w.Clock.Now())
		return err
	})
	if err := w.alerts.send(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	w.deliver()
	if n := len(r.take()); n != 1 {
		t.Fatalf("sent %d times while the first may still be under way", n)
	}
	w.Machine.Advance(lease)
	w.deliver()
	again := r.take()
	if len(again) != 1 || again[0].header.Get("Webhook-Id") != row.ID.String() {
		t.Errorf("sent again as %v", again)
	}
	w.Machine.Advance(time.Hour)
	w.deliver()
	if n := len(r.take()); n != 0 {
		t.Errorf("sent %d times more", n)
	}
}

// Two replicas that evaluate and deliver at once do each thing once.
func TestTwoReplicasTellOnce(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	one := w.Ready(t, "one")
	w.hook("ops", r.URL, nil)
	w.Report(t, one.ID, driver.StateFailed)
	both := func(f func() error) {
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if err := f(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	for range 4 {
		w.Machine.Advance(every)
		both(func() error { return w.alerts.EvaluateDue(t.Context()) })
		both(func() error { _, err := w.alerts.DeliverDue(t.Context()); return err })
	}
	same(t, "told", told(t, r.take()), "one failed firing")
}

// In quiet hours only what is critical is told; the rest comes when they end.
func TestQuietHoursHoldBackWhatIsNotCritical(t *testing.T) {
	w, r := newWorld(t), newReceiver(t) // at noon in Zurich
	one := w.Ready(t, "one")
	w.hook("ops", r.URL, &api.QuietHours{From: "11:00", To: "14:00", Zone: "Europe/Zurich"})
	w.figures.set(one.ID, 0.96)
	w.pass(10 * time.Minute)
	w.deliver()
	same(t, "at once", told(t, r.take()), "one storage-nearly-full firing")
	w.test("ops")
	w.deliver()
	same(t, "a test", told(t, r.take()), " test test")
	w.pass(109 * time.Minute)
	w.deliver()
	same(t, "still quiet", told(t, r.take()))
	w.figures.set(one.ID, 0.5)
	w.pass(2 * time.Minute)
	w.deliver()
	same(t, "at the end", told(t, r.take()), "one storage-nearly-full resolved", "one storage-filling resolved")
}

func TestSlackAndPagerDuty(t *testing.T) {
	w, slack, pager := newWorld(t), newReceiver(t), newReceiver(t)
	one, two := w.Ready(t, "one"), w.Ready(t, "two")
	w.channel(api.AlertChannelCreate{Name: "chat", Kind: "slack", URL: slack.URL + "/T0/secret"})
	w.channel(api.AlertChannelCreate{Name: "duty", Kind: "pagerduty", URL: pager.URL, RoutingKey: "0123456789abcdef"})
	w.Report(t, one.ID, driver.StateFailed)
	w.Report(t, two.ID, driver.StateFailed)
	w.pass(time.Minute)
	w.deliver()
	chat := slack.take()
	var text struct{ Text string }
	if len(chat) != 1 || json.Unmarshal(chat[0].body, &text) != nil || strings.Count(text.Text, "\n") != 1 || !strings.Contains(text.Text, "https://souk.example/o/acme/p/default/instances/one/runbooks/failed") {
		t.Errorf("Slack was told %q", text.Text)
	}
	type event struct {
		RoutingKey string `json:"routing_key"`
		Action     string `json:"event_action"`
		Key        string `json:"dedup_key"`
		Payload    struct{ Summary, Source, Severity string }
	}
	var first, last event
	calls := pager.take()
	if len(calls) != 2 || json.Unmarshal(calls[0].body, &first) != nil || first.Action != "trigger" || first.RoutingKey != "0123456789abcdef" || first.Payload.Severity != "critical" || first.Payload.Source == "" {
		t.Errorf("PagerDuty was told %+v in %d calls", first, len(calls))
	}
	w.Report(t, one.ID, driver.StateRunning)
	w.Report(t, two.ID, driver.StateRunning)
	w.pass(time.Minute)
	w.deliver()
	calls = pager.take()
	if len(calls) != 2 || json.Unmarshal(calls[0].body, &last) != nil || last.Action != "resolve" || last.Key != first.Key {
		t.Errorf("PagerDuty was told %+v in %d calls", last, len(calls))
	}
}

// A mail is handed to the outbox together with the note that it was; an address that
// was sent many waits, and then gets one for all.
func TestMailChannel(t *testing.T) {
	w := newWorld(t)
	w.Member(t, w.Acme.Organization, "ann@acme.example", "viewer")
	err := w.tenant(func(tx store.Tx) error {
		_, err := w.alerts.Create(t.Context(), tx, w.Acme.Organization, api.AlertChannelCreate{Name: "other", Kind: "mail", Email: "eve@elsewhere.example"}, w.Clock.Now())
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "member") {
		t.Errorf("somebody else's address: %v", err)
	}
	w.channel(api.AlertChannelCreate{Name: "ann", Kind: "mail", Email: "ann@acme.example"})
	for range mail.Most + 2 {
		w.test("ann")
		w.deliver()
		w.Machine.Advance(time.Minute)
	}
	if n := w.Count(t, "mails WHERE recipient = 'ann@acme.example'"); n != mail.Most {
		t.Errorf("%d mails are in the outbox, want %d", n, mail.Most)
	}
	if log := w.log(); log[0].Status != "waiting" || log[0].Attempts != 0 {
		t.Errorf("the one too many is %+v", log[0])
	}
}

// No channel leads into a network that is not public, and nothing of its address or
// secrets is said anywhere.
func TestHostileAddresses(t *testing.T) {
	w := newWorld(t)
	production := New(w.alerts.Config)
	production.Reach = outbound.Rules{}
	production.client = production.Reach.Client()
	for _, address := range []string{"http://example.com/x", "https://user:pass@example.com/x", "ftp://example.com", "//example.com", "https:///x", "javascript:alert(1)", "https://example.com/#x", "\x00"} {
		err := w.tenant(func(tx store.Tx) error {
			_, err := production.Create(t.Context(), tx, w.Acme.Organization, api.AlertChannelCreate{Name: "x", Kind: "webhook", URL: address}, w.Clock.Now())
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "body.url") || strings.Contains(err.Error(), "pass") {
			t.Errorf("%q: %v", address, err)
		}
	}
	redirecting := httptest.NewServer(http.RedirectHandler("http://169.254.169.254/latest/hidden", http.StatusTemporaryRedirect))
	defer redirecting.Close()
	for name, c := range map[string]struct {
		url, want string
		by        *Service
	}{
		"metadata": {"https://169.254.169.254/hidden", "private network", production},
		"loopback": {"https://127.0.0.1:1/hidden", "private network", production},
		"named":    {"https://localhost:1/hidden", "private network", production},
		"redirect": {redirecting.URL + "/hidden", "another address", w.alerts},
	} {
		made := w.hook(name, c.url, nil)
		w.test(name)
		if _, err := c.by.DeliverDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		d := w.log()[0]
		if d.Status != "waiting" || d.Attempts != 1 || !strings.Contains(d.LastError, c.want) || strings.Contains(d.LastError, "hidden") || strings.Contains(made.Target, "hidden") {
			t.Errorf("%s: %+v, target %s", name, d, made.Target)
		}
	}
	for table, row := range w.Snapshot(t) {
		if strings.Contains(row, "hidden") || strings.Contains(row, "whsec_") {
			t.Errorf("table %s holds an address or a secret in the clear", table)
		}
	}
}

// A channel that is deleted gets nothing more, and what it was told stays in the log.
func TestDeletedChannelIsToldNothing(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	w.hook("ops", r.URL, nil)
	w.test("ops")
	if err := w.tenant(func(tx store.Tx) error { return Delete(t.Context(), tx, w.Acme.Organization, "ops") }); err != nil {
		t.Fatal(err)
	}
	w.deliver()
	if n := len(r.take()); n != 0 {
		t.Errorf("it was told %d times", n)
	}
	if log := w.log(); len(log) != 1 || log[0].Status != "cancelled" || log[0].Channel != "ops" {
		t.Errorf("the log is %+v", log)
	}
}

// An organization sees nothing of another's alerts, channels and deliveries.
func TestOthersSeeNothing(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	one := w.Ready(t, "one")
	w.hook("ops", r.URL, nil)
	w.Report(t, one.ID, driver.StateFailed)
	w.pass(time.Minute)
	err := w.As(t, w.Globex, func(tx store.Tx) error {
		alerts, err := List(t.Context(), tx, w.Acme.Organization, Filter{Limit: 10})
		channels, err2 := Channels(t.Context(), tx, w.Acme.Organization)
		deliveries, err3 := Deliveries(t.Context(), tx, w.Acme.Organization, Filter{Limit: 10})
		if len(alerts)+len(channels)+len(deliveries) > 0 {
			t.Errorf("globex sees %v %v %v", alerts, channels, deliveries)
		}
		return errors.Join(err, err2, err3)
	})
	if err != nil {
		t.Error(err)
	}
}
