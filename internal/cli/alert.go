package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"souk/api"
)

func newAlert(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "alert", Short: "Say who is told of alerts, and see what to do about one"}
	channel := &cobra.Command{Use: "channel", Short: "Make, test and delete ways in which the organization is told of alerts"}
	channel.AddCommand(newChannelCreate(a), newChannelQuiet(a), newChannelTest(a), newChannelDelete(a))
	cmd.AddCommand(channel, newRunbook(a))
	return cmd
}

// quietFlags are --quiet-from and so on.
func quietFlags(cmd *cobra.Command, h *api.QuietHours) {
	cmd.Flags().StringVar(&h.From, "quiet-from", "", "when quiet hours begin each day, such as 22:00; what is not critical waits until they end")
	cmd.Flags().StringVar(&h.To, "quiet-to", "", "when they end, such as 07:00")
	cmd.Flags().StringVar(&h.Zone, "quiet-zone", "", "by the clocks of which time zone, such as Europe/Zurich")
}

func newChannelCreate(a *App) *cobra.Command {
	var c api.AlertChannelCreate
	var urlFile, keyFile, secretFile string
	var quiet api.QuietHours
	cmd := &cobra.Command{
		Use:   "create NAME --kind mail|webhook|slack|pagerduty",
		Short: "Make a channel",
		Long: "Make a channel: a mail address of a member (--email), a webhook or a Slack-\n" +
			"compatible one (--url-file), or a PagerDuty-compatible service (--key-file).\n" +
			"Addresses and keys are secrets: they are read from a file, or from standard\n" +
			"input where the file is -. What a webhook's messages are signed with is shown\n" +
			"once: on standard output, or written to --secret-file.",
		Args: cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&c.Kind, "kind", "", "mail, webhook, slack or pagerduty")
	flags.StringVar(&c.Email, "email", "", "address of a member (mail)")
	flags.StringVar(&urlFile, "url-file", "", "file with the address (webhook, slack; pagerduty: in place of PagerDuty's own)")
	flags.StringVar(&keyFile, "key-file", "", "file with the integration key (pagerduty)")
	flags.StringVar(&secretFile, "secret-file", "", "write a webhook's secret to this file (mode 0600) instead of standard output")
	quietFlags(cmd, &quiet)
	must(cmd.MarkFlagRequired("kind"))
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) (err error) {
		if c.Name = args[0]; quiet != (api.QuietHours{}) {
			c.QuietHours = &quiet
		}
		if c.URL, err = a.secretFrom(urlFile); err != nil {
			return err
		}
		if c.RoutingKey, err = a.secretFrom(keyFile); err != nil {
			return err
		}
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		made, err := organization.CreateAlertChannel(ctx, c)
		if err != nil {
			return err
		}
		if made.Kind != "webhook" {
			return a.done("alert-channel/%s created", made.Name)
		}
		if made.Secret == "" {
			return fmt.Errorf("the channel %s was made, but its secret was lost on the way here. Delete it and make another: souk alert channel delete %s", made.Name, made.Name)
		}
		a.progress("Channel %s: messages are signed with this secret. It is shown this once.", made.Name)
		return a.handOut(made.Secret, secretFile)
	})
	return cmd
}

// secretFrom reads a secret from a file; "-" is standard input, and "" none.
func (a *App) secretFrom(file string) (string, error) {
	var raw []byte
	var err error
	switch file {
	case "":
		return "", nil
	case "-":
		raw, err = io.ReadAll(io.LimitReader(a.In, 1<<16))
	default:
		raw, err = os.ReadFile(file)
	}
	return strings.TrimSpace(string(raw)), err
}

func newChannelQuiet(a *App) *cobra.Command {
	var quiet api.QuietHours
	cmd := &cobra.Command{
		Use:   "quiet NAME",
		Short: "Set a channel's quiet hours; without any flag they end",
		Args:  cobra.ExactArgs(1),
	}
	quietFlags(cmd, &quiet)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		c, err := organization.SetQuietHours(ctx, args[0], quiet)
		if err != nil {
			return err
		}
		return a.done("alert-channel/%s quiet: %s", c.Name, quietText(c.QuietHours))
	})
	return cmd
}

