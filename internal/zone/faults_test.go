package zone_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/agentapi"
	"souk/internal/agentapi/conformance"
	"souk/internal/clock"
	"souk/internal/driver"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
	"souk/internal/zone"
)

// said is a fact by hand.
func (p *plane) said(sequence uint64, id string, state driver.State) agentapi.Fact {
	return agentapi.Fact{Sequence: sequence, BootID: "boot", InstanceID: id, EffectiveAt: p.Clock.Now(), RealAt: p.Machine.Now(), Observation: driver.Observation{State: state, Generation: 1}}
}

func mustSay(t *testing.T, what string, status, want int, code, wantCode string) {
	t.Helper()
	if status != want || code != wantCode {
		t.Errorf("%s was answered with %d %q, want %d %q", what, status, code, want, wantCode)
	}
}

// Facts about instances of other zones, or of none, are set aside: acknowledged,
// so that they hold nothing up, and without any effect.
func TestFactsAboutOthersInstancesAreSetAside(t *testing.T) {
	p := newPlane(t)
	cp := p.conformance()
	a := conformance.Enrol(t, cp)
	mine := cp.Order()
	foreign := p.order()
	p.Superuser(t, true, "UPDATE instances SET zone_id = $1 WHERE id = $2", p.Abroad, foreign)
	before := p.Snapshot(t)
	receipt, status, code := a.Facts(p.said(1, foreign.String(), driver.StateRunning), p.said(2, uuid.NewString(), driver.StateGone), p.said(3, "'; DROP TABLE facts", driver.StateGone), p.said(4, mine, "dancing"))
	mustSay(t, "the batch", status, http.StatusOK, code, "")
	if receipt.Acknowledged != 4 {
		t.Errorf("acknowledged up to %d", receipt.Acknowledged)
	}
	after := p.Snapshot(t)
	before["zone_agents"] = after["zone_agents"]
	for table := range after {
		if after[table] != before[table] {
			t.Errorf("table %s has changed", table)
		}
	}
	receipt, status, code = a.Facts(p.said(1, foreign.String(), driver.StateRunning), p.said(5, mine, driver.StateRunning))
	mustSay(t, "a repeat and what follows", status, http.StatusOK, code, "")
	if v := p.View(t, uuid.MustParse(mine)); receipt.Acknowledged != 5 || v.Phase != "Ready" {
		t.Errorf("acknowledged up to %d; %s", receipt.Acknowledged, v.Phase)
	}
}

// A long batch is taken in by parts; where it breaks off, what came before stays.
func TestLongBatchWithAGap(t *testing.T) {
	p := newPlane(t)
	cp := p.conformance()
	a := conformance.Enrol(t, cp)
	id := cp.Order()
	var facts []agentapi.Fact
	for n := range uint64(120) {
		facts = append(facts, p.said(n+1, id, []driver.State{driver.StateRunning, driver.StateDegraded}[n%2]))
	}
	gap := append(append([]agentapi.Fact{}, facts[:110]...), facts[111:]...)
	_, status, code := a.Facts(gap...)
	mustSay(t, "a gap at 111", status, http.StatusConflict, code, "gap")
	if hello, _, _ := a.Hello(); hello.Acknowledged != 100 {
		t.Errorf("%d facts are acknowledged, want the two parts before the gap", hello.Acknowledged)
	}
	receipt, status, code := a.Facts(facts...)
	mustSay(t, "the whole batch", status, http.StatusOK, code, "")
	if n := p.Count(t, "facts"); receipt.Acknowledged != 120 || n != 120 {
		t.Errorf("acknowledged up to %d, %d stored", receipt.Acknowledged, n)
	}
	p.mustAudit()
}

// The same batch at once from two connections, as after a lost answer, is taken
// in once.
func TestSameBatchTwiceAtOnce(t *testing.T) {
	p := newPlane(t)
	cp := p.conformance()
	a := conformance.Enrol(t, cp)
	id := cp.Order()
	var facts []agentapi.Fact
	for n := range uint64(60) {
		facts = append(facts, p.said(n+1, id, []driver.State{driver.StateRunning, driver.StateDegraded}[n%2]))
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if receipt, status, code := a.Facts(facts...); status != http.StatusOK || receipt.Acknowledged != 60 {
				t.Errorf("answered with %d %s, acknowledged up to %d", status, code, receipt.Acknowledged)
			}
		})
	}
	all.Wait()
	if n := p.Count(t, "facts"); n != 60 {
		t.Errorf("%d facts are stored", n)
	}
	p.mustAudit()
}

