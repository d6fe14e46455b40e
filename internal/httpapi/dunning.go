package httpapi

import (
	"context"
	"net/http"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/store"
)

func (s *Server) registerDunning() {
	const rules, hold = "/api/v1/operator/dunning-rules", "/api/v1/operator/organizations/{org}/dunning-hold"
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/organizations/{org}/billing-balance", ID: "billing-balance", Tag: "payments", Action: authz.CostRead,
		Summary: "What an organization has open, what is overdue, and how to pay it"}, s.billingBalance)
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/operator/dunning", ID: "operator-dunning", Tag: "payments", Action: authz.OperatorCustomers,
		Summary: "Organizations of whom something is overdue, or whose dunning is held"}, s.dunning)
	register(s, Operation{Method: http.MethodGet, Path: rules, ID: "operator-dunning-rules", Tag: "payments", Action: authz.OperatorCustomers,
		Summary: "After how many days what is done about what is overdue"},
		func(ctx context.Context, _ *struct{}) (*body[api.DunningRules], error) {
			out := &body[api.DunningRules]{}
			return out, s.Read(ctx, func(tx store.Tx, p Place) error { return s.rulesAgain(ctx, out)(tx, p, "") })
		})
	register(s, Operation{Method: http.MethodPut, Path: rules, ID: "operator-dunning-rules-put", Tag: "payments", Action: authz.OperatorBilling,
		Summary: "Change that", Description: "What has been done is not undone by it."}, s.setRules)
	register(s, Operation{Method: http.MethodPut, Path: hold, ID: "operator-dunning-hold", Tag: "payments", Action: authz.OperatorBilling,
		Summary: "Hold dunning of an organization", Description: "Nobody is reminded, and instances that were suspended by it run again."},
		func(ctx context.Context, in *struct {
			InOrganization
			Body api.DunningHold
		}) (*struct{}, error) {
			return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
				if err := s.payments().Hold(ctx, tx, in.Organization, in.Body, p.Actor); err != nil {
					return "", err
				}
				return "", p.Audit(ctx, tx, audit.Event{Action: "dunning.hold", Kind: "organization", ObjectName: in.Organization, Details: details(in.Body)})
			}, noReplay)
		})
	register(s, Operation{Method: http.MethodDelete, Path: hold, ID: "operator-dunning-release", Tag: "payments", Action: authz.OperatorBilling,
		Summary: "Go on with dunning of an organization", Description: "A suspension is announced anew before it takes place."},
		func(ctx context.Context, in *struct{ InOrganization }) (*struct{}, error) {
			return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
				if err := s.payments().Release(ctx, tx, in.Organization, p.Actor); err != nil {
					return "", err
				}
				return "", p.Audit(ctx, tx, audit.Event{Action: "dunning.release", Kind: "organization", ObjectName: in.Organization})
			}, noReplay)
		})
}

func (s *Server) billingBalance(ctx context.Context, in *struct{ InOrganization }) (*body[api.BillingBalance], error) {
	out := &body[api.BillingBalance]{}
	return out, s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		out.Body, err = s.payments().Balance(ctx, tx, p.Organization, in.Organization)
		if out.Body.Held != nil { // why and by whom is the operator's
			out.Body.Held.Reason, out.Body.Held.By = "", ""
		}
		return err
	})
}

func (s *Server) dunning(ctx context.Context, _ *struct{}) (*body[api.List[api.BillingBalance]], error) {
	out := &body[api.List[api.BillingBalance]]{}
	return out, s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
		out.Body.Items, err = s.payments().Balances(ctx, tx)
		return err
	})
}

func (s *Server) rulesAgain(ctx context.Context, out *body[api.DunningRules]) func(store.Tx, Place, string) error {
	return func(tx store.Tx, _ Place, _ string) (err error) {
		out.Body, err = s.payments().DunningRules(ctx, tx)
		return err
	}
}

func (s *Server) setRules(ctx context.Context, in *struct{ Body api.DunningRules }) (*body[api.DunningRules], error) {
	out := &body[api.DunningRules]{}
	read := s.rulesAgain(ctx, out)
	return out, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		if err := s.payments().SetDunningRules(ctx, tx, in.Body, p.Actor); err != nil {
			return "", err
		}
		if err := read(tx, p, ""); err != nil {
			return "", err
		}
		return "", p.Audit(ctx, tx, audit.Event{Action: "dunning.rules", Kind: "dunning-rules", Details: details(in.Body)})
	}, read)
}
