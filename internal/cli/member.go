package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
)

func newMember(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "member", Short: "Add people to the organization and take them out"}
	cmd.AddCommand(newMemberAdd(a), newMemberRemove(a))
	return cmd
}

// roleFlag adds --role.
func roleFlag(cmd *cobra.Command, role *string) {
	roles := []string{string(api.RoleOwner), string(api.RoleAdmin), string(api.RoleEditor), string(api.RoleViewer), string(api.RoleBilling)}
	cmd.Flags().StringVar(role, "role", "", strings.Join(roles, ", "))
	must(cmd.MarkFlagRequired("role"))
	must(cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(roles, cobra.ShellCompDirectiveNoFileComp)))
}

func newMemberAdd(a *App) *cobra.Command {
	var role string
	cmd := &cobra.Command{
		Use:     "add EMAIL --role ROLE",
		Short:   "Add a person to the organization, or only to --project; or change the role",
		Example: "  souk member add ann@example.com --role editor --project shop",
		Args:    cobra.ExactArgs(1),
	}
	roleFlag(cmd, &role)
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		m, err := organization.PutMember(ctx, api.MemberPut{Email: args[0], Role: api.Role(role), Project: a.project})
		if err != nil {
			return err
		}
		return a.result(o, "member/"+m.Email, "is "+string(m.Role)+" in "+where(organization.Name, m.Project), m)
	})
	return cmd
}

func where(organization, project string) string {
	if project == "" {
		return organization
	}
	return organization + "/" + project
}

func newMemberRemove(a *App) *cobra.Command {
	return &cobra.Command{
		Use:               "remove EMAIL",
		Short:             "Take a person out of the organization, or only out of --project",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeMembers),
		RunE: a.bounded(func(ctx context.Context, args []string) error {
			organization, _, err := a.inOrganization(ctx)
			if err != nil {
				return err
			}
			members, err := organization.Members(ctx)
			if err != nil {
				return err
			}
			m, err := memberOf(members, args[0], a.project)
			if err != nil {
				return err
			}
			if err := organization.RemoveMember(ctx, m.ID); err != nil {
				return err
			}
			return a.done("member/%s removed from %s", m.Email, where(organization.Name, m.Project))
		}),
	}
}

// memberOf finds the one membership that is meant: of the project named, or
// else the only one that there is.
func memberOf(members []api.Member, who, project string) (api.Member, error) {
	var found []api.Member
	var places []string
	for _, m := range members {
		if (strings.EqualFold(m.Email, who) || m.ID == who) && (project == "" || m.Project == project) {
			found = append(found, m)
			places = append(places, everywhere(m.Project))
		}
	}
	switch len(found) {
	case 0:
		return api.Member{}, fmt.Errorf("there is no member %s here; see: souk get members", who)
	case 1:
		return found[0], nil
	}
	return api.Member{}, misuse("%s has several roles here (projects: %s): say which with --project, or the membership's ID from: souk get members -o json",
		who, strings.Join(places, ", "))
}