func TestBadRequestsOfAgents(t *testing.T) {
	p := newPlane(t)
	cp := p.conformance()
	a := conformance.Enrol(t, cp)
	key := conformance.NewKey(t)
	odd := p.said(1, cp.Order(), driver.StateRunning)
	odd.BootID = "a\x00b"
	for _, c := range []struct {
		what, path string
		body       any
		status     int
		code       string
	}{
		{"a document of another kind", agentapi.PathFacts, []int{1}, http.StatusBadRequest, "malformed"},
		{"20 MB", agentapi.PathFacts, strings.Repeat("x", 20<<20), http.StatusBadRequest, "malformed"},
		{"facts of another epoch", agentapi.PathFacts, agentapi.FactBatch{Epoch: 7}, http.StatusConflict, agentapi.CodeSuperseded},
		{"a boot ID with a zero byte", agentapi.PathFacts, agentapi.FactBatch{Epoch: 1, Facts: []agentapi.Fact{odd}}, http.StatusUnprocessableEntity, "invalid"},
		{"hello with a zero byte", agentapi.PathHello, agentapi.Hello{Protocol: 1, BootID: "\x00"}, http.StatusUnprocessableEntity, "invalid"},
		{"an agent of a far version", agentapi.PathHello, agentapi.Hello{Protocol: agentapi.ProtocolVersion + 2}, http.StatusUpgradeRequired, "agent-version"},
		{"no certificate request", agentapi.PathRotate, agentapi.RotateRequest{}, http.StatusUnprocessableEntity, "invalid"},
		{"a certificate request that is none", agentapi.PathRotate, agentapi.RotateRequest{CSR: "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"}, http.StatusUnprocessableEntity, "invalid"},
		{"a token with SQL in it", agentapi.PathEnrol, agentapi.EnrolRequest{Token: "' OR ''='", CSR: key.CSR}, http.StatusForbidden, "token-refused"},
		{"no token", agentapi.PathEnrol, agentapi.EnrolRequest{CSR: key.CSR}, http.StatusForbidden, "token-refused"},
	} {
		t.Run(c.what, func(t *testing.T) {
			status, code := a.Post(c.path, c.body, nil)
			mustSay(t, "it", status, c.status, code, c.code)
		})
	}
	for _, token := range []string{"x", "1-", "-1", "1-2-3", "1-a", "'; DROP TABLE changes"} {
		_, status, code := a.Desired(token)
		mustSay(t, "the token "+token, status, http.StatusUnprocessableEntity, code, "invalid")
	}
	_, status, code := a.Desired("999999999-1")
	mustSay(t, "a token from the future", status, http.StatusGone, code, "compacted")
}

// A token that has expired enrols nobody.
func TestExpiredTokenEnrolsNobody(t *testing.T) {
	p := newPlane(t)
	cp := p.conformance()
	token := cp.Token()
	p.Machine.Advance(24*time.Hour - time.Microsecond)
	key := conformance.NewKey(t)
	if _, status, code := conformance.EnrolWith(t, cp, token, key); status != http.StatusOK {
		t.Errorf("in time it was answered with %d %s", status, code)
	}
	late := cp.Token()
	p.Machine.Advance(24 * time.Hour)
	_, status, code := conformance.EnrolWith(t, cp, late, key)
	mustSay(t, "an expired token", status, http.StatusForbidden, code, "token-refused")
}

// One token, many machines at once: one of them is enrolled.
func TestRaceForOneToken(t *testing.T) {
	p := newPlane(t)
	cp := p.conformance()
	token := cp.Token()
	var mu sync.Mutex
	enrolled := 0
	var all sync.WaitGroup
	for range 6 {
		key := conformance.NewKey(t)
		all.Go(func() {
			_, status, code := conformance.EnrolWith(t, cp, token, key)
			mu.Lock()
			defer mu.Unlock()
			if status == http.StatusOK {
				enrolled++
			} else if code != "token-refused" {
				t.Errorf("answered with %d %s", status, code)
			}
		})
	}
	all.Wait()
	if n := p.Count(t, "zone_agents WHERE epoch = 1"); enrolled != 1 || n != 1 {
		t.Errorf("%d machines were enrolled", enrolled)
	}
}

// An agent whose access was revoked gets nothing more, on streams that stand
// open either; a new enrolment brings the zone back.
func TestRevokedAgentGetsNothing(t *testing.T) {
	p := newPlane(t)
	cp := p.conformance()
	a := conformance.Enrol(t, cp)
	id := cp.Order()
	s, _, _ := a.Desired("")
	s.Until("the list's end", func(e agentapi.DesiredEvent) bool { return e.Synced })
	requests := openRequests(t, p, a)
	p.Superuser(t, false, "UPDATE zone_agents SET revoked_at = $1", p.Clock.Now())
	for _, ok := s.Next(); ok; {
		_, ok = s.Next()
	}
	requests.awaitEnd(t)
	_, status, code := a.Hello()
	mustSay(t, "hello", status, http.StatusForbidden, code, "revoked")
	_, status, code = a.Facts(p.said(1, id, driver.StateRunning))
	mustSay(t, "facts", status, http.StatusForbidden, code, "revoked")
	_, status, code = a.Desired("")
	mustSay(t, "a stream", status, http.StatusForbidden, code, "revoked")
	_, status, code = a.Rotate(conformance.NewKey(t))
	mustSay(t, "a renewal", status, http.StatusForbidden, code, "revoked")
	_, status, code = conformance.Enrol(t, cp).Hello()
	mustSay(t, "hello of the next", status, http.StatusOK, code, "")
}

