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

func (s *Server) registerOrganizations() {
	register(s, Operation{
		Method: http.MethodGet, Path: "/api/v1/organizations", ID: "organizations-list", Tag: "organizations", Action: authz.SignedIn,
		Summary: "Organizations that the asker can enter; for the operator's staff, all",
	}, s.listOrganizations)
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/organizations", ID: "organizations-create", Tag: "operator", Action: authz.OperatorOrganization,
		Summary: "Make an organization", Status: http.StatusCreated,
	}, s.createOrganization)
	register(s, Operation{
		Method: http.MethodGet, Path: "/api/v1/organizations/{org}", ID: "organizations-get", Tag: "organizations",
		Action: authz.OrganizationRead, Operator: authz.OperatorInventory, AnyProject: true,
		Summary: "One organization",
	}, s.getOrganization)
	register(s, Operation{
		Method: http.MethodPut, Path: "/api/v1/organizations/{org}", ID: "organizations-update", Tag: "organizations", Action: authz.OrganizationUpdate,
		Summary: "Change what the organization is called and which time zone it is billed in",
	}, s.updateOrganization)
	register(s, Operation{
		Method: http.MethodGet, Path: "/api/v1/organizations/{org}/quota", ID: "quota-get", Tag: "organizations",
		Action: authz.QuotaRead, Operator: authz.OperatorInventory,
		Summary: "What the organization may run at once, and what it does run",
	}, s.getQuota)
	register(s, Operation{
		Method: http.MethodPut, Path: "/api/v1/operator/organizations/{org}/quota", ID: "quota-put", Tag: "operator", Action: authz.OperatorQuota,
		Summary: "Set what an organization may run at once",
	}, s.putQuota)
}

func (s *Server) listOrganizations(ctx context.Context, in *struct{ Whole }) (*body[api.List[api.Organization]], error) {
	var list []api.Organization
	after, err := in.page().after()
	if err != nil {
		return nil, err
	}
	err = s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
		list, err = tenancy.Organizations(ctx, tx, after, in.page().Limit+1)
		return err
	})
	return paged(in.page(), list, func(o api.Organization) string { return o.Metadata.Name }), err
}

func (s *Server) createOrganization(ctx context.Context, in *struct{ Body api.OrganizationCreate }) (*body[api.Organization], error) {
	var out body[api.Organization]
	err := s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		if out.Body, err = tenancy.CreateOrganization(ctx, tx, in.Body, p.Now); err != nil {
			return "", err
		}
		p.Organization = uuid.MustParse(out.Body.Metadata.ID)
		return out.Body.Metadata.ID, p.Audit(ctx, tx, audit.Event{
			Action: "organization.create", Kind: "organization", ObjectID: out.Body.Metadata.ID, ObjectName: in.Body.Name, Details: details(in.Body),
		})
	}, func(tx store.Tx, _ Place, id string) (err error) {
		out.Body, err = tenancy.Organization(ctx, tx, uuid.MustParse(id))
		return err
	})
	return &out, err
}

func (s *Server) getOrganization(ctx context.Context, _ *struct{ InOrganization }) (*body[api.Organization], error) {
	var out body[api.Organization]
	err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		out.Body, err = tenancy.Organization(ctx, tx, p.Organization)
		return err
	})
	return &out, err
}

func (s *Server) updateOrganization(ctx context.Context, in *struct {
	InOrganization
	Body api.OrganizationUpdate
}) (*body[api.Organization], error) {
	var out body[api.Organization]
	read := func(tx store.Tx, p Place, _ string) (err error) {
		out.Body, err = tenancy.Organization(ctx, tx, p.Organization)
		return err
	}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		if err := tenancy.UpdateOrganization(ctx, tx, p.Organization, in.Body, p.Now); err != nil {
			return "", err
		}
		err := p.Audit(ctx, tx, audit.Event{
			Action: "organization.update", Kind: "organization", ObjectID: p.Organization.String(), ObjectName: p.OrganizationName, Details: details(in.Body),
		})
		if err != nil {
			return "", err
		}
		return p.Organization.String(), read(tx, p, "")
	}, read)
	return &out, err
}

func (s *Server) getQuota(ctx context.Context, _ *struct{ InOrganization }) (*body[api.QuotaUse], error) {
	var out body[api.QuotaUse]
	err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		out.Body, err = tenancy.QuotaUse(ctx, tx, p.Organization)
		return err
	})
	return &out, err
}

func (s *Server) putQuota(ctx context.Context, in *struct {
	InOrganization
	Body api.Quota
}) (*body[api.QuotaUse], error) {
	var out body[api.QuotaUse]
	read := func(tx store.Tx, p Place, _ string) (err error) {
		out.Body, err = tenancy.QuotaUse(ctx, tx, p.Organization)
		return err
	}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		if err := tenancy.PutQuota(ctx, tx, p.Organization, in.Body, p.Now); err != nil {
			return "", err
		}
		err := p.Audit(ctx, tx, audit.Event{
			Action: "quota.update", Kind: "organization", ObjectID: p.Organization.String(), ObjectName: p.OrganizationName, Details: details(in.Body),
		})
		if err != nil {
			return "", err
		}
		return p.Organization.String(), read(tx, p, "")
	}, read)
	return &out, err
}
