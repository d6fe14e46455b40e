package conformance

import (
	"net/http"
	"testing"
	"time"

	"souk/internal/agentapi"
	"souk/internal/driver"
)

func mustAnswer(t *testing.T, what string, status, want int, code string, wantCode ...string) {
	t.Helper()
	if status != want || (len(wantCode) > 0 && code != wantCode[0]) {
		t.Errorf("%s was answered with %d %q, want %d %v", what, status, code, want, wantCode)
	}
}

// mustRefuse: unknown identities and tokens are 401 or 403.
func mustRefuse(t *testing.T, what string, status int) {
	t.Helper()
	if status != http.StatusUnauthorized && status != http.StatusForbidden {
		t.Errorf("%s was answered with %d", what, status)
	}
}

func enrolAgain(t *testing.T, cp ControlPlane) {
	token, key := cp.Token(), NewKey(t)
	first, status, code := EnrolWith(t, cp, token, key)
	mustAnswer(t, "enrolling", status, http.StatusOK, code)
	again, status, code := EnrolWith(t, cp, token, key)
	mustAnswer(t, "enrolling again", status, http.StatusOK, code)
	if first.Epoch != again.Epoch || first.Zone != again.Zone {
		t.Errorf("enrolled for epoch %d, then for %d", first.Epoch, again.Epoch)
	}
	for _, a := range []*Agent{first, again} {
		_, status, code = a.Hello()
		mustAnswer(t, "hello", status, http.StatusOK, code)
	}
}

func tokenIsSpent(t *testing.T, cp ControlPlane) {
	token := cp.Token()
	a, _, _ := EnrolWith(t, cp, token, NewKey(t))
	_, status, _ := EnrolWith(t, cp, token, NewKey(t))
	mustRefuse(t, "a spent token with another key", status)
	_, status, _ = EnrolWith(t, cp, "made-up", NewKey(t))
	mustRefuse(t, "a made-up token", status)
	_, status, code := a.Hello()
	mustAnswer(t, "hello of the one that was enrolled", status, http.StatusOK, code)
}

func noCertificate(t *testing.T, cp ControlPlane) {
	a := Stranger(t, cp)
	for _, path := range []string{agentapi.PathHello, agentapi.PathFacts, agentapi.PathRotate, agentapi.PathStream} {
		status, _ := a.Post(path, struct{}{}, nil)
		mustRefuse(t, path, status)
	}
	_, status, _ := a.Desired("")
	mustRefuse(t, agentapi.PathDesired, status)
}

func fact(cp ControlPlane, id string, sequence uint64) agentapi.Fact {
	return agentapi.Fact{Sequence: sequence, BootID: "boot", InstanceID: id, EffectiveAt: cp.Now().UTC(), RealAt: cp.Now().UTC(),
		Observation: driver.Observation{State: driver.StateRunning, Generation: 1}}
}

func factsOnce(t *testing.T, cp ControlPlane) {
	a, id := Enrol(t, cp), cp.Order()
	one, two, three := fact(cp, id, 1), fact(cp, id, 2), fact(cp, id, 3)
	for _, c := range []struct {
		what  string
		facts []agentapi.Fact
		want  uint64
	}{
		{"the first", []agentapi.Fact{one}, 1},
		{"the first again", []agentapi.Fact{one}, 1},
		{"all", []agentapi.Fact{one, two, three}, 3},
		{"old ones", []agentapi.Fact{one, two}, 3},
	} {
		receipt, status, code := a.Facts(c.facts...)
		mustAnswer(t, c.what, status, http.StatusOK, code)
		if receipt.Acknowledged != c.want {
			t.Errorf("%s: acknowledged up to %d, want %d", c.what, receipt.Acknowledged, c.want)
		}
	}
}

func factsGap(t *testing.T, cp ControlPlane) {
	a, id := Enrol(t, cp), cp.Order()
	if _, status, _ := a.Facts(fact(cp, id, 2)); status/100 != 4 {
		t.Errorf("a gap was answered with %d", status)
	}
	receipt, status, code := a.Facts(fact(cp, id, 1))
	mustAnswer(t, "what was missing", status, http.StatusOK, code)
	if receipt.Acknowledged != 1 {
		t.Errorf("acknowledged up to %d", receipt.Acknowledged)
	}
}

