package maturity

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"souk/api"
	"souk/internal/servicepkg"
	"souk/internal/sla"
)

// The checks of production readiness.
const (
	checkProofs        = "proofs"
	checkDocumentation = "documentation"
	checkAlerts        = "alerts"
	checkDrills        = "drills"
	checkObjectives    = "objectives"
	checkUpgrade       = "upgrade"
	checkResizes       = "resizes"
)

// Checks are the names of all of them, in order.
var Checks = []string{checkProofs, checkDocumentation, checkAlerts, checkDrills, checkObjectives, checkUpgrade, checkResizes}

const (
	// staleAfter is for how long a look at what is in use tells something.
	staleAfter = 2 * time.Hour
	// leastMeasured is how much of an objective's time has to be measured, in percent,
	// and leastTime how much instances have served together.
	leastMeasured = 90
	leastTime     = 24 * time.Hour
)

// ground is what the checks of a service in a zone are evaluated on.
type ground struct {
	definition   servicepkg.Definition
	code         *servicepkg.Package // nil: this control plane has no such package
	capabilities []api.Capability
	iterations   []api.MaturityIteration // those before
	proofs       map[string]api.MaturityCapability
	provoked     []api.AlertProof // by the last proof of alerting
	upgraded     string           // from which version to which, by the last proof of maintenance; "": nothing
	observedAt   time.Time        // zero: it was never looked at
	figures      Figures
	waivers      map[string]api.ReadinessWaiver
	now          time.Time
}

// stable is the iteration of production readiness.
func (g ground) stable() api.MaturityIteration {
	it := api.MaturityIteration{Name: api.IterationStable, Proofs: []api.MaturityCapability{}}
	for _, check := range []struct {
		name string
		find func(*api.ReadinessCheck)
	}{
		{checkProofs, g.allProven}, {checkDocumentation, g.documented}, {checkAlerts, g.alertsProven}, {checkDrills, g.drilled},
		{checkObjectives, g.objectivesMet}, {checkUpgrade, g.upgradeProven}, {checkResizes, g.resized},
	} {
		c := api.ReadinessCheck{Name: check.name, State: api.ProofPassed, Evidence: []string{}}
		check.find(&c)
		if w, waived := g.waivers[check.name]; waived && c.State != api.ProofPassed && c.State != api.ProofNotOffered {
			c.Waiver = &w
		}
		it.Checks = append(it.Checks, c)
	}
	it.State = sumChecks(it.Checks)
	return it
}

// sumChecks is the state of the worst check that is not waived.
func sumChecks(checks []api.ReadinessCheck) string {
	for _, worst := range []string{api.ProofFailed, api.ProofNotProven, api.ProofExpired} {
		if slices.ContainsFunc(checks, func(c api.ReadinessCheck) bool { return !c.Holds() && c.State == worst }) {
			return worst
		}
	}
	return api.ProofPassed
}

func note(c *api.ReadinessCheck, format string, args ...any) {
	c.Evidence = append(c.Evidence, fmt.Sprintf(format, args...))
}

func lacks(c *api.ReadinessCheck, state, format string, args ...any) {
	c.State, c.Reason = state, fmt.Sprintf(format, args...)
}

// rests has the check rest on the proof of a capability; false: it is not passed.
func (g ground) rests(c *api.ReadinessCheck, capability string) bool {
	p := g.proofs[capability]
	if p.Result != "" {
		c.Results = []string{p.Result}
	}
	switch p.State {
	case api.ProofPassed:
		return true
	case "", api.ProofNotProven:
		lacks(c, api.ProofNotProven, "No conformance run has proven %s.", capability)
	default:
		lacks(c, p.State, "%s", strings.TrimSpace(fmt.Sprintf("The proof of %s is %s. %s", capability, strings.ReplaceAll(p.State, "-", " "), p.Reason)))
	}
	return false
}

func (g ground) offers(capability string) bool {
	return slices.ContainsFunc(g.capabilities, func(c api.Capability) bool { return c.Name == capability && c.Offered })
}

