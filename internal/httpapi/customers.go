package httpapi

import (
	"context"
	"math"
	"net/http"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/store"
	"souk/internal/tenancy"
)

func (s *Server) registerCustomers() {
	const path = "/api/v1/operator/organizations"
	register(s, Operation{Method: http.MethodGet, Path: path, ID: "operator-organizations", Tag: "operator", Action: authz.OperatorInventory,
		Summary: "Find organizations, with how many instances each has"}, s.findOrganizations)
	register(s, Operation{Method: http.MethodGet, Path: path + "/{org}", ID: "operator-organizations-get", Tag: "operator", Action: authz.OperatorCustomers,
		Summary: "An organization with its people, projects, quota and cost of this month so far"}, s.customer)
}

func (s *Server) findOrganizations(ctx context.Context, in *struct {
	Page
	Q    string `query:"q" maxLength:"120" doc:"Part of the name or of the display name"`
	Kind string `query:"kind" maxLength:"20" doc:"customer, operator, csp, msp, isv or partner"`
}) (*body[api.List[api.OperatorOrganization]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	var list []api.OperatorOrganization
	err = s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
		list, err = tenancy.FindOrganizations(ctx, tx, tenancy.OrganizationFilter{Text: in.Q, Kind: in.Kind, After: after, Limit: in.Limit + 1})
		return err
	})
	return paged(in.Page, list, func(o api.OperatorOrganization) string { return o.Organization.Metadata.Name }), err
}

func (s *Server) customer(ctx context.Context, _ *struct{ InOrganization }) (*body[api.Customer], error) {
	const all = math.MaxInt32
	out := &body[api.Customer]{}
	err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		c := &out.Body
		if c.Organization, err = tenancy.Organization(ctx, tx, p.Organization); err != nil {
			return err
		}
		if c.Quota, err = tenancy.QuotaUse(ctx, tx, p.Organization); err != nil {
			return err
		}
		if c.Projects, err = tenancy.Projects(ctx, tx, p.Organization, p.OrganizationName, nil, "", all); err != nil {
			return err
		}
		if c.Members, err = tenancy.Members(ctx, tx, p.Organization, uuid.Nil, all); err != nil {
			return err
		}
		c.Cost, err = s.Instances.Cost(ctx, tx, at(p), nil, nil)
		return err
	})
	return out, err
}
