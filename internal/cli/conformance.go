package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
	"souk/internal/conformance"
)

func newConformance(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "conformance", Short: "Prove what a service declares, and see what is proven of it"}
	cmd.AddCommand(newConformanceRun(a), newConformanceShow(a))
	return cmd
}

// conformanceProject is where a run orders, unless another project is named.
const conformanceProject = "conformance"

// conformanceWithin is how long a run may take, unless --timeout says otherwise.
const conformanceWithin = 2 * time.Hour

func newConformanceRun(a *App) *cobra.Command {
	var service, zone string
	var capabilities []string
	var unpublished bool
	var listen, url string
	cmd := &cobra.Command{
		Use:   "run --service SERVICE --zone ZONE",
		Short: "Order a service, prove each capability that it declares, and publish the signed result",
		Long: "Order a service and prove each capability that it declares, as a customer would: by\n" +
			"the API and the engine's own protocol. What is ordered is deleted at the end, or by\n" +
			"the next run if this one is killed; it is ordered, and billed, in the project\n" +
			conformanceProject + " unless --project names another. One run at a time of a service and zone.\n\n" +
			"The result is published, signed, if nothing else is said: that is for the service's\n" +
			"provider and the operator. Anybody may run it with --unpublished.\n\n" +
			"Ends with 1 where something failed. What could not be proven is no failure.",
		Example: "  souk conformance run --service postgresql --zone local\n" +
			"  souk conformance run --service redis --zone local --capability logs --unpublished",
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&service, "service", "", "the service to prove")
	flags.StringVar(&zone, "zone", "", "where")
	flags.StringSliceVar(&capabilities, "capability", nil, "only this, and provisioning, on which all rests; may be given several times")
	flags.BoolVar(&unpublished, "unpublished", false, "say what it shows, and keep it nowhere")
	flags.StringVar(&listen, "webhook-listen", "", "where to listen for the webhook that is told of alerts (default: a free port of this machine)")
	flags.StringVar(&url, "webhook-url", "", "by which URL the control plane reaches that (default: the same)")
	must(cmd.MarkFlagRequired("service"))
	must(cmd.MarkFlagRequired("zone"))
	must(cmd.RegisterFlagCompletionFunc("service", a.completeServices))
	must(cmd.RegisterFlagCompletionFunc("zone", a.completeZones))
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		within := conformanceWithin
		if a.timeoutGiven() {
			within = a.timeout
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), within)
		defer cancel()
		run := &conformance.Run{Zone: zone, Prover: a.Provers[service], Runner: a.Version, Say: a.progress, Listen: listen, URL: url, Souk: a.asInRunbook}
		return a.runConformance(ctx, o, run, service, capabilities, unpublished)
	}
	return cmd
}

