package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"souk/api/client"
	"souk/internal/window"
)

// specFlags are the flags by which `order` and `update` say what is wanted.
type specFlags struct {
	zone, plan, level, display string
	window, backups, backupAt  string
	backupTo                   string
	keep                       map[string]int
	logDays                    int
	storage                    int64
	allow, set, unset, labels  []string
	noProtect, suspendable     bool
	dryRun, wait, inWindow     bool
}

// common adds the flags that both commands have.
func (f *specFlags) common(a *App, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.plan, "plan", "", "size (see: souk plans SERVICE)")
	flags.Int64Var(&f.storage, "storage", 0, "storage in GiB; it can grow, not shrink")
	flags.StringVar(&f.display, "display-name", "", "a name for people")
	flags.StringArrayVar(&f.allow, "allow", nil, "network that may connect, as `CIDR`; repeat it for more; none lets nobody in")
	flags.StringArrayVar(&f.set, "set", nil, "set a parameter of the service, as `name=value`, or a field, as spec.storageGiB=20")
	flags.StringArrayVar(&f.labels, "label", nil, "set a label, as `key=value`; key- takes it away")
	flags.StringVar(&f.window, "window", "", "when it may be interrupted for planned work, as `\"Sun 03:00 Europe/Zurich 2h\"`")
	flags.StringVar(&f.backups, "backups", "", "on or off")
	flags.StringVar(&f.backupAt, "backup-at", "", "when backups begin, as `HH:MM` by the organization's clock")
	flags.StringVar(&f.backupTo, "backup-to", "", "bucket of the organization's that backups are kept in (see: souk get buckets); \"\" is the zone's own place")
	flags.StringToIntVar(&f.keep, "backup-keep", nil, "how many backups are kept, as `last=3,daily=7,weekly=4,monthly=0`")
	flags.IntVar(&f.logDays, "log-days", 0, "for how many days logs are kept, 1 to 90")
	flags.BoolVar(&f.suspendable, "suspendable", false, "let a budget that is used up suspend it")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only show what would change and cost")
	flags.BoolVar(&f.wait, "wait", false, "wait until it is done")
	must(cmd.RegisterFlagCompletionFunc("plan", a.completePlans))
	must(cmd.RegisterFlagCompletionFunc("backups", cobra.FixedCompletions([]string{"on", "off"}, cobra.ShellCompDirectiveNoFileComp)))
}

// wanted is what the flags ask for, as parts of a JSON merge patch.
type wanted struct {
	spec   map[string]any
	labels map[string]any
}

func (w wanted) patch() map[string]any {
	patch := map[string]any{}
	if len(w.spec) > 0 {
		patch["spec"] = w.spec
	}
	if len(w.labels) > 0 {
		patch["metadata"] = map[string]any{"labels": w.labels}
	}
	return patch
}

// wanted reads the flags that were given. schema is asked for only when a
// parameter is set.
func (f *specFlags) wanted(cmd *cobra.Command, schema func() (schemaNode, error)) (wanted, error) {
	w := wanted{spec: map[string]any{}, labels: map[string]any{}}
	given := func(flag, field string, value any) {
		if cmd.Flags().Changed(flag) {
			w.spec[field] = value
		}
	}
	given("zone", "zone", f.zone)
	given("plan", "plan", f.plan)
	given("service-level", "serviceLevel", f.level)
	given("display-name", "displayName", f.display)
	given("storage", "storageGiB", f.storage)
	given("no-protect", "protected", !f.noProtect)
	given("suspendable", "suspendable", f.suspendable)
	if cmd.Flags().Changed("allow") {
		networks, err := networks(f.allow)
		if err != nil {
			return w, err
		}
		w.spec["allowedNetworks"] = networks
	}
	if cmd.Flags().Changed("window") {
		is, err := window.Window{}.Parse(f.window)
		if err != nil {
			return w, misuse("--window %v", err)
		}
		given := map[string]any{"day": is.Day, "at": is.At}
		if is.Minutes != 0 {
			given["minutes"] = is.Minutes
		}
		if is.Zone != "" {
			given["timeZone"] = is.Zone
		}
		w.spec["maintenance"] = given
	}
	if cmd.Flags().Changed("log-days") {
		w.spec["logs"] = map[string]any{"retentionDays": f.logDays}
	}
	if err := f.backup(cmd, w); err != nil {
		return w, err
	}
	if err := f.settings(w, schema); err != nil {
		return w, err
	}
	return w, readLabels(f.labels, w.labels)
}

