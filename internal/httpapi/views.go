package httpapi

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy"
)

// viewHeader names the view that a request is made in.
const viewHeader = "Souk-View"

func (s *Server) registerViews() {
	register(s, Operation{Method: http.MethodPost, Path: "/api/v1/operator/organizations/{org}/view", ID: "operator-view-start", Tag: "operator", Action: authz.OperatorImpersonate, Status: http.StatusCreated,
		Summary: "Look as an organization's people do, for 60 minutes",
		Description: "Requests with the header Souk-View and the answer's ID read what the organization's people read. They change nothing and reveal no credential. " +
			"The organization's audit log says who looks, why and until when."}, s.startView)
	register(s, Operation{Method: http.MethodDelete, Path: "/api/v1/operator/views/{id}", ID: "operator-view-end", Tag: "operator", Action: authz.OperatorImpersonate,
		Summary: "Look as oneself again"}, s.endView)
}

func (s *Server) startView(ctx context.Context, in *struct {
	InOrganization
	Body api.ViewStart
}) (*body[api.View], error) {
	out := &body[api.View]{}
	err := s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		out.Body, err = tenancy.StartView(ctx, tx, p.Principal, p.Organization, p.OrganizationName, in.Body.Reason, p.RequestID, p.Now)
		return out.Body.ID, err
	}, func(store.Tx, Place, string) error {
		return problem.Conflict("view-started", "This view was started already. Start another one.")
	})
	return out, err
}

func (s *Server) endView(ctx context.Context, in *struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}) (*struct{}, error) {
	return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		return in.ID.String(), tenancy.EndView(ctx, tx, in.ID, p.Actor, p.RequestID, p.Now)
	}, noReplay)
}

// look makes the request one of the view that it names, if it names one. Such a
// request may not even ask for a change.
func (s *Server) look(ctx context.Context, c *call, r *http.Request) (err error) {
	id := r.Header.Get(viewHeader)
	if id == "" {
		return nil
	}
	if c.principal, err = tenancy.Viewing(ctx, s.Store, c.principal, id, s.Clock.Now()); err != nil {
		return err
	}
	if c.op.Changes() {
		return &problem.Error{Status: http.StatusForbidden, Code: "view-only", Detail: "You look at this organization as its people see it, and change nothing there. Stop looking, and act as yourself."}
	}
	return nil
}
