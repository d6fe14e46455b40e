package cli

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"
)

// notYet is a command of the contract whose feature this version lacks.
func notYet(use, short, because string) *cobra.Command {
	return &cobra.Command{
		Use:                use,
		Short:              short + " (not available yet)",
		DisableFlagParsing: true, // whatever it will take
		RunE: func(cmd *cobra.Command, args []string) error {
			if slices.Contains(args, "--help") || slices.Contains(args, "-h") {
				return cmd.Help()
			}
			return errors.New("not available yet: " + because)
		},
	}
}

func newBackup() *cobra.Command {
	return notYet("backup NAME", "Back an instance up",
		"this version of Souk makes no backups. Take a dump with the engine's own tools, such as pg_dump")
}

func newRestore() *cobra.Command {
	return notYet("restore NAME", "Restore an instance from a backup",
		"this version of Souk makes no backups, so there is none to restore. A deleted instance comes back with: souk undelete NAME")
}