// backup reads the flags about backups.
func (f *specFlags) backup(cmd *cobra.Command, w wanted) error {
	spec := map[string]any{}
	if cmd.Flags().Changed("backups") {
		if f.backups != "on" && f.backups != "off" {
			return misuse("--backups is on or off")
		}
		spec["enabled"] = f.backups == "on"
	}
	if cmd.Flags().Changed("backup-at") {
		spec["at"] = f.backupAt
	}
	if cmd.Flags().Changed("backup-to") {
		spec["to"] = f.backupTo
	}
	if len(f.keep) > 0 {
		for rule := range f.keep {
			if !slices.Contains([]string{"last", "daily", "weekly", "monthly"}, rule) {
				return misuse("--backup-keep has last, daily, weekly and monthly, not %q", rule)
			}
		}
		spec["keep"] = f.keep
	}
	if len(spec) > 0 {
		w.spec["backup"] = spec
	}
	return nil
}

// settings applies --set and --unset.
func (f *specFlags) settings(w wanted, schema func() (schemaNode, error)) error {
	parameters := map[string]any{}
	for _, setting := range f.set {
		path, value, ok := strings.Cut(setting, "=")
		if !ok || path == "" {
			return misuse("--set %s: say name=value", setting)
		}
		name, isParameter := parameterName(path)
		if !isParameter {
			if err := setField(w.spec, path, value); err != nil {
				return err
			}
			continue
		}
		root, err := schema()
		if err != nil {
			return err
		}
		if err := setParameter(parameters, root, name, value); err != nil {
			return err
		}
	}
	for _, path := range f.unset {
		name, isParameter := parameterName(path)
		if !isParameter {
			w.spec[strings.TrimPrefix(path, "spec.")] = nil
			continue
		}
		parameters[name] = nil
	}
	if len(parameters) > 0 {
		w.spec["parameters"] = parameters
	}
	return nil
}

// networks reads --allow: CIDRs, or the one word `none`.
func networks(allow []string) ([]string, error) {
	var all []string
	for _, value := range allow {
		all = append(all, strings.Split(value, ",")...)
	}
	if len(all) == 1 && all[0] == "none" {
		return []string{}, nil
	}
	for _, cidr := range all {
		if cidr == "none" {
			return nil, misuse("--allow none cannot stand beside a network")
		}
		if strings.TrimSpace(cidr) == "" {
			return nil, misuse("--allow is empty; say a network such as 192.0.2.0/24, or none")
		}
	}
	return all, nil
}

// readLabels reads key=value, and `key-` to take a label away.
func readLabels(args []string, labels map[string]any) error {
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		switch {
		case ok && key != "":
			labels[key] = value
		case !ok && len(arg) > 1 && strings.HasSuffix(arg, "-"):
			labels[strings.TrimSuffix(arg, "-")] = nil
		default:
			return misuse("--label %s: say key=value", arg)
		}
	}
	return nil
}

// parametersOf fetches the schema of a service's parameters, once.
func parametersOf(ctx context.Context, c *client.Client, service string) func() (schemaNode, error) {
	var fetched *schemaNode
	return func() (schemaNode, error) {
		if fetched != nil {
			return *fetched, nil
		}
		s, err := c.Service(ctx, service)
		if err != nil {
			return schemaNode{}, err
		}
		var node schemaNode
		if len(s.Parameters) > 0 {
			if err := json.Unmarshal(s.Parameters, &node); err != nil {
				return node, fmt.Errorf("the parameters of %s cannot be read: %w", service, err)
			}
		}
		fetched = &node
		return node, nil
	}
}
