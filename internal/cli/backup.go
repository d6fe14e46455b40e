package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
	"souk/internal/bytesize"
)

func newBackup(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "backup NAME",
		Short:             "Back an instance up now, beside its schedule",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeInstances),
	}
	wait := cmd.Flags().Bool("wait", false, "wait until it is done")
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		project, name, err := a.instanceOf(ctx, args[0])
		if err != nil {
			return err
		}
		b, err := project.BackUp(ctx, name)
		if err != nil {
			return err
		}
		if !*wait {
			return a.result(o, "backup/"+b.ID, "asked for; look with: souk get backups "+name, b)
		}
		if b, err = a.awaitBackup(ctx, project, b); err != nil {
			return err
		}
		return a.result(o, "backup/"+b.ID, "is completed", b)
	})
	return cmd
}

// deleteBackup deletes one backup of an instance, once that is meant.
func (a *App) deleteBackup(ctx context.Context, o *output, instance, id string, yes bool) error {
	project, err := a.inProject(ctx)
	if err != nil {
		return err
	}
	id = strings.TrimPrefix(id, "backup/")
	b, err := project.Backup(ctx, instance, id)
	if err != nil {
		return err
	}
	if !yes {
		return misuse("a deleted backup does not come back. %s Say --yes if that is meant", b.IfDeleted)
	}
	if b.IfDeleted != "" {
		a.progress("%s", b.IfDeleted)
	}
	deleted, err := project.DeleteBackup(ctx, instance, id, b.Instance)
	if err != nil {
		return err
	}
	return a.result(o, "backup/"+id, "deleted", deleted)
}

// awaitBackup follows a backup until it is completed, or will not be.
func (a *App) awaitBackup(ctx context.Context, project *client.Project, b api.Backup) (api.Backup, error) {
	told := ""
	for _, err := range project.WatchInstance(ctx, b.Instance) {
		if err != nil {
			return b, fmt.Errorf("cannot see how the backup is doing; it goes on: %w", err)
		}
		if b, err = project.Backup(ctx, b.Instance, b.ID); err != nil {
			return b, err
		}
		if line := b.State + " " + b.Message; line != told {
			told = line
			a.progress("backup of %s: %s", b.Instance, line)
		}
		switch b.State {
		case "completed":
			return b, nil
		case "failed", "lost":
			return b, fmt.Errorf("the backup of %s has failed: %s", b.Instance, b.Message)
		}
	}
	return b, fmt.Errorf("the backup of %s is not done yet; it goes on. Look with: souk get backups %s", b.Instance, b.Instance)
}

func listBackups(ctx context.Context, a *App, name string, _ getOptions) (view, error) {
	project, err := a.inProject(ctx)
	if err != nil {
		return view{}, err
	}
	if name == "" {
		return listBackedUp(ctx, project)
	}
	all, err := project.Backups(ctx, name)
	if err != nil {
		return view{}, err
	}
	a.progressBackups(name, all)
	v := view{value: all, names: []string{}, table: newTable("ID", "KIND", "STATE", "STARTED", "TOOK", "SIZE", "STORED"), empty: "No backups of " + name}
	for _, b := range all.Items {
		started, took := "-", "-"
		if b.StartedAt != nil {
			started = moment(*b.StartedAt)
		}
		if b.FinishedAt != nil {
			took = b.FinishedAt.Sub(*b.StartedAt).Round(time.Second).String()
		}
		size, stored := "-", "-"
		if b.State == "completed" {
			size, stored = bytesize.Text(b.SizeBytes), bytesize.Text(b.StoredBytes)
		}
		v.names = append(v.names, "backup/"+b.ID)
		v.table.add(b.ID, b.Kind, b.State, started, took, size, stored)
	}
	return v, nil
}

// listBackedUp lists the instances of which there are backups.
func listBackedUp(ctx context.Context, project *client.Project) (view, error) {
	all, err := project.BackupSummaries(ctx)
	if err != nil {
		return view{}, err
	}
	v := view{value: listed(all), names: []string{}, table: newTable("INSTANCE", "PHASE", "SERVICE", "BACKUPS", "NEWEST", "STORED", "ID"), empty: "No backups in project " + project.Name}
	for _, s := range all {
		v.names = append(v.names, "instance/"+s.Instance)
		v.table.add(s.Instance, string(s.Phase), s.Service, strconv.FormatInt(s.Backups, 10), moment(s.Newest), bytesize.Text(s.StoredBytes), s.InstanceID)
	}
	return v, nil
}

// progressBackups says what the list as a whole tells.
func (a *App) progressBackups(name string, all api.BackupList) {
	switch {
	case all.Next != nil:
		a.progress("The next backup of %s is due at %s", name, moment(*all.Next))
	case all.Unavailable != "":
		a.progress("No backups of %s can be kept. %s", name, all.Unavailable)
	case !all.Enabled:
		a.progress("No backups of %s are being taken", name)
	}
	if all.From != nil && all.Until != nil {
		a.progress("It can be restored to any second from %s to %s", moment(*all.From), moment(*all.Until))
	}
	if all.Message != "" {
		a.progress("%s", all.Message)
	}
}
