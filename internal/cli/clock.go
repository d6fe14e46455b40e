package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"souk/api"
)

// NewClock returns the `clock` command of `souk dev`. It speaks to the running
// server as the operator.
func NewClock(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "clock", Short: "Show Souk's clock, or move it forward"}
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return groupOnly(cmd, args)
		}
		return a.bounded(func(ctx context.Context, _ []string) error {
			c, _, err := a.connect()
			if err != nil {
				return err
			}
			status, err := c.Operator().Clock(ctx)
			if err != nil {
				return err
			}
			return a.showClock(o, status)
		})(cmd, args)
	}
	cmd.AddCommand(newClockAdvance(a))
	return cmd
}

func newClockAdvance(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "advance DURATION",
		Short:   "Move Souk's clock forward, for good; engines and certificates keep real time",
		Example: "  souk dev clock advance 168h --context operator",
		Args:    cobra.ExactArgs(1),
	}
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		d, err := time.ParseDuration(args[0])
		if err != nil || d < time.Second || d%time.Second != 0 {
			return misuse("%q is not a number of whole seconds forward; say for example 90s, 30m or 168h", args[0])
		}
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		status, err := c.Operator().AdvanceClock(ctx, api.ClockAdvance{Seconds: int64(d / time.Second)})
		if err != nil {
			return err
		}
		return a.showClock(o, status)
	})
	return cmd
}

func (a *App) showClock(o *output, status api.ClockStatus) error {
	offset := time.Duration(status.OffsetSeconds) * time.Second
	return a.show(o, view{value: status, text: "Souk's clock says " + moment(status.Now) + ", " + offset.String() + " ahead of real time\n"})
}
