// Package conformance proves what a service declares, as its customers would see it:
// through the HTTP API and the engine's own protocol, and nothing else.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"souk/api"
	"souk/api/client"
	"souk/internal/servicepkg"
)

// Project is what a run needs of *client.Project.
type Project interface {
	Instance(ctx context.Context, name string) (api.Instance, string, error)
	Instances(ctx context.Context, opt client.ListOptions) ([]api.Instance, error)
	Order(ctx context.Context, order api.InstanceOrder) (api.Instance, error)
	Patch(ctx context.Context, name string, patch any, ifMatch string) (api.Instance, error)
	PreviewPatch(ctx context.Context, name string, patch any) (api.Preview, error)
	Suspend(ctx context.Context, name string, reason api.SuspendRequest) (api.Instance, error)
	Resume(ctx context.Context, name string, reason api.SuspendRequest) (api.Instance, error)
	Availability(ctx context.Context, name, period string) (api.Availability, error)
	Delete(ctx context.Context, name string) (api.Instance, error)
	Undelete(ctx context.Context, name string) (api.Instance, error)
	Credentials(ctx context.Context, name string) (api.Credentials, error)
	BindingCredentials(ctx context.Context, name, binding string) (api.Credentials, error)
	CreateBinding(ctx context.Context, name string, binding api.BindingCreate) (api.Binding, error)
	RotateBinding(ctx context.Context, name, binding string, rotate api.BindingRotate) (api.Binding, error)
	RevokeBinding(ctx context.Context, name, binding string) error
	Logs(ctx context.Context, name string, opt client.LogOptions) (io.ReadCloser, error)
	Metrics(ctx context.Context, name string, span client.MetricsSpan) (api.Metrics, error)
	BackUp(ctx context.Context, name string) (api.Backup, error)
	Backup(ctx context.Context, name, id string) (api.Backup, error)
	Backups(ctx context.Context, name string) (api.BackupList, error)
	Drills(ctx context.Context, name string) (api.DrillList, error)
	StartDrill(ctx context.Context, name string) (api.Drill, error)
	Drill(ctx context.Context, name, id string) (api.Drill, error)
	RestoreInPlace(ctx context.Context, name string, in api.RestoreInPlace) (api.InPlaceRestore, error)
	InPlaceRestores(ctx context.Context, name string) (api.InPlaceRestoreList, error)
	InPlaceRestore(ctx context.Context, name, id string) (api.InPlaceRestore, error)
	Runbook(ctx context.Context, instance, runbook string) (api.Runbook, error)
	PatchInWindow(ctx context.Context, name string, patch any) (api.Instance, error)
	Maintenance(ctx context.Context, instance string, limit int) ([]api.Maintenance, error)
	OneMaintenance(ctx context.Context, instance, id string) (api.Maintenance, error)
	DeferMaintenance(ctx context.Context, instance, id string, to api.MaintenanceDefer) (api.Maintenance, error)
	RunMaintenance(ctx context.Context, instance, id string) (api.Maintenance, error)
}

// Run is one run: a service in a zone, proven in a project of whoever runs it. One run
// at a time goes on in a project for a service and zone: what an earlier one left
// behind is removed when it begins.
type Run struct {
	Project Project
	Prover  *servicepkg.Prover // nil: nothing can be proven
	Service api.Service
	Zone    string
	Runner  string           // version of the program
	Now     func() time.Time // nil: time.Now
	Pause   time.Duration    // between two looks; 0: 200 ms
	// Patience bounds each wait; 0: 5 minutes.
	Patience time.Duration
	Say      func(format string, args ...any) // progress, for people

	// For alerts: whose channels, where to listen for a webhook ("": a free port of this
	// machine), its URL as the control plane sees it ("": the same), and what carries out
	// a command of a runbook, without the word souk. Without the first or the last
	// nothing is proven of them.
	Organization Organization
	Listen, URL  string
	Souk         func(ctx context.Context, args []string) error

	offering api.Offering
	main     string           // name of the instance that most proofs are about
	ahead    time.Duration    // of Now that the control plane's clock is
	ordered  []string         // IDs of all instances
	evidence []string         // of the proof that is under way
	alerts   []api.AlertProof // of the same
	upgraded string           // of the same
	suffix   string
}

// The instances of a run carry this label, with the service as its value.
const label = "souk-conformance"

// proof proves one capability. Its error says what is wrong; errNotProven wraps why
// nothing can be told.
type proof struct {
	capability string
	always     bool // every service has it, and names it only where it has not
	prove      func(*Run, context.Context) error
}

// proofs are in the order in which they run. Whatever proves another capability is
// added here.
var proofs = []proof{
	{"provisioning", true, (*Run).provisioning},
	{"bindings", true, (*Run).bindings},
	{"parameters", true, (*Run).parameters},
	{servicepkg.CapabilityNetworks, true, (*Run).networks},
	{"logs", false, (*Run).logs},
	{"metrics", false, (*Run).metrics},
	{servicepkg.CapabilityAvailability, false, (*Run).availability},
	{"scaling", false, (*Run).scaling},
	{"maintenance", false, (*Run).maintenance},
	{"backup", false, (*Run).backup},
	{"alerting", false, (*Run).alerting},
}