func factsConflict(t *testing.T, cp ControlPlane) {
	a, id := Enrol(t, cp), cp.Order()
	one := fact(cp, id, 1)
	_, status, code := a.Facts(one)
	mustAnswer(t, "the first", status, http.StatusOK, code)
	other := one
	other.BootID, other.EffectiveAt = "another boot", one.EffectiveAt.Add(-time.Second)
	_, status, code = a.Facts(other)
	mustAnswer(t, "another one of the same number", status, http.StatusConflict, code, agentapi.CodeFactConflict)
}

func helloAcknowledges(t *testing.T, cp ControlPlane) {
	a, id := Enrol(t, cp), cp.Order()
	for n := range uint64(3) {
		hello, status, code := a.Hello()
		mustAnswer(t, "hello", status, http.StatusOK, code)
		if hello.Acknowledged != n {
			t.Errorf("after %d facts hello says %d", n, hello.Acknowledged)
		}
		a.Facts(fact(cp, id, n+1))
	}
}

func synced(e agentapi.DesiredEvent) bool    { return e.Synced }
func heartbeat(e agentapi.DesiredEvent) bool { return e.Heartbeat }

func about(id string) func(agentapi.DesiredEvent) bool {
	return func(e agentapi.DesiredEvent) bool { return e.Instance != nil && e.Instance.ID == id }
}

func mustOpen(t *testing.T, a *Agent, token string) *Stream {
	t.Helper()
	s, status, code := a.Desired(token)
	if s == nil {
		t.Fatalf("the stream was answered with %d %s", status, code)
	}
	return s
}

func streamFollows(t *testing.T, cp ControlPlane) {
	a, first := Enrol(t, cp), cp.Order()
	s := mustOpen(t, a, "")
	if e, ok := s.Next(); !ok || e.Clock == nil {
		t.Errorf("a stream begins with %+v, not with the clock", e)
	}
	listed, end, _ := s.Until("the list's end", synced)
	if len(listed) != 1 || listed[0].ID != first || end.Token == "" {
		t.Errorf("listed %d instances, token %q", len(listed), end.Token)
	}
	second := cp.Order()
	_, e, _ := s.Until("the second order", about(second))
	if e.Token == "" || e.Instance.Intent != agentapi.IntentActive || e.Instance.Generation < 1 || e.Instance.AcceptedAt.IsZero() {
		t.Errorf("the order came as %+v", e)
	}
	cp.Change(first)
	s.Until("the change", about(first))
}

func streamResumes(t *testing.T, cp ControlPlane) {
	a := Enrol(t, cp)
	first, second := cp.Order(), cp.Order()
	s := mustOpen(t, a, "")
	_, _, token := s.Until("the list's end", synced)
	s.Close()
	cp.Change(second)
	third := cp.Order()
	s = mustOpen(t, a, token)
	seen, _, after := s.Until("the third order", about(third))
	if len(seen) != 2 || seen[0].ID != second {
		t.Errorf("resumed with %d instances; %s had not changed", len(seen), first)
	}
	s.Close()
	s = mustOpen(t, a, after)
	if seen, _, _ := s.Until("a heartbeat", heartbeat); len(seen) != 0 {
		t.Errorf("resumed after everything with %d instances", len(seen))
	}
	s.Close()
	s = mustOpen(t, a, token) // a token is good for more than once
	s.Until("the third order again", about(third))
}

func streamCompacted(t *testing.T, cp ControlPlane) {
	a, id := Enrol(t, cp), cp.Order()
	s := mustOpen(t, a, "")
	_, _, token := s.Until("the list's end", synced)
	s.Close()
	cp.Change(id)
	cp.Compact()
	_, status, code := a.Desired(token)
	mustAnswer(t, "a token that is too old", status, http.StatusGone, code)
	s = mustOpen(t, a, "")
	if listed, _, _ := s.Until("the list's end", synced); len(listed) != 1 {
		t.Errorf("listed %d instances", len(listed))
	}
}

func streamBeats(t *testing.T, cp ControlPlane) {
	s := mustOpen(t, Enrol(t, cp), "")
	s.Until("the list's end", synced)
	for range 3 {
		s.Until("a heartbeat", heartbeat)
	}
}