func (a *App) runConformance(ctx context.Context, o *output, run *conformance.Run, service string, capabilities []string, unpublished bool) error {
	organization, in, err := a.inOrganization(ctx)
	if err != nil {
		return err
	}
	c, _, err := a.connect()
	if err != nil {
		return err
	}
	run.Organization = organization
	if run.Service, err = c.Service(ctx, service); err != nil {
		return err
	}
	if run.Project, err = a.projectForConformance(ctx, organization, in.Project); err != nil {
		return err
	}
	report, err := run.Do(ctx, capabilities)
	if err != nil {
		return err
	}
	result := api.SignedConformance{Result: unsigned(report)}
	if !unpublished {
		if result, err = organization.PostConformance(ctx, report); err != nil {
			return fmt.Errorf("the run is done, and its result was not published: %w", err)
		}
		a.progress("Published: souk conformance show %s", result.Result.ID)
	}
	if err := a.showConformance(o, result); err != nil {
		return err
	}
	if failed := failures(report.Proofs); len(failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	return nil
}

// asInRunbook carries out a command as it stands in a runbook, in this context.
func (a *App) asInRunbook(ctx context.Context, args []string) error {
	again := *a
	again.Out = a.Err
	root := newRoot(&again)
	if a.context != "" {
		args = append([]string{"--context", a.context}, args...)
	}
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// unsigned is a report as a result that is kept nowhere.
func unsigned(r api.ConformanceReport) api.Conformance {
	return api.Conformance{Service: r.Service, Zone: r.Zone, Runner: r.Runner, EngineVersions: []string{}, Instances: r.Instances, StartedAt: r.StartedAt, EndedAt: r.EndedAt, Proofs: r.Proofs}
}

func failures(proofs []api.Proof) []string {
	var failed []string
	for _, p := range proofs {
		if p.State == api.ProofFailed {
			failed = append(failed, p.Capability)
		}
	}
	return failed
}

// projectForConformance is the one that was named, or else one of its own, which is
// made where it is missing.
func (a *App) projectForConformance(ctx context.Context, organization *client.Organization, named string) (*client.Project, error) {
	if a.project != "" || a.Getenv("SOUK_PROJECT") != "" {
		return organization.Project(named), nil
	}
	all, err := organization.Projects(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(all, func(p api.Project) bool { return p.Metadata.Name == conformanceProject }) {
		if _, err := organization.CreateProject(ctx, api.ProjectCreate{Name: conformanceProject}); err != nil && !client.IsStatus(err, http.StatusConflict) { // another run made it meanwhile
			return nil, fmt.Errorf("the project %s cannot be made; name another with --project: %w", conformanceProject, err)
		}
	}
	return organization.Project(conformanceProject), nil
}

func newConformanceShow(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show RESULT",
		Short:   "Show what a conformance run found, with its evidence",
		Long:    "Show what a conformance run found, with its evidence. -o jws prints the signed\nresult, for souk verify and others.",
		Example: "  souk conformance show 0198c0de-0000-7000-8000-000000000001 -o jws | souk verify -",
		Args:    cobra.ExactArgs(1),
	}
	o := outputFlag(cmd, "table", "json", "yaml", "jws")
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		r, err := c.Conformance(ctx, args[0])
		if err != nil {
			return err
		}
		if o.format == "jws" {
			_, err := fmt.Fprintln(a.Out, r.JWS)
			return err
		}
		return a.showConformance(o, r)
	})
	return cmd
}

func (a *App) showConformance(o *output, r api.SignedConformance) error {
	if o.format != "table" {
		return a.show(o, view{value: r})
	}
	_, err := io.WriteString(a.Out, conformancePage(r.Result))
	return err
}

func conformancePage(r api.Conformance) string {
	p := &page{}
	p.field("Service", r.Service)
	p.field("Zone", strings.TrimSuffix(r.Zone+" ("+r.Driver+")", " ()"))
	p.field("Versions", strings.Join(r.EngineVersions, ", "))
	if r.PackageRevision > 0 {
		p.field("Revision", fmt.Sprint(r.PackageRevision))
	}
	p.field("Run by", strings.TrimSuffix(r.RunBy+" with souk "+r.Runner, " with souk "))
	p.field("Took", r.EndedAt.Sub(r.StartedAt).Round(time.Second).String())
	if !r.RecordedAt.IsZero() {
		p.field("Recorded", moment(r.RecordedAt))
		p.field("Proves until", moment(r.ExpiresAt))
	}
	t := newTable("CAPABILITY", "STATE", "REASON")
	for _, proof := range r.Proofs {
		t.add(proof.Capability, proof.State, dash(proof.Reason))
	}
	p.section("", t)
	for _, proof := range r.Proofs {
		if len(proof.Evidence) > 0 {
			p.text(fmt.Sprintf("\n%s, %.1f s\n- %s", proof.Capability, proof.Seconds, strings.Join(proof.Evidence, "\n- ")))
		}
	}
	return p.String()
}

// maturityTable is what is proven of a service, by zone.
func maturityTable(all []api.ServiceMaturity) *table {
	t := newTable("ITERATION", "ZONE", "DRIVER", "STATE", "PROVEN", "RESULT", "NOTE")
	for _, m := range all {
		for _, it := range m.Iterations {
			proven, result, notes := "-", "-", []string{}
			if it.ProvenAt != nil {
				proven = moment(*it.ProvenAt)
			}
			for _, c := range it.Proofs {
				if c.Result != "" {
					result = c.Result
				}
				if c.State != api.ProofPassed && len(it.Proofs) > 1 {
					notes = append(notes, c.Capability+" "+c.State)
				}
			}
			for _, d := range it.Deviations {
				notes = append(notes, strings.TrimSuffix("without "+d.Name+": "+d.Note, ": "))
			}
			t.add(it.Name, m.Zone, m.Driver, it.State, proven, result, strings.Join(notes, "; "))
		}
	}
	return t
}
