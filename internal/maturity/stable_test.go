package maturity

import (
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/servicepkg"
)

// ready is a service that is fit for production: what a test breaks is all that is wrong.
func ready() ground {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	last := now.Add(-time.Hour)
	g := ground{
		definition: servicepkg.Definition{Name: "memory", Guide: "docs/memory.md", SLI: &servicepkg.SLI{}, Alerts: []servicepkg.Alert{{Name: "overload", Runbook: "overload"}}},
		proofs:     map[string]api.MaturityCapability{},
		upgraded:   "1.1 to 1.2", observedAt: now.Add(-time.Minute), now: now,
		figures: Figures{
			Drills:     DrillFigures{Drills: 5, Instances: 2, Last: &last},
			Objectives: []LevelFigures{{ServiceLevel: "best-effort", Objective: "99.5", Instances: 2, Up: (48 * time.Hour).Milliseconds(), Down: time.Minute.Milliseconds(), NoData: time.Hour.Milliseconds()}},
			Changes:    ChangeFigures{Changes: 3, Measured: 2, Longest: 412},
		},
	}
	g.code = &servicepkg.Package{Definition: g.definition, Runbooks: map[string]string{"overload": "# Too much"}}
	for _, name := range []string{"scaling", "backup", "alerting", "availability", "maintenance"} {
		g.capabilities = append(g.capabilities, api.Capability{Name: name, Offered: true})
		g.proofs[name] = api.MaturityCapability{Capability: name, State: api.ProofPassed, Result: "result-" + name}
	}
	for _, a := range g.alerts() {
		g.provoked = append(g.provoked, api.AlertProof{Alert: a.Name, State: api.ProofPassed, Runbook: a.Runbook, FiringSeconds: 60, ResolvedSeconds: 90})
	}
	g.iterations = []api.MaturityIteration{{Name: "backup", State: api.ProofPassed, Proofs: []api.MaturityCapability{g.proofs["backup"]}}, {Name: "logs", State: api.ProofNotOffered}}
	return g
}

func TestAServiceThatIsReadyIsStable(t *testing.T) {
	it := ready().stable()
	if it.State != api.ProofPassed || len(it.Checks) != len(Checks) {
		t.Errorf("%+v", it)
	}
	for i, c := range it.Checks {
		if c.Name != Checks[i] || c.State != api.ProofPassed || len(c.Evidence) == 0 {
			t.Errorf("%+v", c)
		}
	}
}

// Only of a runbook of which commands were carried out it is said that it mended something.
func TestWhatIsSaidOfRunbooks(t *testing.T) {
	for commands, want := range map[string]string{"": "has no command that changes something", "souk update db --plan large --wait": "it mended what it is about"} {
		g := ready()
		for i := range g.provoked {
			g.provoked[i].Commands = strings.FieldsFunc(commands, func(r rune) bool { return r == '\n' })
		}
		var c api.ReadinessCheck
		if g.documented(&c); !strings.Contains(strings.Join(c.Evidence, " "), "The runbook overload") || !strings.Contains(strings.Join(c.Evidence, " "), want) {
			t.Errorf("%q: %v", commands, c.Evidence)
		}
	}
}

