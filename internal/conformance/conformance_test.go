package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/servicepkg"
	"souk/services/all"
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
	var provoked []string
	for _, a := range got["alerting"].Alerts {
		provoked = append(provoked, fmt.Sprint(a.Alert, " ", a.State, " ", a.Runbook, " ", len(a.Commands)))
	}
	if want := []string{"overload passed overload 1", "refusals passed overload 1", "hiccup passed hiccup 0"}; !slices.Equal(provoked, want) {
		t.Errorf("which alerts were provoked: %q", provoked)
	}
	if told := strings.Join(got["alerting"].Evidence, " "); !strings.Contains(told, "flood: the fault cannot be provoked: not tried: it has too much room") {
		t.Errorf("what was not provoked is not said: %s", told)
	}
	if is := got["maintenance"].Upgraded; is != "1.0 to 1.1" {
		t.Errorf("a newer version was brought in: %q", is)
	}
	if p := got["telepathy"]; p.State != api.ProofNotProven || p.Reason == "" {
		t.Errorf("what nobody can prove: %+v", p)
	}
	if _, looked := got["levitation"]; looked {
		t.Error("what is not offered was looked at")
	}
}

// Where a zone has one version of an engine, nothing is said to be upgraded.
func TestOneVersionIsNoUpgrade(t *testing.T) {
	got := states(prove(t, newService("there is one version only"), "maintenance"))["maintenance"]
	if got.State != api.ProofPassed || got.Upgraded != "" || !strings.Contains(strings.Join(got.Evidence, " "), "was not tried") {
		t.Errorf("%+v", got)
	}
}

// Whatever a service declares has a proof, or else it says why nothing is proven; and what
// the proofs need of a package is there.
func TestEveryDeclaredCapabilityHasItsProof(t *testing.T) {
	for name, p := range all.Packages() {
		if p.Prover == nil {
			t.Errorf("%s does not say how it is proven", name)
			continue
		}
		for _, driver := range []string{"process", "kubernetes"} {
			for _, c := range p.Definition.CapabilitiesWith(driver) {
				proven := slices.ContainsFunc(proofs, func(of proof) bool { return of.capability == c.Name })
				if c.Offered && !proven {
					t.Errorf("%s declares %s with the driver %s, of which there is no proof", name, c.Name, driver)
				}
			}
		}
		for _, fault := range p.Prover.Faults {
			runbook := ""
			for _, alert := range fault.Alerts {
				i := slices.IndexFunc(p.AllAlerts(), func(a servicepkg.Alert) bool { return a.Name == alert })
				if i < 0 {
					t.Errorf("%s has a fault for an alert %s that there is not", name, alert)
					continue
				}
				if is := p.AllAlerts()[i].Runbook; runbook != "" && is != runbook {
					t.Errorf("%s has one fault for alerts of the runbooks %s and %s", name, runbook, is)
				}
				runbook = p.AllAlerts()[i].Runbook
			}
			page, _ := p.Runbook(runbook, servicepkg.RunbookValues{})
			if commands := len(mending(page)); (commands == 0) != fault.Passes {
				t.Errorf("%s: the runbook %s has %d commands that change something, and its fault says %t", name, runbook, commands, fault.Passes)
			}
		}
	}
	if p := states(prove(t, newService(""), "telepathy"))["telepathy"]; p.State != api.ProofNotProven || p.Reason == "" {
		t.Errorf("what there is no proof of: %+v", p)
	}
}

