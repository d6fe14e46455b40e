package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"souk/api"
	"souk/api/client"
	"souk/internal/servicepkg"
)

// Organization is what a run needs of *client.Organization.
type Organization interface {
	CreateAlertChannel(ctx context.Context, channel api.AlertChannelCreate) (api.AlertChannel, error)
	TestAlertChannel(ctx context.Context, channel string) (api.AlertDelivery, error)
	DeleteAlertChannel(ctx context.Context, channel string) error
	AlertChannels(ctx context.Context) ([]api.AlertChannel, error)
	FiringAlerts(ctx context.Context, instanceID string) ([]api.Alert, error)
}

// alerting: faults are provoked, a webhook hears of each, its runbook is followed as it
// stands, and the webhook hears that it is over. As alerts wait before they fire, all
// faults are provoked before any of them is waited for.
func (r *Run) alerting(ctx context.Context) error {
	if len(r.Prover.Faults) == 0 {
		return notProven("The service's package has no fault that could be provoked.")
	}
	if r.Organization == nil || r.Souk == nil {
		return notProven("Whoever runs this cannot make a channel.")
	}
	inbox, err := listen(r.Listen)
	if err != nil {
		return notProven("Nothing can be listened on for the webhook: " + err.Error())
	}
	defer inbox.Close()
	channel, err := r.channel(ctx, inbox)
	if err != nil {
		return err
	}
	defer func() { _ = r.Organization.DeleteAlertChannel(context.WithoutCancel(ctx), channel) }()
	trials := make([]*trial, 0, len(r.Prover.Faults))
	for _, fault := range r.Prover.Faults {
		t := &trial{run: r, inbox: inbox, fault: fault, firing: map[string]time.Duration{}, resolved: map[string]time.Duration{}}
		defer t.end()
		if t.try(ctx, t.provoke); errors.Is(t.failed, servicepkg.ErrNotProvoked) {
			r.note("%s: %v.", strings.Join(fault.Alerts, " and "), t.failed)
			continue
		}
		trials = append(trials, t)
	}
	for _, step := range []func(*trial, context.Context) error{(*trial).told, (*trial).mend, (*trial).over} {
		for _, t := range trials {
			t.try(ctx, func(ctx context.Context) error { return step(t, ctx) })
		}
	}
	var failed []error
	for _, t := range trials {
		failed = append(failed, t.failed)
		r.alerts = append(r.alerts, t.proofs()...)
	}
	if len(trials) == 0 {
		return notProven("None of the faults that its package has could be provoked here.")
	}
	return errors.Join(failed...)
}

// trial is one fault and what comes of it.
type trial struct {
	run      *Run
	inbox    *inbox
	fault    servicepkg.Fault
	instance api.Instance
	began    time.Time
	stop     func() // ends what was begun; nil: nothing was
	runbook  string
	done     []string                 // commands of it
	firing   map[string]time.Duration // by alert, until a webhook was told
	resolved map[string]time.Duration
	failed   error
}

// try takes the next step, where none has failed before.
func (t *trial) try(ctx context.Context, step func(context.Context) error) {
	if t.failed == nil {
		t.failed = step(ctx)
	}
}

func (t *trial) end() {
	if t.stop != nil {
		t.stop()
		t.stop = nil
	}
}

func (t *trial) proofs() (all []api.AlertProof) {
	for _, alert := range t.fault.Alerts {
		p := api.AlertProof{Alert: alert, State: api.ProofPassed, Runbook: t.runbook, Commands: t.done, FiringSeconds: t.firing[alert].Seconds(), ResolvedSeconds: t.resolved[alert].Seconds()}
		if t.failed != nil {
			p.State, p.Reason = api.ProofFailed, short(t.failed.Error())
		}
		all = append(all, p)
	}
	return all
}

func (t *trial) provoke(ctx context.Context) (err error) {
	t.instance, _, err = t.run.order(ctx, "fault-"+t.fault.Alerts[0], api.InstanceSpec{Parameters: t.fault.Parameters}, nil)
	if err != nil {
		return err
	}
	credentials, err := t.run.Project.Credentials(ctx, t.instance.Metadata.Name)
	if err != nil {
		return err
	}
	t.began = t.run.Now()
	if t.stop, err = t.fault.Provoke(ctx, credentials); err != nil {
		return fmt.Errorf("the fault cannot be provoked: %w", err)
	}
	return nil
}

func (t *trial) told(ctx context.Context) error {
	for _, alert := range t.fault.Alerts {
		took, err := t.heard(ctx, alert, "firing")
		if err != nil {
			return err
		}
		t.firing[alert] = took
		t.run.note("Provoked what the alert %s is about: a webhook was told after %s, rightly signed.", alert, seconds(took))
	}
	return nil
}