func newChannelTest(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "test NAME",
		Short: "Have a test sent, and wait for how it goes",
		Args:  cobra.ExactArgs(1),
		RunE: a.bounded(func(ctx context.Context, args []string) error {
			organization, _, err := a.inOrganization(ctx)
			if err != nil {
				return err
			}
			sent, err := organization.TestAlertChannel(ctx, args[0])
			for err == nil && sent.Status == "waiting" && sent.Attempts == 0 {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(cmp.Or(a.Pause, time.Second)):
				}
				var log []api.AlertDelivery
				log, err = organization.AlertDeliveries(ctx, args[0], 20)
				for _, d := range log {
					if d.ID == sent.ID {
						sent = d
					}
				}
			}
			if err != nil {
				return err
			}
			if sent.Status == "waiting" || sent.Status == "failed" {
				return fmt.Errorf("the test was not delivered (%s, attempt %d): %s", sent.Status, sent.Attempts, cmp.Or(sent.LastError, "it is under way"))
			}
			return a.done("alert-channel/%s test %s", args[0], sent.Status)
		}),
	}
}

func newChannelDelete(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a channel",
		Args:  cobra.ExactArgs(1),
		RunE: a.bounded(func(ctx context.Context, args []string) error {
			organization, _, err := a.inOrganization(ctx)
			if err != nil {
				return err
			}
			if err := organization.DeleteAlertChannel(ctx, args[0]); err != nil {
				return err
			}
			return a.done("alert-channel/%s deleted", args[0])
		}),
	}
}

func newRunbook(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "runbook INSTANCE RUNBOOK",
		Short: "Show what to do about an alert of an instance",
		Args:  cobra.ExactArgs(2),
		RunE: a.bounded(func(ctx context.Context, args []string) error {
			project, name, err := a.instanceOf(ctx, args[0])
			if err != nil {
				return err
			}
			page, err := project.Runbook(ctx, name, args[1])
			if err != nil {
				return err
			}
			_, err = io.WriteString(a.Out, plain(page.Text, true))
			return err
		}),
	}
}

func listAlerts(ctx context.Context, a *App, _ string, opt getOptions) (view, error) {
	o, _, err := a.inOrganization(ctx)
	if err != nil {
		return view{}, err
	}
	all, err := o.Alerts(ctx, "", opt.limit)
	if err != nil {
		return view{}, err
	}
	v := view{value: listed(all), names: []string{}, table: newTable("STATE", "SEVERITY", "INSTANCE", "ALERT", "SINCE", "UNTIL", "SUMMARY", "RUNBOOK"), empty: "Nothing is firing"}
	for _, one := range all {
		since, until := one.PendingSince, "-"
		if one.FiringSince != nil {
			since = *one.FiringSince
		}
		if one.ResolvedAt != nil {
			until = moment(*one.ResolvedAt)
		}
		state := one.State
		if one.NoDataSince != nil {
			state += ", no data"
		}
		v.names = append(v.names, "alert/"+one.ID)
		v.table.add(state, one.Severity, one.Project+"/"+one.Instance, one.Name, moment(since), until, one.Summary, one.Runbook)
	}
	return v, nil
}

func listAlertChannels(ctx context.Context, a *App, name string, _ getOptions) (view, error) {
	o, _, err := a.inOrganization(ctx)
	if err != nil {
		return view{}, err
	}
	all, err := o.AlertChannels(ctx)
	if err != nil {
		return view{}, err
	}
	return listing("alert-channel", name, all, newTable("NAME", "KIND", "TARGET", "QUIET", "AGE"),
		func(c api.AlertChannel) string { return c.Name },
		func(c api.AlertChannel) []string {
			return []string{c.Name, c.Kind, c.Target, quietText(c.QuietHours), a.age(c.CreatedAt)}
		})
}

func quietText(h *api.QuietHours) string {
	if h == nil {
		return "never"
	}
	return h.From + "-" + h.To + " " + h.Zone
}

func listAlertDeliveries(ctx context.Context, a *App, _ string, opt getOptions) (view, error) {
	o, _, err := a.inOrganization(ctx)
	if err != nil {
		return view{}, err
	}
	all, err := o.AlertDeliveries(ctx, "", opt.limit)
	if err != nil {
		return view{}, err
	}
	v := view{value: listed(all), table: newTable("AT", "CHANNEL", "STATUS", "ATTEMPTS", "TELLS", "LAST ERROR"), empty: "Nothing was sent yet"}
	for _, d := range all {
		tells := fmt.Sprintf("%d alerts", len(d.Notices))
		if len(d.Notices) == 1 {
			tells = d.Notices[0].Name + " " + d.Notices[0].Status
		}
		if d.Test {
			tells = "test"
		}
		v.table.add(moment(d.CreatedAt), d.Channel, d.Status, fmt.Sprint(d.Attempts), tells, dash(d.LastError))
	}
	return v, nil
}
