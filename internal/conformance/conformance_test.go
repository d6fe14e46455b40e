package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"souk/api"
)

// prove runs the suite against the service in memory.
func prove(t *testing.T, s *service, capabilities ...string) api.ConformanceReport {
	t.Helper()
	r := &Run{Project: s, Prover: s.prover(), Service: s.definition(), Zone: "local", Runner: "test", Pause: time.Millisecond, Patience: 50 * time.Millisecond, Say: t.Logf, Organization: s, Souk: s.souk}
	report, err := r.Do(t.Context(), capabilities)
	if err != nil && !s.is("orders are refused") {
		t.Fatal(err)
	}
	for name, i := range s.instances {
		if i.Status.Phase != api.PhaseDeleted {
			t.Errorf("the run left %s behind", name)
		}
	}
	if s.channel != nil {
		t.Error("the run left a channel behind")
	}
	return report
}

func states(r api.ConformanceReport) map[string]api.Proof {
	out := map[string]api.Proof{}
	for _, p := range r.Proofs {
		out[p.Capability] = p
	}
	return out
}

// What works is shown with evidence; what there is no proof of is not proven; what the
// service says that it does not have is not looked at.
func TestWhatWorksPasses(t *testing.T) {
	got := states(prove(t, newService("")))
	for _, p := range proofs {
		if got[p.capability].State != api.ProofPassed || len(got[p.capability].Evidence) == 0 {
			t.Errorf("%s: %+v", p.capability, got[p.capability])
		}
	}
	if a := got["alerting"].Alerts; len(a) != 1 || a[0].Alert != "overload" || a[0].State != api.ProofPassed || a[0].Runbook != "overload" || len(a[0].Commands) != 1 {
		t.Errorf("which alerts were provoked: %+v", a)
	}
	if p := got["telepathy"]; p.State != api.ProofNotProven || p.Reason == "" {
		t.Errorf("what nobody can prove: %+v", p)
	}
	if _, looked := got["levitation"]; looked {
		t.Error("what is not offered was looked at")
	}
}

