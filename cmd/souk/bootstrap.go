package main

import (
	"crypto/rand"
	"fmt"

	"github.com/spf13/cobra"

	"souk/internal/cli"
	"souk/internal/controlplane"
	"souk/internal/tenancy"
)

// newBootstrap is `souk bootstrap`: the way into a Souk that nobody can sign in to yet.
func newBootstrap(*cli.App) *cobra.Command {
	var path string
	first := tenancy.FirstOperator{}
	cmd := &cobra.Command{
		Use: "bootstrap", Short: "Make the operator of a new Souk, and the first person who signs in", Args: cobra.NoArgs,
		Long: "Makes the organization that runs Souk, and an owner of it, whose password is printed once. Where there is\nan operator already nothing is changed. Run `souk migrate` before.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := controlplane.LoadConfig(path)
			if err != nil {
				return err
			}
			first.Password = rand.Text()
			if first.Name == "" {
				first.Name = first.Email
			}
			made, err := controlplane.Bootstrap(cmd.Context(), config, first)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			switch {
			case !made.Made:
				fmt.Fprintf(cmd.ErrOrStderr(), "There is an operator already, the organization %s. Nothing was changed; its owners invite others.\n", made.Organization)
			case made.HadAccount:
				fmt.Fprintf(cmd.ErrOrStderr(), "%s owns the organization %s now, and signs in with the password that the account has.\n", first.Email, made.Organization)
			default:
				fmt.Fprintf(cmd.ErrOrStderr(), "%s owns the organization %s now. The password, which is not shown again:\n", first.Email, made.Organization)
				fmt.Fprintln(out, first.Password)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "the configuration file of the control plane")
	cmd.Flags().StringVar(&first.Email, "email", "", "the first person's address")
	cmd.Flags().StringVar(&first.Name, "name", "", "the first person's name; the address unless given")
	cmd.Flags().StringVar(&first.Organization, "organization", "operator", "name of the organization")
	cmd.Flags().StringVar(&first.DisplayName, "display-name", "The operator", "what people are shown as the organization's name")
	cmd.Flags().StringVar(&first.TimeZone, "time-zone", "UTC", "the organization's time zone, such as Europe/Zurich")
	_ = cmd.MarkFlagRequired("config")
	_ = cmd.MarkFlagRequired("email")
	return cmd
}
