package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"souk/api"
	"souk/api/client"
)

// Organization is what a run needs of *client.Organization.
type Organization interface {
	CreateAlertChannel(ctx context.Context, channel api.AlertChannelCreate) (api.AlertChannel, error)
	TestAlertChannel(ctx context.Context, channel string) (api.AlertDelivery, error)
	DeleteAlertChannel(ctx context.Context, channel string) error
	AlertChannels(ctx context.Context) ([]api.AlertChannel, error)
	FiringAlerts(ctx context.Context, instanceID string) ([]api.Alert, error)
}

// alerting: a fault is provoked, a webhook hears of it, the runbook is followed as it
// stands, and the webhook hears that it is over.
func (r *Run) alerting(ctx context.Context) error {
	fault := r.Prover.Fault
	if fault == nil {
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
	instance, _, err := r.order(ctx, "fault", api.InstanceSpec{Parameters: fault.Parameters}, nil)
	if err != nil {
		return err
	}
	credentials, err := r.Project.Credentials(ctx, instance.Metadata.Name)
	if err != nil {
		return err
	}
	began := r.Now()
	end, err := fault.Provoke(ctx, credentials)
	if err != nil {
		return fmt.Errorf("the fault cannot be provoked: %w", err)
	}
	defer end()
	if err := r.told(ctx, inbox, instance.Metadata.Name, "firing"); err != nil {
		return err
	}
	r.note("Provoked what the alert %s is about: a webhook was told after %s, rightly signed.", fault.Alert, seconds(r.Now().Sub(began)))
	done, err := r.follow(ctx, instance)
	if err != nil {
		return err
	}
	r.note("Followed its runbook: %s.", strings.Join(done, "; "))
	if err := r.told(ctx, inbox, instance.Metadata.Name, "resolved"); err != nil {
		return err
	}
	r.note("The webhook was told that it is over %s after the fault began.", seconds(r.Now().Sub(began)))
	return nil
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

// told waits until the webhook is told of the fault's alert.
func (r *Run) told(ctx context.Context, inbox *inbox, instance, status string) error {
	patient := Run{Now: r.Now, Pause: r.Pause, Patience: r.Patience + r.Prover.Fault.After}
	err := patient.eventually(ctx, func() error {
		return inbox.has(func(n api.AlertNotice) bool {
			return n.Instance == instance && n.Name == r.Prover.Fault.Alert && n.Status == status
		})
	})
	if err != nil {
		return fmt.Errorf("the alert %s was not told to be %s: %w", r.Prover.Fault.Alert, status, err)
	}
	return nil
}

// follow carries out what the alert's runbook has of commands that change something.
func (r *Run) follow(ctx context.Context, instance api.Instance) ([]string, error) {
	firing, err := r.Organization.FiringAlerts(ctx, instance.Metadata.ID)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(firing, func(a api.Alert) bool { return a.Name == r.Prover.Fault.Alert })
	if i < 0 {
		return nil, errors.New("the alert that was told of is not among those that fire")
	}
	page, err := r.Project.Runbook(ctx, instance.Metadata.Name, firing[i].Runbook)
	if err != nil {
		return nil, fmt.Errorf("the alert's runbook %s cannot be read: %w", firing[i].Runbook, err)
	}
	var done []string
	for line := range strings.Lines(page.Text) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "souk" || !slices.Contains(words, "update") || words[len(words)-1] != "--wait" {
			continue
		}
		if err := r.Souk(ctx, words[1:]); err != nil {
			return done, fmt.Errorf("the runbook says %q, which fails: %w", strings.TrimSpace(line), err)
		}
		done = append(done, strings.TrimSpace(line))
	}
	if len(done) == 0 {
		return nil, fmt.Errorf("the runbook %s says nothing that mends it (souk … update … --wait)", firing[i].Runbook)
	}
	return done, nil
}
