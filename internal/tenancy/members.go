package tenancy

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// Members lists the people in the organization and its projects, in the order in
// which they came.
func Members(ctx context.Context, tx store.Tx, organization, after uuid.UUID, limit int) ([]api.Member, error) {
	rows, err := tenancydb.New(tx).Members(ctx, tenancydb.MembersParams{OrganizationID: organization, After: after, Limit: int32(limit)})
	if err != nil {
		return nil, err
	}
	list := make([]api.Member, len(rows))
	for i, r := range rows {
		list[i] = api.Member{ID: r.ID.String(), Email: r.Email, Name: r.Name, Role: api.Role(r.Role), Project: r.Project, BySSO: r.BySso, CreatedAt: r.CreatedAt.UTC()}
	}
	return list, nil
}

// Member returns one membership.
func Member(ctx context.Context, tx store.Tx, organization, id uuid.UUID) (api.Member, error) {
	r, err := tenancydb.New(tx).Member(ctx, tenancydb.MemberParams{OrganizationID: organization, ID: id})
	return api.Member{ID: r.ID.String(), Email: r.Email, Name: r.Name, Role: api.Role(r.Role), Project: r.Project, BySSO: r.BySso, CreatedAt: r.CreatedAt.UTC()},
		found(err, "member", id.String())
}

// MemberChange is what became of a membership; Before is "" for a new one.
type MemberChange struct {
	Member api.Member
	Before api.Role
}

// PutMember gives a person a role in the organization, or in one of its projects.
func PutMember(ctx context.Context, tx store.Tx, organization uuid.UUID, in api.MemberPut, require Require, at time.Time) (MemberChange, error) {
	q := tenancydb.New(tx)
	if err := q.LockMembers(ctx, organization.String()); err != nil {
		return MemberChange{}, err
	}
	project, err := projectOf(ctx, tx, organization, in.Project)
	if err != nil {
		return MemberChange{}, err
	}
	if project != nil && in.Role == api.RoleOwner {
		return MemberChange{}, problem.InvalidField("body.role", in.Role, "owners own the whole organization; leave the project out or choose another role")
	}
	account, err := accountByEmail(ctx, q, "body.email", in.Email)
	if err != nil {
		return MemberChange{}, err
	}
	before, err := q.MemberOf(ctx, tenancydb.MemberOfParams{OrganizationID: organization, AccountID: account.ID, ProjectID: project})
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return MemberChange{}, err
	}
	if err := mayChange(ctx, q, organization, api.Role(before.Role), in.Role, require); err != nil {
		return MemberChange{}, err
	}
	id := before.ID
	if before.Role == "" {
		id = store.NewID()
		err = q.InsertMember(ctx, tenancydb.InsertMemberParams{
			ID: id, OrganizationID: organization, ProjectID: project, AccountID: account.ID, Role: string(in.Role), CreatedAt: at,
		})
	} else {
		err = q.SetRole(ctx, tenancydb.SetRoleParams{ID: id, Role: string(in.Role)})
	}
	if err != nil {
		return MemberChange{}, err
	}
	m, err := Member(ctx, tx, organization, id)
	if err != nil {
		return MemberChange{}, err
	}
	was := api.Member{Email: m.Email, Project: m.Project, Role: api.Role(before.Role)}
	return MemberChange{Member: m, Before: was.Role}, takeBack(ctx, q, organization, was, in.Role, at)
}

// RemoveMember ends a membership. The person's sessions lose the organization
// with their next request.
func RemoveMember(ctx context.Context, tx store.Tx, organization, id uuid.UUID, require Require, at time.Time) (api.Member, error) {
	q := tenancydb.New(tx)
	if err := q.LockMembers(ctx, organization.String()); err != nil {
		return api.Member{}, err
	}
	m, err := Member(ctx, tx, organization, id)
	if err != nil {
		return m, err
	}
	if err := mayChange(ctx, q, organization, m.Role, "", require); err != nil {
		return m, err
	}
	if err := takeBack(ctx, q, organization, m, "", at); err != nil {
		return m, err
	}
	return m, q.DeleteMember(ctx, id)
}

// takeBack ends the open invitations of a member who can invite nobody any more
// with the role that follows: they are no way back in.
func takeBack(ctx context.Context, q *tenancydb.Queries, organization uuid.UUID, m api.Member, to api.Role, at time.Time) error {
	inviters := authz.Roles(authz.MemberWrite)
	if m.Project != "" || !slices.Contains(inviters, m.Role) || slices.Contains(inviters, to) {
		return nil
	}
	return q.RevokeInvitationsBy(ctx, tenancydb.RevokeInvitationsByParams{OrganizationID: organization, CreatedBy: m.Email, RevokedAt: at})
}

// mayChange refuses to change a role by somebody who may not, and to leave an
// organization without an owner. The members are locked.
func mayChange(ctx context.Context, q *tenancydb.Queries, organization uuid.UUID, from, to api.Role, require Require) error {
	if from != api.RoleOwner && to != api.RoleOwner {
		return nil
	}
	if err := require(authz.OwnerWrite); err != nil {
		return err
	}
	if from != api.RoleOwner || to == api.RoleOwner {
		return nil
	}
	n, err := q.Owners(ctx, organization)
	if err == nil && n <= 1 {
		return problem.Conflict("last-owner", "This is the organization's last owner. Make somebody else an owner first.")
	}
	return err
}

// projectOf resolves the name of a project in a body; "" is none.
func projectOf(ctx context.Context, tx store.Tx, organization uuid.UUID, name string) (*uuid.UUID, error) {
	if name == "" {
		return nil, nil
	}
	id, err := ProjectID(ctx, tx, organization, name)
	if problem.As(err) != nil {
		return nil, problem.InvalidField("body.project", name, "is not a project of the organization")
	}
	return &id, err
}
