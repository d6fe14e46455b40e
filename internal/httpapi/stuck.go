package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/problem"
	"souk/internal/store"
)

func (s *Server) registerStuck() {
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/operator/stuck", ID: "operator-stuck", Tag: "operator", Action: authz.OperatorInventory,
		Summary:     "Instances that have not been where they should be for too long, with the cause and who has to act",
		Description: "Of the 500 that were told something the longest ago, if there are more."}, s.listStuck)
}

func (s *Server) listStuck(ctx context.Context, in *struct {
	Instance string `query:"instance" maxLength:"36" doc:"metadata.id of one instance"`
}) (*body[api.List[api.Stuck]], error) {
	id, err := uuid.Nil, error(nil)
	if in.Instance != "" {
		if id, err = uuid.Parse(in.Instance); err != nil {
			return nil, problem.InvalidField("query.instance", in.Instance, "must be the ID of an instance")
		}
	}
	out := &body[api.List[api.Stuck]]{}
	err = s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
		out.Body.Items, err = s.Instances.Stuck(ctx, tx, id, time.Now())
		return err
	})
	return out, err
}