// notProven is why nothing can be told of a capability.
type notProven string

func (e notProven) Error() string { return string(e) }

// Do proves the capabilities, or all that the service declares where none is named. It
// removes what it made, also when ctx ends; its error is that nothing could be proven
// at all.
func (r *Run) Do(ctx context.Context, capabilities []string) (api.ConformanceReport, error) {
	if err := r.begin(capabilities); err != nil {
		return api.ConformanceReport{}, err
	}
	if err := r.RemoveLeftovers(ctx); err != nil {
		return api.ConformanceReport{}, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err := r.RemoveLeftovers(ctx); err != nil {
			r.Say("What the run made is not removed, the next run does it: %v", err)
		}
	}()
	report := api.ConformanceReport{Service: r.Service.Name, Zone: r.Zone, Runner: r.Runner, StartedAt: r.Now().UTC()}
	for _, capability := range r.declared() {
		if len(capabilities) > 0 && !slices.Contains(capabilities, capability) && capability != proofs[0].capability {
			continue
		}
		report.Proofs = append(report.Proofs, r.prove(ctx, capability, report.Proofs))
		if ctx.Err() != nil {
			return report, context.Cause(ctx)
		}
	}
	report.EndedAt, report.Instances = r.Now().UTC(), r.ordered
	if len(r.ordered) == 0 {
		return report, fmt.Errorf("nothing could be ordered, so nothing is proven: %s", report.Proofs[0].Reason)
	}
	return report, nil
}

func (r *Run) begin(capabilities []string) error {
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.Pause == 0 {
		r.Pause = 200 * time.Millisecond
	}
	if r.Patience == 0 {
		r.Patience = 5 * time.Minute
	}
	if r.Say == nil {
		r.Say = func(string, ...any) {}
	}
	i := slices.IndexFunc(r.Service.Offerings, func(o api.Offering) bool { return o.Zone == r.Zone })
	if i < 0 {
		return fmt.Errorf("%s is not offered in a zone named %q", r.Service.Name, r.Zone)
	}
	r.offering = r.Service.Offerings[i]
	r.suffix = fmt.Sprintf("%x", r.Now().UnixNano()/1e6)
	for _, c := range capabilities {
		if declared := r.declared(); !slices.Contains(declared, c) {
			return fmt.Errorf("%s does not have %q in zone %s; it has: %s", r.Service.Name, c, r.Zone, strings.Join(declared, ", "))
		}
	}
	return nil
}

// declared are the capabilities that the service has in the zone, those with a proof
// first and in its order.
func (r *Run) declared() []string {
	offered := func(name string) (known, has bool) {
		for _, c := range r.offering.Capabilities {
			if c.Name == name {
				return true, c.Offered
			}
		}
		return false, false
	}
	var list []string
	for _, p := range proofs {
		if known, has := offered(p.capability); has || p.always && !known {
			list = append(list, p.capability)
		}
	}
	for _, c := range r.offering.Capabilities {
		if c.Offered && !slices.Contains(list, c.Name) {
			list = append(list, c.Name)
		}
	}
	return list
}

func (r *Run) prove(ctx context.Context, capability string, before []api.Proof) api.Proof {
	r.evidence, r.alerts, r.upgraded = []string{}, nil, ""
	began := r.Now()
	err := r.attempt(ctx, capability, before)
	out := api.Proof{Capability: capability, State: api.ProofPassed, Evidence: r.evidence, Seconds: r.Now().Sub(began).Seconds(), Alerts: r.alerts, Upgraded: r.upgraded}
	if err != nil {
		out.State, out.Reason = api.ProofFailed, short(err.Error())
	}
	if why := notProven(""); errors.As(err, &why) || ctx.Err() != nil {
		out.State = api.ProofNotProven
	}
	r.Say("%s: %s", capability, strings.TrimSuffix(out.State+". "+out.Reason, ". "))
	return out
}

func (r *Run) attempt(ctx context.Context, capability string, before []api.Proof) error {
	i := slices.IndexFunc(proofs, func(p proof) bool { return p.capability == capability })
	switch {
	case i < 0:
		return notProven("There is no proof of it yet.")
	case r.Prover == nil:
		return notProven("The service's package does not say how it is proven.")
	case len(before) > 0 && before[0].State != api.ProofPassed:
		return notProven("The service could not be provisioned, on which this rests.")
	}
	return proofs[i].prove(r, ctx)
}

// longest that a text of a result is.
const longest = 900

func short(text string) string {
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest]) + " …"
	}
	return text
}

// note adds to the evidence.
func (r *Run) note(format string, args ...any) {
	line := short(fmt.Sprintf(format, args...))
	r.evidence = append(r.evidence, line)
	r.Say("  %s", line)
}
