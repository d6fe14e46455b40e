package cli

import (
	"context"
	"net/http"

	"github.com/spf13/cobra"

	"souk/api/client"
)

func newDelete(a *App) *cobra.Command {
	var file string
	var wait, yes bool
	cmd := &cobra.Command{
		Use:   "delete KIND NAME | -f FILE",
		Short: "Delete an instance (it can be brought back for a while), an empty project or a backup",
		Long: "Delete an instance, an empty project or a backup. A protected instance is not\n" +
			"deleted: souk unprotect NAME first. A deleted instance comes back with souk\nundelete NAME until its data is purged. With -f, what is not there is passed over.\n\n" +
			"A backup is gone for good, which is why --yes is asked for; its ID is the one that\nsouk get backups INSTANCE shows.",
		Example:           "  souk delete db1 --wait\n  souk delete instance/db1\n  souk delete -f db1.yaml\n  souk delete backup db1 ID --yes",
		Args:              cobra.MaximumNArgs(3),
		ValidArgsFunction: a.completeTargets,
	}
	flags := cmd.Flags()
	flags.StringVarP(&file, "filename", "f", "", "delete the instances of this file; - is standard input")
	flags.BoolVar(&wait, "wait", false, "wait until it is deleted")
	flags.BoolVar(&yes, "yes", false, "with a backup: give up what can be restored by it only")
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
		if k, known := findKind(args[0]); known && k.name == "backup" && len(args) == 3 {
			return a.deleteBackup(ctx, o, args[1], args[2], yes)
		}
		if len(args) == 3 {
			return misuse("say KIND NAME; only a backup has an ID besides: souk delete backup INSTANCE ID")
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
	case k.name == "backup":
		return misuse("delete which backup of %s? Say: souk delete backup %s ID", name, name)
	}
	other := map[string]string{
		"token": "souk token revoke NAME", "member": "souk member remove EMAIL", "binding": "souk binding revoke INSTANCE BINDING",
		"invitation": "souk member uninvite EMAIL", "bucket": "souk bucket delete NAME",
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
