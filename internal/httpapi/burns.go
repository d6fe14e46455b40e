package httpapi

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/alert"
	"souk/internal/authz"
	"souk/internal/problem"
	"souk/internal/store"
)

func (s *Server) registerBurns() {
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/operator/burns", ID: "operator-burns", Tag: "operator", Action: authz.OperatorInventory,
		Summary:     "Instances that use their error budgets up too fast, and then those that did, newest first",
		Description: "The 500 newest, of the last 30 days. The operator's alert channels are told of them, once for each zone and priority."},
		func(ctx context.Context, _ *struct{}) (*body[api.List[api.Burn]], error) {
			out := &body[api.List[api.Burn]]{}
			err := s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
				out.Body.Items, err = alert.Burns(ctx, tx)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/operator/burns/{burn}/runbook", ID: "operator-burns-runbook", Tag: "operator", Action: authz.OperatorInventory,
		Summary: "What to do about an error budget that burns, with the instance's values in the commands"}, s.getBurnRunbook)
}

func (s *Server) getBurnRunbook(ctx context.Context, in *struct {
	Burn string `path:"burn" maxLength:"36" doc:"ID of what burns"`
}) (*body[api.Runbook], error) {
	id, err := uuid.Parse(in.Burn)
	if err != nil {
		return nil, problem.NotFound("burn", in.Burn)
	}
	out := &body[api.Runbook]{}
	err = s.Read(ctx, func(tx store.Tx, _ Place) error {
		b, err := alert.Burn(ctx, tx, id)
		if err != nil {
			return err
		}
		v, err := s.inInventory(ctx, tx, b.InstanceID)
		if err != nil {
			return err
		}
		out.Body = api.Runbook{Name: alert.BurnName, Text: alert.BurnRunbook(b, s.runbookValues(v))}
		return nil
	})
	return out, err
}
