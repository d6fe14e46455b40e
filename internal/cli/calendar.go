package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"souk/api"
)

func newMaintenanceCalendar(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "calendar", Short: "Have planned work in the calendar program of your choice"}
	cmd.AddCommand(newCalendarShow(a), newCalendarMake(a), newCalendarEnd(a))
	return cmd
}

func newCalendarShow(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "show", Short: "Say whether you have an address of the calendar, and when it was read", Args: cobra.NoArgs}
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		feed, err := organization.CalendarFeed(ctx)
		if err != nil {
			return err
		}
		return a.result(o, "calendar/"+organization.Name, calendarSaid(feed), feed)
	})
	return cmd
}

func calendarSaid(feed api.CalendarFeed) string {
	switch {
	case !feed.Made:
		return "has no address yet: souk maintenance calendar create"
	case feed.LastReadAt == nil:
		return "has an address since " + moment(*feed.CreatedAt) + ", which was not read yet"
	}
	return "has an address since " + moment(*feed.CreatedAt) + ", read last at " + moment(*feed.LastReadAt)
}

func newCalendarMake(a *App) *cobra.Command {
	var file string
	cmd := &cobra.Command{Use: "create", Short: "Make an address of the calendar; the one that you had ends",
		Long: "Make an address at which a calendar program reads the planned work of the\n" +
			"organization, as far as you may see it. It is a secret, and shown once: on standard\n" +
			"output, or written to --file. The address that you had before ends.", Args: cobra.NoArgs}
	cmd.Flags().StringVar(&file, "file", "", "write the address to this file (mode 0600) instead of standard output")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		feed, err := organization.MakeCalendarFeed(ctx)
		if err != nil {
			return err
		}
		if feed.URL == "" {
			return errors.New("an address was made, but it was lost on the way here. Make another: souk maintenance calendar create")
		}
		a.progress("The address is a secret: whoever has it can read the calendar. It is shown this once.")
		return a.handOut(feed.URL, file)
	})
	return cmd
}

func newCalendarEnd(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "end", Short: "End the address of the calendar at once", Args: cobra.NoArgs}
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		if err := organization.EndCalendarFeed(ctx); err != nil {
			return err
		}
		return a.result(o, "calendar/"+organization.Name, "has no address any more", api.CalendarFeed{})
	})
	return cmd
}