// allProven: every iteration before this one is passed.
func (g ground) allProven(c *api.ReadinessCheck) {
	var not []string
	for _, it := range g.iterations {
		switch it.State {
		case api.ProofNotOffered:
		case api.ProofPassed:
			note(c, "%s is passed.", it.Name)
		default:
			not = append(not, it.Name+" ("+strings.ReplaceAll(it.State, "-", " ")+")")
			if c.State != api.ProofFailed {
				c.State = it.State
			}
		}
		for _, p := range it.Proofs {
			if p.Result != "" && !slices.Contains(c.Results, p.Result) {
				c.Results = append(c.Results, p.Result)
			}
		}
	}
	if len(not) > 0 {
		c.Reason = "Not passed: " + strings.Join(not, ", ") + "."
	}
}

// alerts are those that the service can have in the zone.
func (g ground) alerts() []servicepkg.Alert {
	all := servicepkg.Package{Definition: g.definition}.AllAlerts()
	return slices.DeleteFunc(all, func(a servicepkg.Alert) bool {
		return a.Backups != "" && !g.offers("backup")
	})
}

// documented: there is a page for the service's users, each alert has its runbook, and
// the commands of the package's own runbooks were carried out.
func (g ground) documented(c *api.ReadinessCheck) {
	if g.code == nil {
		lacks(c, api.ProofNotProven, "This control plane does not have the service's package, and so not its runbooks.")
		return
	}
	if g.definition.Guide == "" {
		lacks(c, api.ProofFailed, "The package names no page for its users.")
		return
	}
	note(c, "The page for users is %s.", g.definition.Guide)
	var missing, unread []string
	pages := map[string]bool{}
	for _, a := range g.alerts() {
		if pages[a.Runbook] {
			continue
		}
		pages[a.Runbook] = true
		if _, there := g.code.Runbook(a.Runbook, servicepkg.RunbookValues{}); !there {
			missing = append(missing, a.Runbook)
			continue
		}
		i := slices.IndexFunc(g.provoked, func(p api.AlertProof) bool { return p.Runbook == a.Runbook && p.State == api.ProofPassed })
		switch {
		case i < 0:
			unread = append(unread, a.Runbook)
		case len(g.provoked[i].Commands) == 0:
			note(c, "The runbook %s has no command that changes something; its alert was told, and was over once its cause was.", a.Runbook)
		default:
			note(c, "The runbook %s was followed; it mended what it is about.", a.Runbook)
		}
	}
	switch {
	case len(missing) > 0:
		lacks(c, api.ProofFailed, "Alerts name runbooks that there are not: %s.", strings.Join(missing, ", "))
	case !g.rests(c, "alerting"):
	case len(unread) > 0:
		lacks(c, api.ProofNotProven, "The last run did not follow these runbooks: %s.", strings.Join(unread, ", "))
	}
}

// alertsProven: the condition of each alert was provoked, and a webhook was told.
func (g ground) alertsProven(c *api.ReadinessCheck) {
	if !g.offers("alerting") {
		lacks(c, api.ProofNotOffered, "The service has no alerts.")
		return
	}
	if !g.rests(c, "alerting") {
		return
	}
	var failed, left []string
	for _, a := range g.alerts() {
		i := slices.IndexFunc(g.provoked, func(p api.AlertProof) bool { return p.Alert == a.Name })
		switch {
		case i < 0:
			left = append(left, a.Name)
		case g.provoked[i].State != api.ProofPassed:
			failed = append(failed, a.Name)
		default:
			p := g.provoked[i]
			note(c, "%s was provoked: told after %.0f s, over after %.0f s.", a.Name, p.FiringSeconds, p.ResolvedSeconds)
		}
	}
	switch {
	case len(failed) > 0:
		lacks(c, api.ProofFailed, "Provoked, and not told of as it should be: %s.", strings.Join(failed, ", "))
	case len(left) > 0:
		lacks(c, api.ProofNotProven, "Not provoked by the last run: %s.", strings.Join(left, ", "))
	}
}

// observed says whether there is a look at what is in use that is not too old.
func (g ground) observed(c *api.ReadinessCheck) bool {
	switch {
	case g.observedAt.IsZero():
		lacks(c, api.ProofNotProven, "It has not been looked at yet.")
	case g.now.Sub(g.observedAt) > staleAfter:
		lacks(c, api.ProofExpired, "It was looked at too long ago.")
	default:
		return true
	}
	return false
}

