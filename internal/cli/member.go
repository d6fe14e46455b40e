package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
)

func newMember(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "member", Short: "Invite people to the organization, add them and take them out"}
	cmd.AddCommand(newMemberInvite(a), newMemberUninvite(a), newMemberAdd(a), newMemberRemove(a))
	return cmd
}

// roleFlag adds --role.
func roleFlag(cmd *cobra.Command, role *string) {
	roles := []string{string(api.RoleOwner), string(api.RoleAdmin), string(api.RoleEditor), string(api.RoleViewer), string(api.RoleBilling)}
	cmd.Flags().StringVar(role, "role", "", strings.Join(roles, ", "))
	must(cmd.MarkFlagRequired("role"))
	must(cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(roles, cobra.ShellCompDirectiveNoFileComp)))
}

func newMemberInvite(a *App) *cobra.Command {
	var role string
	cmd := &cobra.Command{
		Use:     "invite EMAIL --role ROLE",
		Short:   "Mail a person a link to join the organization by, or only --project; again: a new link",
		Example: "  souk member invite ann@example.com --role editor --project shop",
		Args:    cobra.ExactArgs(1),
	}
	roleFlag(cmd, &role)
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		i, err := organization.Invite(ctx, api.InvitationCreate{Email: args[0], Role: api.Role(role), Project: a.project})
		if err != nil {
			return err
		}
		return a.result(o, "invitation/"+i.Email, "to be "+string(i.Role)+" in "+where(organization.Name, i.Project)+" is on its way", i)
	})
	return cmd
}

func newMemberUninvite(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "uninvite EMAIL",
		Short: "Take back the invitations of a person, or only those to --project",
		Args:  cobra.ExactArgs(1),
		RunE: a.bounded(func(ctx context.Context, args []string) error {
			organization, _, err := a.inOrganization(ctx)
			if err != nil {
				return err
			}
			all, err := organization.Invitations(ctx)
			if err != nil {
				return err
			}
			found := false
			for _, i := range all {
				if !strings.EqualFold(i.Email, args[0]) || a.project != "" && a.project != i.Project {
					continue
				}
				found = true
				if err := organization.RevokeInvitation(ctx, i.ID); err != nil {
					return err
				}
			}
			if !found {
				return fmt.Errorf("nobody with the address %s is invited here; see: souk get invitations", args[0])
			}
			return a.done("invitation/%s taken back", args[0])
		}),
	}
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
