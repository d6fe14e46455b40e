package cli

import (
	"context"

	"github.com/spf13/cobra"
)

// Exit codes of `diff`.
const (
	exitDiffers   = 1
	exitDiffError = 3
)

func newDiff(a *App) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "diff -f FILE",
		Short: "Show what `apply` would change (exit code 0: nothing, 1: something, 3: error)",
		Args:  cobra.NoArgs,
	}
	fileFlag(cmd, &file)
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		plans, err := a.planned(ctx, file)
		if err != nil {
			return &codeError{exitDiffError, err}
		}
		var differing []planned
		for _, p := range plans {
			if p.preview.Action != "none" {
				differing = append(differing, p)
			}
		}
		if len(differing) == 0 && o.format == "table" {
			return nil
		}
		if err := a.showPlanned(o, differing); err != nil {
			return &codeError{exitDiffError, err}
		}
		if len(differing) > 0 {
			return &codeError{code: exitDiffers}
		}
		return nil
	})
	return cmd
}