// mend carries out what the alert's runbook has of commands that change something, or
// ends what was begun where it has none.
func (t *trial) mend(ctx context.Context) error {
	firing, err := t.run.Organization.FiringAlerts(ctx, t.instance.Metadata.ID)
	if err != nil {
		return err
	}
	for _, alert := range t.fault.Alerts {
		i := slices.IndexFunc(firing, func(a api.Alert) bool { return a.Name == alert })
		if i < 0 {
			return fmt.Errorf("the alert %s that was told of is not among those that fire", alert)
		}
		t.runbook = firing[i].Runbook
	}
	page, err := t.run.Project.Runbook(ctx, t.instance.Metadata.Name, t.runbook)
	if err != nil {
		return fmt.Errorf("the alert's runbook %s cannot be read: %w", t.runbook, err)
	}
	for _, line := range mending(page.Text) {
		if err := t.run.Souk(ctx, strings.Fields(line)[1:]); err != nil {
			return fmt.Errorf("the runbook says %q, which fails: %w", line, err)
		}
		t.done = append(t.done, line)
	}
	if len(t.done) == 0 && t.fault.Passes {
		t.end()
		t.run.note("The runbook %s has no command that changes something: what was begun was ended.", t.runbook)
		return nil
	}
	if len(t.done) == 0 {
		return fmt.Errorf("the runbook %s says nothing that mends it (souk … update … --wait)", t.runbook)
	}
	t.run.note("Followed its runbook: %s.", strings.Join(t.done, "; "))
	return nil
}

// mending are the commands of a runbook that change something.
func mending(page string) (commands []string) {
	for line := range strings.Lines(page) {
		words := strings.Fields(line)
		if len(words) > 2 && words[0] == "souk" && slices.Contains(words, "update") && words[len(words)-1] == "--wait" {
			commands = append(commands, strings.TrimSpace(line))
		}
	}
	return commands
}

func (t *trial) over(ctx context.Context) error {
	for _, alert := range t.fault.Alerts {
		took, err := t.heard(ctx, alert, "resolved")
		if err != nil {
			return err
		}
		t.resolved[alert] = took
		t.run.note("The webhook was told that %s is over %s after the fault began.", alert, seconds(took))
	}
	return nil
}

// heard waits until the webhook is told of an alert of the fault, and says how long after
// its beginning that is.
func (t *trial) heard(ctx context.Context, alert, status string) (time.Duration, error) {
	r := t.run
	patient := Run{Now: r.Now, Pause: r.Pause, Patience: r.Patience + t.fault.After}
	err := patient.eventually(ctx, func() error {
		return t.inbox.has(func(n api.AlertNotice) bool {
			return n.Instance == t.instance.Metadata.Name && n.Name == alert && n.Status == status
		})
	})
	if err != nil {
		return 0, fmt.Errorf("the alert %s was not told to be %s: %w", alert, status, err)
	}
	return r.Now().Sub(t.began), nil
}

// channelName begins the names of channels of runs.
const channelName = "proof-"

// channel makes a channel to the inbox, and sees that it is reached.
func (r *Run) channel(ctx context.Context, inbox *inbox) (string, error) {
	left, err := r.Organization.AlertChannels(ctx)
	if err != nil {
		return "", err
	}
	mine := channelName + r.Service.Name + "-"
	for _, c := range left {
		if strings.HasPrefix(c.Name, mine) { // a run that was killed left it
			_ = r.Organization.DeleteAlertChannel(ctx, c.Name)
		}
	}
	name := mine + r.suffix
	made, err := r.Organization.CreateAlertChannel(ctx, api.AlertChannelCreate{Name: name, Kind: "webhook", URL: orElse(r.URL, inbox.url)})
	if client.IsStatus(err, http.StatusUnprocessableEntity) || client.IsStatus(err, http.StatusForbidden) {
		return "", notProven("The control plane takes no webhook to here; say where it reaches this machine with --webhook-url. " + err.Error())
	}
	if err != nil {
		return "", err
	}
	inbox.secret.Store(&made.Secret)
	if _, err = r.Organization.TestAlertChannel(ctx, name); err == nil {
		err = r.eventually(ctx, func() error { return inbox.has(func(n api.AlertNotice) bool { return n.Status == "test" }) })
	}
	if err != nil {
		_ = r.Organization.DeleteAlertChannel(context.WithoutCancel(ctx), name)
		return "", notProven("The control plane does not reach the webhook; say where it does with --webhook-url. " + err.Error())
	}
	return name, nil
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
