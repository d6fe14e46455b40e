package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"souk/api/client"
)

func newLogs(a *App) *cobra.Command {
	var opt client.LogOptions
	var since, until string
	cmd := &cobra.Command{
		Use:               "logs NAME",
		Short:             "Show an instance's log",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeInstances),
	}
	cmd.Flags().BoolVarP(&opt.Follow, "follow", "f", false, "go on and show lines as they are written")
	cmd.Flags().IntVar(&opt.Tail, "tail", 200, "how many lines to begin with; 10000 where you search")
	cmd.Flags().StringVar(&since, "since", "", "only entries from then on: a `TIME`, or how long ago, as 2h or 3d")
	cmd.Flags().StringVar(&until, "until", "", "only entries from before then: a `TIME`, or how long ago")
	cmd.Flags().StringVar(&opt.Grep, "grep", "", "only lines that contain this `TEXT`, in whatever case")
	cmd.Flags().StringVar(&opt.Level, "level", "", "only entries as grave as this, or graver: debug, info, warning or error")
	show := func(ctx context.Context, args []string) error { return a.logs(ctx, args[0], opt) }
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if opt.Since, err = logMoment("since", since, time.Now()); err != nil {
			return err
		}
		if opt.Until, err = logMoment("until", until, time.Now()); err != nil {
			return err
		}
		if searches := since != "" || until != "" || opt.Grep != "" || opt.Level != ""; searches && !cmd.Flags().Changed("tail") {
			opt.Tail = 10_000
		}
		if opt.Tail < 1 {
			return misuse("--tail is at least 1")
		}
		if opt.Follow {
			return a.endless(show)(cmd, args)
		}
		return a.bounded(show)(cmd, args)
	}
	return cmd
}

// logMoment reads a flag that says when: a time, or how long before now.
func logMoment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	ago, err := model.ParseDuration(text)
	if err != nil {
		return time.Time{}, misuse("--%s %s: say a time such as 2026-03-20T12:00:00Z, or how long ago, as 2h or 3d", flag, text)
	}
	return now.Add(-time.Duration(ago)), nil
}

func (a *App) logs(ctx context.Context, arg string, opt client.LogOptions) error {
	project, name, err := a.instanceOf(ctx, arg)
	if err != nil {
		return err
	}
	lines, err := project.Logs(ctx, name, opt)
	if err != nil {
		return err
	}
	defer lines.Close()
	_, err = io.Copy(a.shown(), lines)
	if opt.Follow && ctx.Err() != nil {
		return nil // being interrupted is how following ends
	}
	if err != nil || opt.Follow {
		return fmt.Errorf("the log broke off; begin again with: souk logs %s -f", name)
	}
	return nil
}

// shown is where a log goes: a file or another program gets it as it is, a
// terminal without what would move its cursor or change its colours.
func (a *App) shown() io.Writer {
	if file, ok := a.Out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return &plainWriter{to: a.Out}
	}
	return a.Out
}

// plainWriter shows control characters as spaces. It works on bytes, for a write
// may end in the middle of a character.
type plainWriter struct {
	to   io.Writer
	last byte // of the write before
}

func (w *plainWriter) Write(text []byte) (int, error) {
	clean := bytes.Clone(text)
	for i, b := range text {
		ascii := b < ' ' && b != '\n' && b != '\t' || b == 0x7f
		second := w.last == 0xc2 && b >= 0x80 && b < 0xa0 // of U+0080 to U+009F
		if ascii || second {
			clean[i] = ' '
		}
		w.last = b
	}
	return w.to.Write(clean)
}
