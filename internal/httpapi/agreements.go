package httpapi

import (
	"context"
	"math"
	"net/http"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/agreement"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/store"
)

func (s *Server) agreements(p Place) agreement.Service {
	return agreement.Service{Packages: s.Instances.Packages, Now: p.Now}
}

func (s *Server) registerAgreements() {
	const path = "/api/v1/operator/agreements"
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/organizations/{org}/agreements", ID: "agreements-list", Tag: "invoices", Action: authz.CostRead, Operator: authz.OperatorCustomers,
		Summary: "Discounts that were agreed on with an organization, newest first"}, s.listAgreements)
	register(s, Operation{Method: http.MethodGet, Path: path, ID: "operator-agreements", Tag: "operator", Action: authz.OperatorCustomers,
		Summary: "Discounts that were agreed on with organizations, newest first"}, s.listOperatorAgreements)
	register(s, Operation{Method: http.MethodPost, Path: path, ID: "operator-agreements-create", Tag: "operator", Action: authz.OperatorBilling, Status: http.StatusCreated,
		Summary: "Record a discount that was agreed on with an organization",
		Description: "It is a line of its own on invoices, and reduces what agreements before it have left of what it covers, never to less than nothing: volumes first, then percentages, then amounts; within a kind in the order in which they were recorded. " +
			"Of a part of a month it reduces what that part has let the lines grow by. What it reduces in months that are closed is an adjustment on the next invoice."}, s.createAgreement)
	register(s, Operation{Method: http.MethodPost, Path: path + "/{agreement}/end", ID: "operator-agreements-end", Tag: "operator", Action: authz.OperatorBilling,
		Summary: "End an agreement earlier than it would", Description: "That cannot be taken back; another agreement can be made."}, s.endAgreement)
}

func (s *Server) listAgreements(ctx context.Context, _ *InOrganization) (*body[api.List[api.Agreement]], error) {
	out := &body[api.List[api.Agreement]]{}
	err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		out.Body.Items, err = s.agreements(p).List(ctx, tx, &p.Organization, nil, math.MaxInt32)
		for i := range out.Body.Items {
			a := &out.Body.Items[i]
			a.RecordedBy = ""
			if a.Ended != nil {
				a.Ended.By = ""
			}
		}
		return err
	})
	return out, err
}

func (s *Server) listOperatorAgreements(ctx context.Context, in *struct {
	Page
	Organization string `query:"organization" maxLength:"63" doc:"With it only"`
}) (*body[api.List[api.Agreement]], error) {
	var list []api.Agreement
	err := s.before(ctx, in.Page, func(tx store.Tx, p Place, before *uuid.UUID) error {
		var organization *uuid.UUID
		if in.Organization != "" {
			id, err := agreement.OrganizationNamed(ctx, tx, "query.organization", in.Organization)
			if err != nil {
				return err
			}
			organization = &id
		}
		var err error
		list, err = s.agreements(p).List(ctx, tx, organization, before, in.Limit+1)
		return err
	})
	return paged(in.Page, list, func(a api.Agreement) string { return a.ID }), err
}

func (s *Server) createAgreement(ctx context.Context, in *struct{ Body api.AgreementCreate }) (*body[api.Agreement], error) {
	return s.changeAgreement(ctx, "agreement.create", details(in.Body), func(tx store.Tx, p Place) (string, error) {
		return s.agreements(p).Create(ctx, tx, in.Body, p.Actor)
	})
}

func (s *Server) endAgreement(ctx context.Context, in *struct {
	Agreement string `path:"agreement" maxLength:"36"`
	Body      api.AgreementEnd
}) (*body[api.Agreement], error) {
	return s.changeAgreement(ctx, "agreement.end", details(in.Body), func(tx store.Tx, p Place) (string, error) {
		return in.Agreement, s.agreements(p).End(ctx, tx, in.Agreement, in.Body, p.Actor)
	})
}

// changeAgreement makes or ends an agreement, and answers with what it then is. The
// customer's audit log has it, too.
func (s *Server) changeAgreement(ctx context.Context, action string, what map[string]any, f func(tx store.Tx, p Place) (string, error)) (*body[api.Agreement], error) {
	out := &body[api.Agreement]{}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		id, err := f(tx, p)
		if err != nil {
			return "", err
		}
		if out.Body, p.Organization, err = s.agreements(p).Get(ctx, tx, id); err != nil {
			return "", err
		}
		return id, p.Audit(ctx, tx, audit.Event{Action: action, Kind: "agreement", ObjectID: id, ObjectName: out.Body.Name, Details: what})
	}, func(tx store.Tx, p Place, id string) (err error) {
		out.Body, _, err = s.agreements(p).Get(ctx, tx, id)
		return err
	})
	return out, err
}
