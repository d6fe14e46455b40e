package httpapi

import (
	"context"
	"net/http"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/store"
)

func (s *Server) registerBudgets() {
	const all = "/api/v1/organizations/{org}/budgets"
	register(s, Operation{Method: http.MethodGet, Path: all, ID: "budgets-list", Tag: "budgets", Summary: "The budgets of an organization, and how they stand", Action: authz.CostRead}, s.listBudgets)
	register(s, Operation{Method: http.MethodGet, Path: all + "/{budget}", ID: "budgets-get", Tag: "budgets", Summary: "A budget", Action: authz.CostRead}, s.getBudget)
	register(s, Operation{Method: http.MethodPost, Path: all, ID: "budgets-create", Tag: "budgets", Summary: "Make a budget", Action: authz.BillingWrite, Status: http.StatusCreated}, s.createBudget)
	register(s, Operation{Method: http.MethodPut, Path: all + "/{budget}", ID: "budgets-put", Tag: "budgets", Summary: "Change a budget",
		Description: "What is left out takes its default. It is looked at within seconds, and every five minutes from then on. People are told of each threshold once a month; of the thresholds of another amount again.", Action: authz.BillingWrite}, s.putBudget)
	register(s, Operation{Method: http.MethodDelete, Path: all + "/{budget}", ID: "budgets-delete", Tag: "budgets", Summary: "Delete a budget",
		Description: "What it refused can be ordered again, and what it has suspended is resumed.", Action: authz.BillingWrite}, s.deleteBudget)
}

// InBudget is one of the budgets of an organization.
type InBudget struct {
	InOrganization
	Budget string `path:"budget" maxLength:"63" doc:"Name of the budget"`
}

func (s *Server) listBudgets(ctx context.Context, in *InOrganization) (*body[api.List[api.Budget]], error) {
	out := &body[api.List[api.Budget]]{}
	err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		out.Body.Items, err = s.Budgets.List(ctx, tx, at(p))
		return err
	})
	return out, err
}

func (s *Server) getBudget(ctx context.Context, in *InBudget) (*body[api.Budget], error) {
	out := &body[api.Budget]{}
	err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		out.Body, err = s.Budgets.Get(ctx, tx, at(p), in.Budget)
		return err
	})
	return out, err
}

func (s *Server) createBudget(ctx context.Context, in *struct {
	InOrganization
	Body api.BudgetCreate
}) (*body[api.Budget], error) {
	out := &body[api.Budget]{}
	return out, s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		if out.Body, err = s.Budgets.Create(ctx, tx, at(p), in.Body); err != nil {
			return "", err
		}
		return in.Body.Name, p.Audit(ctx, tx, audit.Event{Action: "budget.create", Kind: "budget", ObjectName: in.Body.Name, Details: details(out.Body.Spec)})
	}, s.readBudget(ctx, &out.Body))
}

// readBudget reads a budget that a request was about before.
func (s *Server) readBudget(ctx context.Context, out *api.Budget) func(tx store.Tx, p Place, name string) error {
	return func(tx store.Tx, p Place, name string) (err error) {
		*out, err = s.Budgets.Get(ctx, tx, at(p), name)
		return err
	}
}

func (s *Server) putBudget(ctx context.Context, in *struct {
	InBudget
	Body api.BudgetSpec
}) (*body[api.Budget], error) {
	out := &body[api.Budget]{}
	return out, s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		if out.Body, err = s.Budgets.Put(ctx, tx, at(p), in.Budget, in.Body); err != nil {
			return "", err
		}
		return in.Budget, p.Audit(ctx, tx, audit.Event{Action: "budget.put", Kind: "budget", ObjectName: in.Budget, Details: details(out.Body.Spec)})
	}, s.readBudget(ctx, &out.Body))
}

func (s *Server) deleteBudget(ctx context.Context, in *InBudget) (*struct{}, error) {
	return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		if err := s.Budgets.Delete(ctx, tx, at(p), in.Budget); err != nil {
			return "", err
		}
		return "", p.Audit(ctx, tx, audit.Event{Action: "budget.delete", Kind: "budget", ObjectName: in.Budget})
	}, noReplay)
}