// Each thing that a package can have wrong fails the capability that it belongs to,
// with the reason, and no other.
func TestWhatIsBrokenFails(t *testing.T) {
	failing := map[string]bool{}
	for broken, want := range map[string]struct{ capability, reason string }{
		"orders are refused":                        {"provisioning", "no room"},
		"it never becomes ready":                    {"provisioning", "does not start"},
		"nobody gets in":                            {"provisioning", "cannot be connected to"},
		"nothing can be written":                    {"provisioning", "nothing can be written"},
		"TLS is not needed":                         {"provisioning", "without TLS"},
		"any certificate will do":                   {"provisioning", "another authority"},
		"any password will do":                      {"provisioning", "wrong password"},
		"deleted instances go on":                   {"provisioning", "can still be connected to"},
		"deleting is for good":                      {"provisioning", "until when"},
		"what is brought back is empty":             {"provisioning", "after it was brought back"},
		"what is brought back has another password": {"provisioning", "not what they were"},
		"no binding can be made":                    {"bindings", "no binding can be made"},
		"a rotation does nothing":                   {"bindings", "changed nothing"},
		"a rotation leaves the old log-in":          {"bindings", "still gets in"},
		"what is revoked goes on":                   {"bindings", "still gets in"},
		"sessions of the revoked go on":             {"bindings", "goes on"},
		"wrong values are taken":                    {"parameters", "speed = never was taken"},
		"unknown parameters are taken":              {"parameters", "no-such-parameter = 1 was taken"},
		"what is wrong is refused without its name": {"parameters", "without its name"},
		"settings do not come into force":           {"parameters", `the server says "slow"`},
		"networks are not kept out":                 {"networks", "not allowed got in"},
		"the log cannot be read":                    {"logs", "cannot be read"},
		"nothing is logged":                         {"logs", "no line"},
		"there are no figures":                      {"metrics", "Load, writes"},
		"figures stand still":                       {"metrics", "Load, writes"},
		"plans are not changed":                     {"scaling", "says plan small"},
		"a change of plan loses the data":           {"scaling", `under "canary"`},
		"nothing is said before":                    {"scaling", "nothing changes"},
		"storage shrinks":                           {"scaling", "not refused"},
		"drills fail":                               {"backup", "A page is damaged"},
		"drills have no certificate":                {"backup", "without a certificate"},
		"what is put off is done at once":           {"maintenance", "made at once"},
		"what is put off is forgotten":              {"maintenance", "nothing is planned"},
		"nothing can be put off again":              {"maintenance", "the same time"},
		"the work fails":                            {"maintenance", "did not start"},
		"the work does nothing":                     {"maintenance", "plan in force is small"},
		"backups fail":                              {"backup", "The store is away"},
		"backups are empty":                         {"backup", "in what was restored"},
		"backups are of what is now":                {"backup", "later than was asked for"},
		"nobody is told":                            {"alerting", "told nothing"},
		"messages are not signed":                   {"alerting", "not signed"},
		"the runbook mends nothing":                 {"alerting", "says nothing that mends it"},
		"the runbook's command fails":               {"alerting", "unknown flag"},
		"alerts never end":                          {"alerting", "not told to be resolved"},
	} {
		t.Run(broken, func(t *testing.T) {
			failing[want.capability] = true
			got := states(prove(t, newService(broken)))
			if p := got[want.capability]; p.State != api.ProofFailed || !strings.Contains(p.Reason, want.reason) {
				t.Errorf("%s: %+v", want.capability, p)
			}
			for _, p := range proofs {
				state := got[p.capability].State
				if p.capability != want.capability && state != api.ProofPassed && (want.capability != "provisioning" || state != api.ProofNotProven) {
					t.Errorf("%s, which is not broken, is %+v", p.capability, got[p.capability])
				}
			}
		})
	}
	for _, p := range proofs {
		if !failing[p.capability] {
			t.Errorf("nothing shows that the proof of %s can fail", p.capability)
		}
	}
}

// A run that is cut short removes what it made, and one that was killed leaves it to
// the next.
func TestRunsCleanUp(t *testing.T) {
	s := newService("")
	ctx, cancel := context.WithCancel(t.Context())
	r := &Run{Project: s, Prover: s.prover(), Service: s.definition(), Zone: "local", Pause: time.Millisecond, Say: func(format string, args ...any) {
		if strings.Contains(fmt.Sprintf(format, args...), "Ordered") {
			cancel()
		}
	}}
	if _, err := r.Do(ctx, nil); err == nil {
		t.Error("a run that was cut short says nothing of it")
	}
	for name, i := range s.instances {
		if i.Status.Phase != api.PhaseDeleted {
			t.Errorf("%s is left", name)
		}
	}
	killed := &Run{Project: s, Prover: s.prover(), Service: s.definition(), Zone: "local"}
	if err := killed.begin(nil); err != nil {
		t.Fatal(err)
	}
	left, _, err := killed.order(t.Context(), "left", api.InstanceSpec{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	prove(t, s, "logs")
	if i := s.instances[left.Metadata.Name]; i.Status.Phase != api.PhaseDeleted {
		t.Errorf("what was left by a run that was killed is %s", i.Status.Phase)
	}
}

func TestWhatIsChosen(t *testing.T) {
	s := newService("")
	var names []string
	for _, p := range prove(t, s, "logs").Proofs {
		names = append(names, p.Capability)
	}
	if !slices.Equal(names, []string{"provisioning", "logs"}) {
		t.Errorf("looked at %v", names)
	}
	r := &Run{Project: s, Prover: s.prover(), Service: s.definition(), Zone: "local"}
	if _, err := r.Do(t.Context(), []string{"levitation"}); err == nil || !strings.Contains(err.Error(), "it has: provisioning") {
		t.Errorf("what is not offered: %v", err)
	}
	r.Zone = "nowhere"
	if _, err := r.Do(t.Context(), nil); err == nil {
		t.Error("a zone that there is not")
	}
}