func superseded(t *testing.T, cp ControlPlane) {
	token, key := cp.Token(), NewKey(t)
	old, _, _ := EnrolWith(t, cp, token, key)
	id := cp.Order()
	s := mustOpen(t, old, "")
	s.Until("the list's end", synced)
	old.Facts(fact(cp, id, 1))
	next := Enrol(t, cp)
	if next.Epoch <= old.Epoch {
		t.Errorf("epoch %d follows %d", next.Epoch, old.Epoch)
	}
	for _, ok := s.Next(); ok; { // the stream that stands open ends
		_, ok = s.Next()
	}
	_, status, code := old.Hello()
	mustAnswer(t, "hello of the one before", status, http.StatusConflict, code, agentapi.CodeSuperseded)
	_, status, code = old.Facts(fact(cp, id, 2))
	mustAnswer(t, "facts of the one before", status, http.StatusConflict, code, agentapi.CodeSuperseded)
	_, status, code = old.Desired("")
	mustAnswer(t, "a stream of the one before", status, http.StatusConflict, code, agentapi.CodeSuperseded)
	_, status, code = old.Rotate(NewKey(t))
	mustAnswer(t, "a renewal of the one before", status, http.StatusConflict, code, agentapi.CodeSuperseded)
	_, status, code = EnrolWith(t, cp, token, key)
	mustAnswer(t, "a repeated enrolment of the one before", status, http.StatusConflict, code, agentapi.CodeSuperseded)
	hello, status, code := next.Hello()
	mustAnswer(t, "hello of the new one", status, http.StatusOK, code)
	if hello.Acknowledged != 0 {
		t.Errorf("the new epoch begins at fact %d", hello.Acknowledged)
	}
	receipt, status, code := next.Facts(fact(cp, id, 1))
	mustAnswer(t, "the first fact of the new one", status, http.StatusOK, code)
	if receipt.Acknowledged != 1 {
		t.Errorf("acknowledged up to %d", receipt.Acknowledged)
	}
}

func rotates(t *testing.T, cp ControlPlane) {
	a := Enrol(t, cp)
	next, status, code := a.Rotate(NewKey(t))
	mustAnswer(t, "a renewal", status, http.StatusOK, code)
	if next.Epoch != a.Epoch || next.Zone != a.Zone {
		t.Errorf("renewed for epoch %d of %s", next.Epoch, next.Zone)
	}
	_, status, code = a.Hello() // the new one may have been lost on its way
	mustAnswer(t, "hello with the old certificate", status, http.StatusOK, code)
	_, status, code = next.Hello()
	mustAnswer(t, "hello with the new certificate", status, http.StatusOK, code)
}

func rotatesAgain(t *testing.T, cp ControlPlane) {
	a, key := Enrol(t, cp), NewKey(t)
	a.Rotate(key)
	next, status, code := a.Rotate(key)
	if next == nil {
		t.Fatalf("the repeat was answered with %d %s", status, code)
	}
	_, status, code = next.Hello()
	mustAnswer(t, "hello with the new certificate", status, http.StatusOK, code)
}

func expiredRenews(t *testing.T, cp ControlPlane) {
	a := Enrol(t, cp)
	cp.Advance(30 * 24 * time.Hour)
	_, status, _ := a.Hello()
	mustAnswer(t, "hello with an expired certificate", status, http.StatusUnauthorized, "")
	_, status, _ = a.Desired("")
	mustAnswer(t, "a stream with an expired certificate", status, http.StatusUnauthorized, "")
	next, status, code := a.Rotate(NewKey(t))
	mustAnswer(t, "the renewal", status, http.StatusOK, code)
	_, status, code = next.Hello()
	mustAnswer(t, "hello with the new certificate", status, http.StatusOK, code)
}

func expiredRepeats(t *testing.T, cp ControlPlane) {
	a, key := Enrol(t, cp), NewKey(t)
	a.Rotate(key) // the answer is lost, and then the machine is off for long
	cp.Advance(30 * 24 * time.Hour)
	if _, status, _ := a.Rotate(NewKey(t)); status/100 != 4 {
		t.Errorf("a renewal with yet another key was answered with %d", status)
	}
	next, status, code := a.Rotate(key)
	if next == nil {
		t.Fatalf("the repeat was answered with %d %s", status, code)
	}
	_, status, code = next.Hello()
	mustAnswer(t, "hello with the new certificate", status, http.StatusOK, code)
}

func expiredAndOld(t *testing.T, cp ControlPlane) {
	a := Enrol(t, cp)
	next, _, _ := a.Rotate(NewKey(t))
	_, status, code := next.Hello()
	mustAnswer(t, "hello with the new certificate", status, http.StatusOK, code)
	cp.Advance(2 * CertificateLife)
	_, status, _ = a.Rotate(NewKey(t))
	mustRefuse(t, "a renewal with the old one", status)
}
