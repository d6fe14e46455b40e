package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"souk/api/client"
)

func newLogs(a *App) *cobra.Command {
	var opt client.LogOptions
	cmd := &cobra.Command{
		Use:               "logs NAME",
		Short:             "Show an instance's log",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeInstances),
	}
	cmd.Flags().BoolVarP(&opt.Follow, "follow", "f", false, "go on and show lines as they are written")
	cmd.Flags().IntVar(&opt.Tail, "tail", 200, "how many lines to begin with")
	show := func(ctx context.Context, args []string) error { return a.logs(ctx, args[0], opt) }
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
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

func (a *App) logs(ctx context.Context, arg string, opt client.LogOptions) error {
	name, err := instanceName(arg)
	if err != nil {
		return err
	}
	project, err := a.inProject(ctx)
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
