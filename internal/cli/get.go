package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

func newGet(a *App) *cobra.Command {
	var opt getOptions
	var selector string
	var watch bool
	cmd := &cobra.Command{
		Use:   "get KIND [NAME]",
		Short: "List things, or show one of them in a line",
		Long: "List things, or show one of them in a line. KIND NAME and KIND/NAME are the\n" +
			"same, and a bare name is an instance.\n\nKinds: " + strings.Join(kindNames(), ", ") + ".",
		Example: "  souk get instances\n  souk get db1 -o yaml\n  souk get instances -l app=shop -w\n  souk get events db1",
		Args:    cobra.RangeArgs(1, 2),
	}
	o := outputFlag(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&selector, "selector", "l", "", "only instances with these labels: key=value,key2=value2")
	flags.BoolVarP(&watch, "watch", "w", false, "go on and show changes as they happen (instances)")
	flags.BoolVar(&opt.all, "all", false, "instances of all organizations (operator)")
	flags.IntVar(&opt.limit, "limit", 50, "how many events, alerts, deliveries or audit records, newest first; 0 means all")
	flags.StringVar(&opt.action, "action", "", "only audit records of this action, such as instance.update")
	flags.StringVar(&opt.kind, "kind", "", "only audit records about this kind")
	flags.StringVarP(&opt.text, "query", "q", "", "only instances or audit records that contain this text")
	cmd.ValidArgsFunction = a.completeTargets
	once := a.bounded(func(ctx context.Context, args []string) error { return a.get(ctx, o, args, opt) })
	follow := a.endless(func(ctx context.Context, args []string) error { return a.watch(ctx, o, args, opt) })
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var err error
		if opt.labels, err = labelSelector(selector); err != nil {
			return err
		}
		if opt.limit < 0 {
			return misuse("--limit cannot be negative")
		}
		if watch {
			return follow(cmd, args)
		}
		return once(cmd, args)
	}
	return cmd
}

func (a *App) get(ctx context.Context, o *output, args []string, opt getOptions) error {
	k, name, err := target(args)
	if err != nil {
		return err
	}
	if len(opt.labels) > 0 && (k.name != "instance" || name != "") {
		return misuse("-l chooses among instances only")
	}
	v, err := k.list(ctx, a, name, opt)
	if err != nil {
		return err
	}
	return a.show(o, v)
}