// A superseded agent's open stream of requests ends, so that nobody's logs are
// asked of it any more.
func TestSupersededAgentIsAskedNothing(t *testing.T) {
	p := newPlane(t)
	cp := p.conformance()
	a := conformance.Enrol(t, cp)
	requests := openRequests(t, p, a)
	conformance.Enrol(t, cp)
	requests.awaitEnd(t)
	if err := p.zones.Logs(t.Context(), p.Zone, uuid.NewString(), driver.LogOptions{}, new(bytes.Buffer)); code(err) != "zone-unreachable" {
		t.Errorf("asking for logs: %v", err)
	}
}

type requestStream struct{ ended chan struct{} }

// openRequests opens an agent's stream of requests into the zone.
func openRequests(t *testing.T, p *plane, a *conformance.Agent) *requestStream {
	t.Helper()
	s := &requestStream{make(chan struct{})}
	go func() {
		defer close(s.ended)
		a.Requests(func(agentapi.Request) {})
	}()
	p.eventually("the stream stands", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		return p.zones.Logs(ctx, p.Zone, uuid.NewString(), driver.LogOptions{}, new(bytes.Buffer)) == nil
	})
	return s
}

func (s *requestStream) awaitEnd(t *testing.T) {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Fatal("its stream of requests goes on")
	}
}

// A certificate of another authority proves nothing, whatever it says.
func TestForeignCertificateIsNobody(t *testing.T) {
	p, q := newPlane(t), newPlane(t)
	theirs := conformance.Enrol(t, q.conformance())
	conformance.Enrol(t, p.conformance())
	_, status, code := theirs.At(p.conformance()).Hello()
	mustSay(t, "hello", status, http.StatusUnauthorized, code, "no-identity")
	conn, err := tls.Dial("tcp", p.address, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
	if err == nil {
		conn.Close()
		t.Error("TLS 1.2 is taken")
	}
}

// Replicas that start at once share one authority, and one clock.
func TestReplicasShareAuthorityAndClock(t *testing.T) {
	w := instancetest.Empty(t)
	var all sync.WaitGroup
	cas := make([]string, 4)
	for i := range cas {
		all.Go(func() {
			z, err := zone.New(context.Background(), zone.Config{Store: w.Store, Clock: w.Clock, Secrets: w.Secrets, Instances: w.Service})
			if err != nil {
				t.Error(err)
				return
			}
			cas[i] = z.CA()
		})
	}
	all.Wait()
	for _, ca := range cas {
		if ca != cas[0] || ca == "" {
			t.Error("replicas have authorities of their own")
		}
	}

	replica := func() (*zone.Zones, *clock.Offset) {
		c := &clock.Offset{Real: w.Machine.Now}
		if err := zone.LoadClock(t.Context(), w.Store, c); err != nil {
			t.Fatal(err)
		}
		z, err := zone.New(t.Context(), zone.Config{Store: w.Store, Clock: c, Secrets: w.Secrets, Instances: w.Service})
		if err != nil {
			t.Fatal(err)
		}
		return z, c
	}
	a, clockA := replica()
	b, clockB := replica()
	for _, z := range []*zone.Zones{a, b} {
		if err := z.KeepClock(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var offset time.Duration
	w.System(t, func(tx store.Tx) (err error) {
		offset, err = a.AdvanceClock(t.Context(), tx, 48*time.Hour)
		return err
	})
	a.ClockAdvanced(offset)
	if clockB.Offset() != 0 {
		t.Error("the other replica cannot know yet")
	}
	if err := b.KeepClock(t.Context()); err != nil || clockB.Offset() != 48*time.Hour || !clockA.Now().Equal(clockB.Now()) {
		t.Errorf("the clocks say %s and %s: %v", clockA.Now(), clockB.Now(), err)
	}
	// After a restart, on a machine whose own clock was set back, time goes on.
	latest := clockA.Now()
	if err := a.KeepClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Machine.Set(instancetest.Start.AddDate(0, -1, 0))
	if _, c := replica(); c.Now().Before(latest) || c.Offset() != 48*time.Hour {
		t.Errorf("after a restart the clock says %s, before it said %s", c.Now(), latest)
	}
}

// Agents are told at once when Souk's clock is advanced.
func TestAdvancedClockIsTold(t *testing.T) {
	p := newPlane(t)
	a := conformance.Enrol(t, p.conformance())
	s, _, _ := a.Desired("")
	s.Until("the list's end", func(e agentapi.DesiredEvent) bool { return e.Synced })
	var offset time.Duration
	if err := p.zones.KeepClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.System(t, func(tx store.Tx) (err error) {
		offset, err = p.zones.AdvanceClock(t.Context(), tx, 7*24*time.Hour)
		return err
	})
	p.zones.ClockAdvanced(offset)
	_, e, _ := s.Until("the clock", func(e agentapi.DesiredEvent) bool { return e.Clock != nil })
	if e.Clock.Offset != 7*24*time.Hour {
		t.Errorf("told %s", e.Clock.Offset)
	}
	if hello, _, _ := a.Hello(); hello.Clock.Offset != 7*24*time.Hour {
		t.Errorf("hello says %s", hello.Clock.Offset)
	}
}