// Each thing that a package can have wrong fails the capability that it belongs to,
// with the reason, and no other.
func TestWhatIsBrokenFails(t *testing.T) {
	failing := map[string]bool{}
	for broken, want := range map[string]struct{ capability, reason string }{
		"orders are refused":                               {"provisioning", "no room"},
		"it never becomes ready":                           {"provisioning", "does not start"},
		"nobody gets in":                                   {"provisioning", "cannot be connected to"},
		"nothing can be written":                           {"provisioning", "nothing can be written"},
		"TLS is not needed":                                {"provisioning", "without TLS"},
		"any certificate will do":                          {"provisioning", "another authority"},
		"any password will do":                             {"provisioning", "wrong password"},
		"deleted instances go on":                          {"provisioning", "can still be connected to"},
		"deleting is for good":                             {"provisioning", "until when"},
		"what is brought back is empty":                    {"provisioning", "after it was brought back"},
		"what is brought back has another password":        {"provisioning", "not what they were"},
		"no binding can be made":                           {"bindings", "no binding can be made"},
		"a rotation does nothing":                          {"bindings", "changed nothing"},
		"a rotation leaves the old log-in":                 {"bindings", "still gets in"},
		"what is revoked goes on":                          {"bindings", "still gets in"},
		"sessions of the revoked go on":                    {"bindings", "goes on"},
		"wrong values are taken":                           {"parameters", "speed = never was taken"},
		"unknown parameters are taken":                     {"parameters", "no-such-parameter = 1 was taken"},
		"what is wrong is refused without its name":        {"parameters", "without its name"},
		"settings do not come into force":                  {"parameters", `the server says "slow"`},
		"networks are not kept out":                        {"networks", "not allowed got in"},
		"the log cannot be read":                           {"logs", "cannot be read"},
		"nothing is logged":                                {"logs", "no line"},
		"there are no figures":                             {"metrics", "Load, writes"},
		"figures stand still":                              {"metrics", "Load, writes"},
		"plans are not changed":                            {"scaling", "says plan small"},
		"a change of plan loses the data":                  {"scaling", `under "canary"`},
		"nothing is said before":                           {"scaling", "nothing changes"},
		"storage shrinks":                                  {"scaling", "not refused"},
		"drills fail":                                      {"backup", "A page is damaged"},
		"drills have no certificate":                       {"backup", "without a certificate"},
		"a newer version does not start":                   {"maintenance", "did not start"},
		"a newer version is not brought in":                {"maintenance", "runs 1.0"},
		"a newer version loses the data":                   {"maintenance", `under "upgraded"`},
		"availability is always up":                        {"availability", "was not served, as it was suspended"},
		"availability is always down":                      {"availability", "a client was served: that counts as up, and told is down"},
		"availability is not measured":                     {"availability", "Nobody tries it"},
		"availability is never told":                       {"availability", "what is told ends"},
		"nothing of availability is known":                 {"availability", "nothing was measured"},
		"being suspended counts as down":                   {"availability", "counts as outside-service, and told is down"},
		"what is suspended goes on":                        {"availability", "a client was served: that counts as up, and told is outside-service"},
		"an outage goes unnoticed":                         {"availability", "as it was made to hang"},
		"an outage is told late":                           {"availability", "was not served, as it was made to hang"},
		"logs are kept for any number of days":             {"logs", "retentionDays = -1 was taken"},
		"days of logs are forgotten":                       {"logs", "8 days"},
		"copies do not follow":                             {"scaling", "the address to read from has"},
		"copies take writes":                               {"scaling", "takes writes"},
		"restores in place need no confirmation":           {"backup", "without a confirmation"},
		"restores in place fail":                           {"backup", "The backup cannot be read"},
		"restores in place do nothing":                     {"backup", "later than was asked for"},
		"what there was before a restore in place is lost": {"backup", "does not have it"},
		"one alert of two is not told":                     {"alerting", "refusals was not told to be firing"},
		"an alert outlives its cause":                      {"alerting", "hiccup was not told to be resolved"},
		"what is put off is done at once":                  {"maintenance", "made at once"},
		"what is put off is forgotten":                     {"maintenance", "nothing is planned"},
		"nothing can be put off again":                     {"maintenance", "the same time"},
		"the work fails":                                   {"maintenance", "did not start"},
		"the work does nothing":                            {"maintenance", "plan in force is small"},
		"backups fail":                                     {"backup", "The store is away"},
		"backups are empty":                                {"backup", "in what was restored"},
		"backups are of what is now":                       {"backup", "later than was asked for"},
		"nobody is told":                                   {"alerting", "told nothing"},
		"messages are not signed":                          {"alerting", "not signed"},
		"the runbook mends nothing":                        {"alerting", "says nothing that mends it"},
		"the runbook's command fails":                      {"alerting", "unknown flag"},
		"alerts never end":                                 {"alerting", "not told to be resolved"},
	} {
		t.Run(broken, func(t *testing.T) {
			failing[want.capability] = true
			got := states(prove(t, newService(broken), looked(want.capability)...))
			if p := got[want.capability]; p.State != api.ProofFailed || !strings.Contains(p.Reason, want.reason) {
				t.Errorf("%s: %+v", want.capability, p)
			}
			for _, p := range proofs {
				state := got[p.capability].State
				if p.capability == servicepkg.CapabilityAvailability && state == "" {
					continue
				}
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

// looked are the capabilities that are looked at where one of them is broken: all, but for
// availability, which takes its time, where that has nothing to do with it.
func looked(broken string) (list []string) {
	for _, p := range proofs {
		if p.capability != servicepkg.CapabilityAvailability || broken == p.capability {
			list = append(list, p.capability)
		}
	}
	return list
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
