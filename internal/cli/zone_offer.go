package cli

import (
	"context"

	"github.com/spf13/cobra"

	"souk/api"
)

func newZoneOffer(a *App) *cobra.Command {
	put := api.OfferingPut{}
	cmd := &cobra.Command{
		Use:   "offer ZONE SERVICE",
		Short: "Offer a service in a zone, or withdraw it",
		Long: "Offer a service in a zone at a service level, at the newest prices of a list, or\n" +
			"withdraw it. What was ordered stays as it was ordered. The same again changes\n" +
			"nothing, unless this version of Souk has a newer revision of the service.",
		Example: "  souk zone offer geneva postgresql --service-level guaranteed --price-list geneva",
		Args:    cobra.ExactArgs(2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, to string) ([]string, cobra.ShellCompDirective) {
			switch len(args) {
			case 0:
				return a.completeZones(cmd, args, to)
			case 1:
				return a.completeServices(cmd, args, to)
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&put.ServiceLevel, "service-level", "best-effort", "best-effort or guaranteed; guaranteed needs three failure domains")
	flags.StringVar(&put.PriceList, "price-list", "", "the list that prices it (see: souk get price-lists)")
	flags.BoolVar(&put.Withdrawn, "withdraw", false, "take it off: it can be ordered no more, and what runs goes on")
	cmd.MarkFlagsOneRequired("price-list", "withdraw")
	cmd.MarkFlagsMutuallyExclusive("price-list", "withdraw")
	must(cmd.RegisterFlagCompletionFunc("service-level", cobra.FixedCompletions([]string{"best-effort", "guaranteed"}, cobra.ShellCompDirectiveNoFileComp)))
	must(cmd.RegisterFlagCompletionFunc("price-list", a.completeKind("price-list")))
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		put.Service = args[1]
		offering, err := c.Operator().PutOffering(ctx, args[0], put)
		if err != nil {
			return err
		}
		done := "offered"
		if put.Withdrawn {
			done = "withdrawn"
		}
		if offering.Problem != "" && !put.Withdrawn {
			a.progress("It cannot be ordered yet: %s", offering.Problem)
		}
		return a.result(o, "offering/"+args[0]+"/"+args[1]+"/"+put.ServiceLevel, done, offering)
	})
	return cmd
}
