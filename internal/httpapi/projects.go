package httpapi

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/store"
	"souk/internal/tenancy"
)

func (s *Server) registerProjects() {
	const all, one = "/api/v1/organizations/{org}/projects", "/api/v1/organizations/{org}/projects/{project}"
	register(s, Operation{
		Method: http.MethodGet, Path: all, ID: "projects-list", Tag: "projects", Action: authz.ProjectRead, Operator: authz.OperatorInventory, AnyProject: true,
		Summary: "Projects of the organization that the asker can enter",
	}, s.listProjects)
	register(s, Operation{
		Method: http.MethodPost, Path: all, ID: "projects-create", Tag: "projects", Action: authz.ProjectWrite,
		Summary: "Make a project", Status: http.StatusCreated,
	}, s.createProject)
	register(s, Operation{
		Method: http.MethodGet, Path: one, ID: "projects-get", Tag: "projects", Action: authz.ProjectRead, Operator: authz.OperatorInventory,
		Summary: "One project",
	}, s.getProject)
	register(s, Operation{
		Method: http.MethodDelete, Path: one, ID: "projects-delete", Tag: "projects", Action: authz.ProjectWrite,
		Summary: "Delete a project that never had an instance",
	}, s.deleteProject)
}

func (s *Server) listProjects(ctx context.Context, in *struct {
	InOrganization
	Whole
}) (*body[api.List[api.Project]], error) {
	var list []api.Project
	after, err := in.page().after()
	if err != nil {
		return nil, err
	}
	err = s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		list, err = tenancy.Projects(ctx, tx, p.Organization, p.OrganizationName, p.Projects(), after, in.page().Limit+1)
		return err
	})
	return paged(in.page(), list, func(o api.Project) string { return o.Metadata.Name }), err
}

func (s *Server) createProject(ctx context.Context, in *struct {
	InOrganization
	Body api.ProjectCreate
}) (*body[api.Project], error) {
	var out body[api.Project]
	read := func(tx store.Tx, p Place, id string) (err error) {
		out.Body, err = tenancy.Project(ctx, tx, uuid.MustParse(id), p.OrganizationName)
		return err
	}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		id, err := tenancy.CreateProject(ctx, tx, p.Organization, in.Body, p.Now)
		if err != nil {
			return "", err
		}
		err = p.Audit(ctx, tx, audit.Event{
			Project: id, Action: "project.create", Kind: "project", ObjectID: id.String(), ObjectName: in.Body.Name, Details: details(in.Body),
		})
		if err != nil {
			return "", err
		}
		return id.String(), read(tx, p, id.String())
	}, read)
	return &out, err
}

func (s *Server) getProject(ctx context.Context, _ *struct{ InProject }) (*body[api.Project], error) {
	var out body[api.Project]
	err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		out.Body, err = tenancy.Project(ctx, tx, p.Project, p.OrganizationName)
		return err
	})
	return &out, err
}

func (s *Server) deleteProject(ctx context.Context, _ *struct{ InProject }) (*struct{}, error) {
	return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		if err := tenancy.DeleteProject(ctx, tx, p.Organization, p.Project, p.ProjectName); err != nil {
			return "", err
		}
		return p.Project.String(), p.Audit(ctx, tx, audit.Event{
			Action: "project.delete", Kind: "project", ObjectID: p.Project.String(), ObjectName: p.ProjectName,
		})
	}, noReplay)
}
