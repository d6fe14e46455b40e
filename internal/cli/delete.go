package cli

import (
	"context"
	"net/http"

	"github.com/spf13/cobra"

	"souk/api/client"
)

func newDelete(a *App) *cobra.Command {
	var file string
	var wait bool
	cmd := &cobra.Command{
		Use:   "delete KIND NAME | -f FILE",
		Short: "Delete an instance (it can be brought back for a while) or an empty project",
		Long: "Delete an instance or an empty project. A protected instance is not deleted:\n" +
			"souk unprotect NAME first. A deleted instance comes back with souk undelete\n" +
			"NAME until its data is purged. With -f, what is not there is passed over.",
		Example:           "  souk delete db1 --wait\n  souk delete instance/db1\n  souk delete -f db1.yaml",
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: a.completeTargets,
	}
	flags := cmd.Flags()
	flags.StringVarP(&file, "filename", "f", "", "delete the instances of this file; - is standard input")
	flags.BoolVar(&wait, "wait", false, "wait until it is deleted")
	must(cmd.MarkFlagFilename("filename", "yaml", "yml", "json"))
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		switch {
		case file != "" && len(args) > 0:
			return misuse("say either KIND NAME or -f FILE, not both")
		case file != "":
			return a.deleteFile(ctx, o, file, wait)
		case len(args) == 0:
			return misuse("delete what? Say KIND NAME, or -f FILE")
		}
		return a.delete(ctx, o, args, wait)
	})
	return cmd
}

func (a *App) delete(ctx context.Context, o *output, args []string, wait bool) error {
	k, name, err := target(args)
	if err != nil {
		return err
	}
	switch {
	case name == "":
		return misuse("delete which %s? Say: souk delete %s NAME", k.name, k.name)
	case k.name == "instance":
		project, err := a.inProject(ctx)
		if err != nil {
			return err
		}
		return a.deleteInstance(ctx, o, project, name, wait)
	case k.name == "project":
		return a.deleteProject(ctx, name)
	}
	other := map[string]string{
		"token": "souk token revoke NAME", "member": "souk member remove EMAIL", "binding": "souk binding revoke INSTANCE BINDING",
		"invitation": "souk member uninvite EMAIL",
	}
	if command := other[k.name]; command != "" {
		return misuse("%s are not deleted; use: %s", k.plural, command)
	}
	return misuse("a %s cannot be deleted", k.name)
}

func (a *App) deleteInstance(ctx context.Context, o *output, project *client.Project, name string, wait bool) error {
	instance, err := project.Delete(ctx, name)
	if err != nil {
		return err
	}
	return a.conclude(ctx, o, project, instance, wait, toDeleted())
}

func (a *App) deleteFile(ctx context.Context, o *output, file string, wait bool) error {
	manifests, err := a.readManifests(file)
	if err != nil {
		return err
	}
	base, _, err := a.connect()
	if err != nil {
		return err
	}
	force, err := a.inProject(ctx)
	if err != nil {
		return err
	}
	for _, m := range manifests {
		err := a.deleteInstance(ctx, o, a.projectOf(base, force, m), m.name, wait)
		if client.IsStatus(err, http.StatusNotFound) {
			a.progress("instance/%s is not there", m.name)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}
