package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
)

func newDrill(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drill NAME",
		Short: "Restore the newest backup on trial, and compare",
		Long: "Have the newest backup restored to an instance of its own in the same zone,\n" +
			"compared with what was backed up, and removed again. It costs nothing. What came\n" +
			"of it is shown by souk get drills NAME, and certified (souk certificate NAME).",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeInstances),
	}
	wait := cmd.Flags().Bool("wait", false, "wait until it is over")
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		project, name, err := a.instanceOf(ctx, args[0])
		if err != nil {
			return err
		}
		d, err := project.StartDrill(ctx, name)
		if err != nil {
			return err
		}
		if !*wait {
			return a.result(o, "drill/"+d.ID, "asked for; look with: souk get drills "+name, d)
		}
		if d, err = a.awaitDrill(ctx, project, d); err != nil {
			return err
		}
		return a.result(o, "drill/"+d.ID, "has passed: "+drilled(d), d)
	})
	return cmd
}

// drilled says what a drill measured.
func drilled(d api.Drill) string {
	if d.Result == nil {
		return d.Message
	}
	return fmt.Sprintf("restored in %s, %s would have been lost", d.Result.Took(), d.Result.Loss())
}

// awaitDrill follows a drill until it is over and certified.
func (a *App) awaitDrill(ctx context.Context, project *client.Project, d api.Drill) (api.Drill, error) {
	told := ""
	for _, err := range project.WatchInstance(ctx, d.Instance) {
		if err != nil {
			return d, fmt.Errorf("cannot see how the drill is doing; it goes on: %w", err)
		}
		if d, err = project.Drill(ctx, d.Instance, d.ID); err != nil {
			return d, err
		}
		if d.State != told {
			told = d.State
			a.progress("restore drill of %s: %s", d.Instance, d.State)
		}
		switch {
		case d.State == "cancelled", d.State == "failed" && d.Certificate:
			return d, fmt.Errorf("the restore drill of %s has not passed: %s", d.Instance, d.Message)
		case d.State == "passed" && d.Certificate:
			return d, nil
		}
	}
	return d, fmt.Errorf("the restore drill of %s is not over yet; it goes on. Look with: souk get drills %s", d.Instance, d.Instance)
}

func listDrills(ctx context.Context, a *App, name string, _ getOptions) (view, error) {
	project, err := a.inProject(ctx)
	if err != nil {
		return view{}, err
	}
	all, err := project.Drills(ctx, name)
	if err != nil {
		return view{}, err
	}
	switch {
	case all.Next != nil:
		a.progress("The next restore drill of %s is due at %s", name, moment(*all.Next))
	case all.Message != "":
		a.progress("%s", all.Message)
	}
	v := view{value: all, names: []string{}, table: newTable("ID", "KIND", "STATE", "FINISHED", "RESTORED IN", "LOSS", "CHECKS", "MESSAGE"), empty: "No restore drills of " + name}
	for _, d := range all.Items {
		finished, in, loss, checks := "-", "-", "-", "-"
		if d.FinishedAt != nil {
			finished = moment(*d.FinishedAt)
		}
		if d.Result != nil {
			in, loss = d.Result.Took().String(), d.Result.Loss().String()
			passed := 0
			for _, c := range d.Result.Checks {
				if c.Passed {
					passed++
				}
			}
			checks = fmt.Sprintf("%d/%d", passed, len(d.Result.Checks))
		}
		v.names = append(v.names, "drill/"+d.ID)
		v.table.add(d.ID, d.Kind, d.State, finished, in, loss, checks, d.Message)
	}
	return v, nil
}

func newCertificate(a *App) *cobra.Command {
	var id, pdf string
	cmd := &cobra.Command{
		Use:   "certificate NAME",
		Short: "Show the signed certificate of a restore drill",
		Long: "Show the certificate of the newest restore drill that is over, as a JSON Web\n" +
			"Signature; -o json and -o yaml show what it says as well. souk verify checks it.",
		Example:           "  souk certificate db1 > db1.jws && souk verify db1.jws\n  souk certificate db1 --pdf db1.pdf",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeInstances),
	}
	cmd.Flags().StringVar(&id, "drill", "", "of this drill; `ID` as souk get drills shows it")
	cmd.Flags().StringVar(&pdf, "pdf", "", "write it to `FILE` as a PDF instead, for people")
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		project, name, err := a.instanceOf(ctx, args[0])
		if err != nil {
			return err
		}
		if id == "" {
			if id, err = newestCertified(ctx, project, name); err != nil {
				return err
			}
		}
		if pdf != "" {
			text, err := project.CertificatePDF(ctx, name, id)
			if err != nil {
				return err
			}
			return os.WriteFile(pdf, text, 0o644)
		}
		signed, err := project.Certificate(ctx, name, id)
		if err != nil {
			return err
		}
		return a.show(o, view{value: signed, text: signed.Signed + "\n"})
	})
	return cmd
}

func newestCertified(ctx context.Context, project *client.Project, name string) (string, error) {
	all, err := project.Drills(ctx, name)
	if err != nil {
		return "", err
	}
	for _, d := range all.Items {
		if d.Certificate {
			return d.ID, nil
		}
	}
	return "", fmt.Errorf("no restore drill of %s is over yet; start one with: souk drill %s", name, name)
}