// drilled: in the last 30 days there were restore drills, and the last one of each
// instance passed, with a certificate.
func (g ground) drilled(c *api.ReadinessCheck) {
	if !g.offers("backup") {
		lacks(c, api.ProofNotOffered, "The service has no backups here.")
		return
	}
	if !g.observed(c) {
		return
	}
	d := g.figures.Drills
	if d.Drills > 0 {
		note(c, "%d restore drills of %d instances ended in the last 30 days, the last on %s; of %d instances the last one passed and is certified.", d.Drills, d.Instances, d.Last.Format(time.DateOnly), d.Instances-d.Failed-d.Uncertain)
	}
	switch {
	case d.Failed > 0:
		lacks(c, api.ProofFailed, "The last restore drill of %d instances failed.", d.Failed)
	case d.Instances == d.Uncertain:
		lacks(c, api.ProofNotProven, "No restore drill has passed in the last 30 days.")
	}
}

// objectivesMet: the instances of each service level were together as available as is
// aimed at, and that was measured.
func (g ground) objectivesMet(c *api.ReadinessCheck) {
	if !g.offers(servicepkg.CapabilityAvailability) || g.definition.SLI == nil {
		lacks(c, api.ProofNotProven, "Availability is not measured here.")
		return
	}
	if !g.observed(c) {
		return
	}
	if len(g.figures.Objectives) == 0 {
		lacks(c, api.ProofNotProven, "No instance has served in the last 30 days.")
	}
	for _, l := range g.figures.Objectives {
		g.objective(c, l)
	}
}

func (g ground) objective(c *api.ReadinessCheck, l LevelFigures) {
	t := l.totals()
	served := t.Up + t.Down + t.Agreed + t.NoData
	is, known := t.Availability()
	want, err := sla.Millionths(l.Objective)
	measured := int64(0)
	if served > 0 {
		measured = int64((served - t.NoData) * 100 / served)
	}
	if known {
		note(c, "%s: available for %s %% in the last 30 days, of %s %% that are aimed at; %d of %d instances did not reach it by themselves; %d %% of the time was measured.", l.ServiceLevel, sla.Percent(is), l.Objective, l.Missed, l.Instances, measured)
	}
	switch {
	case err != nil:
		lacks(c, api.ProofFailed, "The objective of %s cannot be read.", l.ServiceLevel)
	case known && is < want:
		lacks(c, api.ProofFailed, "Instances of the service level %s were together available for %s %%, of %s %% that are aimed at.", l.ServiceLevel, sla.Percent(is), l.Objective)
	case c.State != api.ProofPassed:
	case served < leastTime:
		lacks(c, api.ProofNotProven, "Instances of the service level %s have not served for a day together yet.", l.ServiceLevel)
	case measured < leastMeasured:
		lacks(c, api.ProofNotProven, "Of the time of the service level %s %d %% was measured; it takes %d %%.", l.ServiceLevel, measured, leastMeasured)
	}
}

func (l LevelFigures) totals() sla.Totals {
	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	return sla.Totals{Up: ms(l.Up), Down: ms(l.Down), Agreed: ms(l.Agreed), NoData: ms(l.NoData)}
}

// upgradeProven: a run took an instance from one minor version to the next, which takes
// two of them in the zone.
func (g ground) upgradeProven(c *api.ReadinessCheck) {
	switch {
	case !g.rests(c, "maintenance"):
	case g.upgraded == "":
		lacks(c, api.ProofNotProven, "The last run found one minor version in the zone only: none could be upgraded to.")
	default:
		note(c, "A conformance run took an instance from %s.", g.upgraded)
	}
}

// resized: a run scaled an instance and measured what that interrupted, and no change of
// those in use failed in its window.
func (g ground) resized(c *api.ReadinessCheck) {
	if !g.offers("scaling") {
		lacks(c, api.ProofNotOffered, "The service cannot be scaled here.")
		return
	}
	if !g.rests(c, "scaling") || !g.observed(c) {
		return
	}
	note(c, "A conformance run scaled up and down, and measured for how long nothing could be written.")
	f := g.figures.Changes
	if f.Changes > 0 {
		note(c, "%d changes were carried out in windows in the last 30 days, %d of them measured; the longest interruption was %s.", f.Changes, f.Measured, time.Duration(f.Longest)*time.Millisecond)
	}
	if f.Failed > 0 {
		lacks(c, api.ProofFailed, "%d changes in use failed in their windows in the last 30 days.", f.Failed)
	}
}

// provokedBy are the alerts that a proof says were provoked.
func provokedBy(p shown) []api.AlertProof {
	var out []api.AlertProof
	_ = json.Unmarshal(p.Alerts, &out) // as it was written
	return out
}
