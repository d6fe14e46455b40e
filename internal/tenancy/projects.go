package tenancy

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// Projects lists the organization's projects by name, after the given one; only
// those of the list, unless it is nil.
func Projects(ctx context.Context, tx store.Tx, organization uuid.UUID, organizationName string, only []uuid.UUID, after string, limit int) ([]api.Project, error) {
	rows, err := tenancydb.New(tx).Projects(ctx, tenancydb.ProjectsParams{OrganizationID: organization, Ids: only, After: after, Limit: int32(limit)})
	if err != nil {
		return nil, err
	}
	list := make([]api.Project, len(rows))
	for i, r := range rows {
		list[i] = project(r, organizationName)
	}
	return list, nil
}

// Project returns one project.
func Project(ctx context.Context, tx store.Tx, id uuid.UUID, organizationName string) (api.Project, error) {
	row, err := tenancydb.New(tx).Project(ctx, id)
	return project(row, organizationName), found(err, "project", id.String())
}

func project(r tenancydb.Project, organizationName string) api.Project {
	return api.Project{
		Metadata:    api.Metadata{ID: r.ID.String(), Name: r.Name, Organization: organizationName, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC()},
		DisplayName: r.DisplayName,
	}
}

// CreateProject makes a project and returns its ID.
func CreateProject(ctx context.Context, tx store.Tx, organization uuid.UUID, in api.ProjectCreate, at time.Time) (uuid.UUID, error) {
	if err := CheckName("body.name", in.Name); err != nil {
		return uuid.Nil, err
	}
	id := store.NewID()
	n, err := tenancydb.New(tx).InsertProject(ctx, tenancydb.InsertProjectParams{
		ID: id, OrganizationID: organization, Name: in.Name, DisplayName: in.DisplayName, CreatedAt: at,
	})
	if err != nil {
		return uuid.Nil, err
	}
	if n == 0 {
		return uuid.Nil, problem.Conflict("name-taken", "There is a project named %q already. Choose another name.", in.Name)
	}
	return id, nil
}

// DeleteProject deletes a project that never had an instance, or refuses. What
// was billed refers to its project for as long as there are records of it.
func DeleteProject(ctx context.Context, tx store.Tx, organization, id uuid.UUID, name string) error {
	q := tenancydb.New(tx)
	n, err := q.ProjectInstances(ctx, tenancydb.ProjectInstancesParams{OrganizationID: organization, ProjectID: id})
	switch {
	case err != nil:
		return err
	case n.Now > 0:
		return problem.Conflict("project-not-empty", "The project %q has instances. Delete them, and wait until they are purged, before you delete the project.", name)
	case n.Ever > 0:
		return problem.Conflict("project-has-history", "The project %q had instances, and the records of what they cost refer to it. It cannot be deleted.", name)
	}
	err = q.DeleteProject(ctx, id)
	if store.ErrorCode(err) == foreignKeyViolation { // ordered in the meantime
		return problem.Conflict("project-not-empty", "An instance was ordered in the project %q just now. Delete it before you delete the project.", name)
	}
	return err
}

const foreignKeyViolation = "23503"
