package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"souk/api"
)

func newMaturity(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "maturity SERVICE",
		Short: "Show what is proven of a service, and what stands between it and production",
		Long: "Show what is proven of a service in each zone, and the checks of the iteration\n" +
			"stable: each with what it rests on, or why it is not passed.",
		Example:           "  souk maturity postgresql\n  souk maturity postgresql --zone local -o json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeServices),
	}
	var zone string
	cmd.Flags().StringVar(&zone, "zone", "", "only this zone")
	must(cmd.RegisterFlagCompletionFunc("zone", a.completeZones))
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		s, err := c.Service(ctx, args[0])
		if err != nil {
			return err
		}
		shown := []api.ServiceMaturity{}
		for _, m := range s.Maturity {
			if zone == "" || m.Zone == zone {
				shown = append(shown, m)
			}
		}
		if len(shown) == 0 {
			return fmt.Errorf("%s is not offered in a zone named %q", s.Name, zone)
		}
		return a.showMaturity(o, shown)
	})
	cmd.AddCommand(newWaive(a), newUnwaive(a))
	return cmd
}

func (a *App) showMaturity(o *output, all []api.ServiceMaturity) error {
	if o.format != "table" {
		return a.show(o, view{value: all})
	}
	p := &page{}
	p.section("Proven by conformance runs (souk conformance show RESULT)", maturityTable(all))
	for _, m := range all {
		for _, it := range m.Iterations {
			if it.Name == api.IterationStable {
				p.section(fmt.Sprintf("Stable in %s (%s): %s", m.Zone, m.Driver, it.State), checksTable(it.Checks))
				p.text(checksEvidence(it.Checks))
			}
		}
	}
	_, err := io.WriteString(a.Out, p.String())
	return err
}

// checksTable is the checks of production readiness with their waivers.
func checksTable(checks []api.ReadinessCheck) *table {
	t := newTable("CHECK", "STATE", "WHY")
	for _, c := range checks {
		state, why := c.State, dash(c.Reason)
		if w := c.Waiver; w != nil {
			state, why = "waived", fmt.Sprintf("%s; waived until %s: %s", strings.TrimSuffix(c.Reason, "."), moment(w.Until), w.Reason)
		}
		t.add(c.Name, state, why)
	}
	return t
}

// checksEvidence is what the checks rest on.
func checksEvidence(checks []api.ReadinessCheck) string {
	var b strings.Builder
	for _, c := range checks {
		if len(c.Evidence) > 0 {
			fmt.Fprintf(&b, "\n%s\n- %s", c.Name, strings.Join(c.Evidence, "\n- "))
		}
	}
	return b.String()
}

func newWaive(a *App) *cobra.Command {
	var in api.WaiverCreate
	var until string
	cmd := &cobra.Command{
		Use:   "waive SERVICE CHECK",
		Short: "Do without a check of a service's readiness for a time (operator)",
		Long: "Do without a check of a service's readiness for a time. Everybody sees that it was\n" +
			"waived, why, and until when; the iteration stable is reached nevertheless.",
		Example:           "  souk maturity waive redis upgrade --zone local --until 2026-12-31T00:00:00Z \\\n    --reason \"The distribution has one minor version of it.\"",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: first(a.completeServices),
	}
	flags := cmd.Flags()
	flags.StringVar(&in.Zone, "zone", "", "where")
	flags.StringVar(&in.Reason, "reason", "", "why; everybody reads it")
	flags.StringVar(&until, "until", "", "when it ends, such as 2026-12-31T00:00:00Z: 90 days from now at the latest")
	for _, name := range []string{"zone", "reason", "until"} {
		must(cmd.MarkFlagRequired(name))
	}
	must(cmd.RegisterFlagCompletionFunc("zone", a.completeZones))
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		at, err := time.Parse(time.RFC3339, until)
		if err != nil {
			return misuse("--until %q is no time such as 2026-12-31T00:00:00Z", until)
		}
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		in.Check, in.Until = args[1], at
		w, err := c.Operator().Waive(ctx, args[0], in)
		if err != nil {
			return err
		}
		return a.result(o, "waiver/"+w.ID, fmt.Sprintf("made: %s of %s in %s is waived until %s", w.Check, w.Service, w.Zone, moment(w.Until)), w)
	})
	return cmd
}

func newUnwaive(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "unwaive WAIVER",
		Short:   "End a waiver before its time (operator)",
		Long:    "End a waiver before its time. -o json of souk maturity has the IDs of waivers.",
		Example: "  souk maturity unwaive 0198c0de-0000-7000-8000-000000000001",
		Args:    cobra.ExactArgs(1),
	}
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		w, err := c.Operator().Unwaive(ctx, strings.TrimPrefix(args[0], "waiver/"))
		if err != nil {
			return err
		}
		return a.result(o, "waiver/"+w.ID, "ended", w)
	})
	return cmd
}
