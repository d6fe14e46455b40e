package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/instance"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy"
)

// decodeStrict reads a document that was put together here, refusing what the
// type does not have, by name.
func decodeStrict[T any](raw []byte) (T, error) {
	var out T
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(&out)
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return out, nil
	case errors.As(err, &kind):
		return out, problem.InvalidField("body."+kind.Field, nil, "This is a %s; it has to be of another kind.", kind.Value)
	}
	if field, found := strings.CutPrefix(err.Error(), "json: unknown field "); found {
		return out, problem.InvalidField("body", nil, "There is no field %s.", field)
	}
	return out, problem.InvalidField("body", nil, "This cannot be read.")
}

// instanceByReference reads what an idempotency record refers to.
func (s *Server) instanceByReference(ctx context.Context, tx store.Tx, reference string) (instance.View, error) {
	id, err := uuid.Parse(reference)
	if err != nil {
		return instance.View{}, err
	}
	v, err := s.Instances.ByID(ctx, tx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return v, problem.NotFound("instance", reference)
	}
	return v, err
}

// costProject finds the project that costs are asked for; whoever may see only
// some projects has to name one of them.
func (s *Server) costProject(ctx context.Context, tx store.Tx, p Place, name string) (*uuid.UUID, error) {
	allowed := p.Projects()
	if name == "" && allowed == nil {
		return nil, nil
	}
	if name == "" {
		return nil, problem.InvalidField("query.project", nil, "Your role is for some projects only; name one of them.")
	}
	id, err := tenancy.ProjectID(ctx, tx, p.Organization, name)
	if err != nil {
		return nil, err
	}
	for _, a := range allowed {
		if a == id {
			return &id, nil
		}
	}
	if allowed != nil {
		return nil, problem.NotFound("project", name)
	}
	return &id, nil
}

func (s *Server) registerInstanceActions() {
	s.action("protect", "Protect an instance against deletion", func(ctx context.Context, tx store.Tx, p Place, name string) (instance.View, error) {
		return s.Instances.Protect(ctx, tx, at(p), name, true)
	})
	s.action("unprotect", "Take the protection against deletion off", func(ctx context.Context, tx store.Tx, p Place, name string) (instance.View, error) {
		return s.Instances.Protect(ctx, tx, at(p), name, false)
	})
	s.action("undelete", "Bring a deleted instance back", func(ctx context.Context, tx store.Tx, p Place, name string) (instance.View, error) {
		return s.Instances.Undelete(ctx, tx, at(p), name)
	})
	s.suspension("suspend", "Stop an instance and keep its data; only storage is billed", s.Instances.Suspend)
	s.suspension("resume", "Start a suspended instance again", s.Instances.Resume)
}

// action registers POST …/{name}/VERB without a body.
func (s *Server) action(verb, summary string, f func(ctx context.Context, tx store.Tx, p Place, name string) (instance.View, error)) {
	register(s, Operation{Method: http.MethodPost, Path: instancesPath + "/{name}/" + verb, ID: "instances-" + verb, Tag: "instances", Summary: summary, Action: authz.InstanceWrite},
		func(ctx context.Context, in *InInstance) (*instanceOut, error) {
			var out *instanceOrPreview
			err := s.changeInstance(ctx, &out, http.StatusOK, func(tx store.Tx, p Place) (instance.View, error) { return f(ctx, tx, p, in.Name) })
			return out.instance(), err
		})
}

func (o *instanceOrPreview) instance() *instanceOut {
	if o == nil {
		return nil
	}
	return &instanceOut{ETag: o.ETag, Body: *o.Body.instance}
}

// suspension registers suspend and resume. The customer may set and lift the
// reason "user" only; the operator's staff may do so for the other reasons.
func (s *Server) suspension(verb, summary string, f func(ctx context.Context, tx store.Tx, p instance.Place, name, reason string) (instance.View, error)) {
	register(s, Operation{Method: http.MethodPost, Path: instancesPath + "/{name}/" + verb, ID: "instances-" + verb, Tag: "instances", Summary: summary, Action: authz.InstanceWrite, Operator: authz.OperatorSuspend},
		func(ctx context.Context, in *struct {
			InInstance
			Body *api.SuspendRequest
		}) (*instanceOut, error) {
			reason := instance.SuspendedByUser
			if in.Body != nil && in.Body.Reason != "" {
				reason = in.Body.Reason
			}
			var out *instanceOrPreview
			err := s.changeInstance(ctx, &out, http.StatusOK, func(tx store.Tx, p Place) (instance.View, error) {
				if (reason == instance.SuspendedByUser) == p.AsOperator {
					return instance.View{}, problem.Forbidden("Customers suspend for the reason \"user\", the operator for budget, dunning or abuse.")
				}
				return f(ctx, tx, at(p), in.Name, reason)
			})
			return out.instance(), err
		})
}
