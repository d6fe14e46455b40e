package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
)

// zoneFlags are what a zone declares of itself.
type zoneFlags struct {
	title           string
	domains         []string
	cpu             string // in cores
	memory, storage int64  // in GiB
	instances       int64
}

func (z *zoneFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&z.title, "title", "", "a name for people")
	flags.StringArrayVar(&z.domains, "failure-domain", nil, "what can fail by itself (repeatable); what the agent reports replaces it")
	flags.StringVar(&z.cpu, "cpu", "", "cores that instances may take together, such as 16 or 1.5")
	flags.Int64Var(&z.memory, "memory-gib", 0, "memory that instances may take together, in GiB")
	flags.Int64Var(&z.storage, "storage-gib", 0, "storage that instances may take together, in GiB")
	flags.Int64Var(&z.instances, "instances", 0, "how many instances there may be")
}

// millis are thousandths of a core.
func (z *zoneFlags) millis() (int64, error) {
	whole, part, _ := strings.Cut(z.cpu, ".")
	if len(part) > 3 {
		part = "x" // finer than can be
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", 3-len(part)), 10, 64)
	if err != nil || n <= 0 {
		return 0, misuse("--cpu %q is not a number of cores such as 16 or 1.5", z.cpu)
	}
	return n, nil
}

func newZoneCreate(a *App) *cobra.Command {
	var z zoneFlags
	var provider, driver string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Declare a zone: a place where instances run",
		Long: "Declare a zone: a place where instances run. The same again changes nothing. An\n" +
			"agent joins it next: souk zone enrol NAME.",
		Example: "  souk zone create geneva --title Geneva --provider local-cloud --driver kubernetes \\\n    --cpu 16 --memory-gib 64 --storage-gib 500 --instances 100",
		Args:    cobra.ExactArgs(1),
	}
	z.add(cmd)
	cmd.Flags().StringVar(&provider, "provider", "", "whose zone it is (see: souk get providers)")
	cmd.Flags().StringVar(&driver, "driver", "", "what runs its instances: kubernetes, process, or simulated (nothing runs)")
	for _, name := range []string{"provider", "driver", "cpu", "memory-gib", "storage-gib", "instances"} {
		must(cmd.MarkFlagRequired(name))
	}
	must(cmd.RegisterFlagCompletionFunc("provider", a.completeKind("provider")))
	must(cmd.RegisterFlagCompletionFunc("driver", cobra.FixedCompletions([]string{"kubernetes", "process", "simulated"}, cobra.ShellCompDirectiveNoFileComp)))
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		millis, err := z.millis()
		if err != nil {
			return err
		}
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		made, err := c.Operator().CreateZone(ctx, api.ZoneCreate{Name: args[0], Title: z.title, Provider: provider, Driver: driver, FailureDomains: z.domains,
			Capacity: api.Capacity{CPUMillis: millis, MemoryMiB: z.memory << 10, StorageGiB: z.storage, Instances: z.instances}})
		if err != nil {
			return err
		}
		return a.result(o, "zone/"+made.Metadata.Name, "created", made)
	})
	return cmd
}

func newZoneUpdate(a *App) *cobra.Command {
	var z zoneFlags
	cmd := &cobra.Command{
		Use:               "update NAME",
		Short:             "Change what a zone declares of itself",
		Long:              "Change what a zone declares of itself; what is not given stays. What is reserved\nalready stays reserved.",
		Example:           "  souk zone update geneva --cpu 32 --memory-gib 128",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeZones),
	}
	z.add(cmd)
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		patch, err := z.patch(cmd)
		if err != nil {
			return err
		}
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		changed, err := c.Operator().PatchZone(ctx, args[0], patch)
		if err != nil {
			return err
		}
		return a.result(o, "zone/"+changed.Metadata.Name, "updated", changed)
	})
	return cmd
}

// patch is what the flags that were given ask for.
func (z *zoneFlags) patch(cmd *cobra.Command) (api.ZonePatch, error) {
	flags := cmd.Flags()
	var p api.ZonePatch
	var capacity api.CapacityPatch
	if flags.Changed("title") {
		p.Title = &z.title
	}
	if flags.Changed("failure-domain") {
		p.FailureDomains = &z.domains
	}
	if flags.Changed("cpu") {
		millis, err := z.millis()
		if err != nil {
			return p, err
		}
		capacity.CPUMillis = &millis
	}
	if flags.Changed("memory-gib") {
		mebibytes := z.memory << 10
		capacity.MemoryMiB = &mebibytes
	}
	if flags.Changed("storage-gib") {
		capacity.StorageGiB = &z.storage
	}
	if flags.Changed("instances") {
		capacity.Instances = &z.instances
	}
	if capacity != (api.CapacityPatch{}) {
		p.Capacity = &capacity
	}
	if p == (api.ZonePatch{}) {
		return p, misuse("say what is to change: --title, --failure-domain, --cpu, --memory-gib, --storage-gib or --instances")
	}
	return p, nil
}