// Each thing that can be wrong fails the check that it belongs to, with the reason, and no
// other; and a waiver of that check is all that stable then needs.
func TestWhatIsNotReady(t *testing.T) {
	unproven := func(capability, state string) func(*ground) {
		return func(g *ground) {
			p := g.proofs[capability]
			p.State, p.Reason = state, "It was shown too long ago."
			g.proofs[capability] = p
		}
	}
	broken := map[string]bool{}
	for name, c := range map[string]struct {
		spoil                func(*ground)
		check, state, reason string
	}{
		"an iteration has failed":    {func(g *ground) { g.iterations[0].State = api.ProofFailed }, checkProofs, api.ProofFailed, "backup (failed)"},
		"an iteration is not proven": {func(g *ground) { g.iterations[0].State = api.ProofNotProven }, checkProofs, api.ProofNotProven, "backup (not proven)"},
		"no page for users":          {func(g *ground) { g.definition.Guide = "" }, checkDocumentation, api.ProofFailed, "no page"},
		"a runbook is missing":       {func(g *ground) { delete(g.code.Runbooks, "overload") }, checkDocumentation, api.ProofFailed, "overload"},
		"a package that is not here": {func(g *ground) { g.code = nil }, checkDocumentation, api.ProofNotProven, "does not have the service's package"},
		"a runbook was not followed": {func(g *ground) {
			for i := range g.provoked {
				if g.provoked[i].Alert == "overload" {
					g.provoked[i].Runbook = ""
				}
			}
		}, checkDocumentation, api.ProofNotProven, "overload"},
		"an alert was not provoked": {func(g *ground) {
			g.definition.Alerts = append(g.definition.Alerts, servicepkg.Alert{Name: "silent", Runbook: "overload"})
		}, checkAlerts, api.ProofNotProven, "silent"},
		"an alert does not tell": {func(g *ground) {
			g.provoked = append(g.provoked, api.AlertProof{Alert: "deaf", State: api.ProofFailed})
			g.definition.Alerts = append(g.definition.Alerts, servicepkg.Alert{Name: "deaf", Runbook: "overload"})
		}, checkAlerts, api.ProofFailed, "deaf"},
		"a drill failed":               {func(g *ground) { g.figures.Drills.Failed = 1 }, checkDrills, api.ProofFailed, "1 instances"},
		"no drill in 30 days":          {func(g *ground) { g.figures.Drills = DrillFigures{} }, checkDrills, api.ProofNotProven, "No restore drill"},
		"drills without a certificate": {func(g *ground) { g.figures.Drills.Uncertain = 2 }, checkDrills, api.ProofNotProven, "No restore drill"},
		"an objective is missed":       {func(g *ground) { g.figures.Objectives[0].Down = time.Hour.Milliseconds() }, checkObjectives, api.ProofFailed, "99.5 %"},
		"too little is measured":       {func(g *ground) { g.figures.Objectives[0].NoData = (48 * time.Hour).Milliseconds() }, checkObjectives, api.ProofNotProven, "takes 90 %"},
		"too short a time": {func(g *ground) {
			g.figures.Objectives[0].Up, g.figures.Objectives[0].NoData, g.figures.Objectives[0].Down = 3_600_000, 0, 0
		}, checkObjectives, api.ProofNotProven, "for a day"},
		"nothing has served":                    {func(g *ground) { g.figures.Objectives = nil }, checkObjectives, api.ProofNotProven, "No instance"},
		"one minor version":                     {func(g *ground) { g.upgraded = "" }, checkUpgrade, api.ProofNotProven, "one minor version"},
		"maintenance that nobody has proven":    {unproven("maintenance", ""), checkUpgrade, api.ProofNotProven, "No conformance run"},
		"maintenance that failed":               {unproven("maintenance", api.ProofFailed), checkUpgrade, api.ProofFailed, "failed"},
		"a scaling that is not proven any more": {unproven("scaling", api.ProofExpired), checkResizes, api.ProofExpired, "too long ago"},
		"a change in use failed":                {func(g *ground) { g.figures.Changes.Failed = 2 }, checkResizes, api.ProofFailed, "2 changes"},
	} {
		t.Run(name, func(t *testing.T) {
			broken[c.check] = true
			g := ready()
			c.spoil(&g)
			it := g.stable()
			if it.State != c.state {
				t.Errorf("stable is %s", it.State)
			}
			for _, found := range it.Checks {
				if found.Name == c.check && (found.State != c.state || !strings.Contains(found.Reason, c.reason)) {
					t.Errorf("the check is %+v", found)
				}
				if found.Name != c.check && found.State != api.ProofPassed {
					t.Errorf("%s, with which nothing is wrong, is %+v", found.Name, found)
				}
			}
			g.waivers = map[string]api.ReadinessWaiver{c.check: {ID: "w", Reason: "For a reason."}}
			if it := g.stable(); it.State != api.ProofPassed {
				t.Errorf("waived, stable is %s", it.State)
			}
			for _, found := range g.stable().Checks {
				if (found.Waiver != nil) != (found.Name == c.check) || found.Name == c.check && found.State != c.state {
					t.Errorf("waived: %+v", found)
				}
			}
		})
	}
	for _, name := range Checks {
		if !broken[name] {
			t.Errorf("nothing shows that the check %s can fail", name)
		}
	}
}

// What was never looked at, or too long ago, proves nothing.
func TestALookGrowsOld(t *testing.T) {
	for name, c := range map[string]struct {
		at    time.Duration
		state string
	}{"just now": {0, api.ProofPassed}, "two hours ago": {staleAfter, api.ProofPassed}, "longer ago": {staleAfter + time.Second, api.ProofExpired}, "never": {-1, api.ProofNotProven}} {
		g := ready()
		if g.observedAt = g.now.Add(-c.at); c.at < 0 {
			g.observedAt = time.Time{}
		}
		if it := g.stable(); it.State != c.state {
			t.Errorf("%s: %s", name, it.State)
		}
	}
}

// What a service does not have is not asked of it; but that its availability is measured is.
func TestWhatAServiceDoesNotHave(t *testing.T) {
	g := ready()
	g.capabilities = nil
	for _, c := range g.stable().Checks {
		want := map[string]string{checkAlerts: api.ProofNotOffered, checkDrills: api.ProofNotOffered, checkResizes: api.ProofNotOffered, checkObjectives: api.ProofNotProven}[c.Name]
		if want != "" && c.State != want {
			t.Errorf("%+v", c)
		}
	}
}
