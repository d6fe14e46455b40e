package httpapi

import (
	"context"
	"net/http"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/instance"
	"souk/internal/store"
)

// InBinding is the place in the path of an operation on one binding.
type InBinding struct {
	InInstance
	Binding string `path:"binding" maxLength:"63" doc:"Name of the binding"`
}

func (s *Server) registerBindings() {
	const path = instancesPath + "/{name}/bindings"
	register(s, Operation{Method: http.MethodGet, Path: path, ID: "bindings-list", Tag: "bindings", Summary: "List an instance's bindings", Action: authz.InstanceRead},
		func(ctx context.Context, in *InInstance) (*body[api.List[api.Binding]], error) {
			out := &body[api.List[api.Binding]]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
				out.Body.Items, err = s.Instances.Bindings(ctx, tx, at(p), in.Name)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: path + "/{binding}", ID: "bindings-get", Tag: "bindings", Summary: "Read a binding", Action: authz.InstanceRead},
		func(ctx context.Context, in *InBinding) (*body[api.Binding], error) {
			out := &body[api.Binding]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
				out.Body, err = s.Instances.Binding(ctx, tx, at(p), in.Name, in.Binding)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodPost, Path: path, ID: "bindings-create", Tag: "bindings", Summary: "Add a set of credentials", Action: authz.BindingWrite, Status: http.StatusCreated},
		func(ctx context.Context, in *struct {
			InInstance
			Body api.BindingCreate
		}) (*body[api.Binding], error) {
			return s.changeBinding(ctx, in.Name, in.Body.Name, func(tx store.Tx, p Place) (api.Binding, error) {
				return s.Instances.CreateBinding(ctx, tx, at(p), in.Name, in.Body.Name)
			})
		})
	register(s, Operation{Method: http.MethodPost, Path: path + "/{binding}/rotate", ID: "bindings-rotate", Tag: "bindings", Summary: "Give a binding a new log-in; the old one goes on working for a while", Action: authz.BindingWrite},
		func(ctx context.Context, in *struct {
			InBinding
			Body *api.BindingRotate
		}) (*body[api.Binding], error) {
			var overlap *int64
			if in.Body != nil {
				overlap = in.Body.OverlapSeconds
			}
			return s.changeBinding(ctx, in.Name, in.Binding, func(tx store.Tx, p Place) (api.Binding, error) {
				return s.Instances.RotateBinding(ctx, tx, at(p), in.Name, in.Binding, overlap)
			})
		})
	register(s, Operation{Method: http.MethodDelete, Path: path + "/{binding}", ID: "bindings-revoke", Tag: "bindings", Summary: "Revoke a binding: its log-ins end at once", Action: authz.BindingWrite},
		func(ctx context.Context, in *InBinding) (*struct{}, error) {
			return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
				return in.Binding, s.Instances.RevokeBinding(ctx, tx, at(p), in.Name, in.Binding)
			}, noReplay)
		})
	s.reveal(path+"/{binding}/credentials", "bindings-credentials", "Reveal a binding's credentials")
	s.revealDefault()
}

// changeBinding runs a change of a binding; a repeat answers with its present state.
func (s *Server) changeBinding(ctx context.Context, name, binding string, f func(tx store.Tx, p Place) (api.Binding, error)) (*body[api.Binding], error) {
	out := &body[api.Binding]{}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		b, err := f(tx, p)
		out.Body = b
		return binding, err
	}, func(tx store.Tx, p Place, reference string) (err error) {
		out.Body, err = s.Instances.Binding(ctx, tx, at(p), name, reference)
		return err
	})
	return out, err
}

// secretOut must not be kept by anybody on the way.
type secretOut struct {
	CacheControl string `header:"Cache-Control"`
	Body         api.Credentials
}

func (s *Server) reveal(path, id, summary string) {
	register(s, Operation{Method: http.MethodPost, Path: path, ID: id, Tag: "bindings", Summary: summary, Description: "The reveal is written to the audit log.", Action: authz.CredentialReveal, Status: http.StatusOK},
		func(ctx context.Context, in *InBinding) (*secretOut, error) {
			return s.revealed(ctx, in.Name, in.Binding)
		})
}

func (s *Server) revealDefault() {
	register(s, Operation{Method: http.MethodPost, Path: instancesPath + "/{name}/credentials", ID: "instances-credentials", Tag: "bindings", Summary: "Reveal the credentials of the default binding", Description: "The reveal is written to the audit log.", Action: authz.CredentialReveal, Status: http.StatusOK},
		func(ctx context.Context, in *InInstance) (*secretOut, error) {
			return s.revealed(ctx, in.Name, instance.DefaultBinding)
		})
}

// revealed opens credentials. A repeat reveals, and writes that down, again.
func (s *Server) revealed(ctx context.Context, name, binding string) (*secretOut, error) {
	out := &secretOut{CacheControl: "no-store"}
	open := func(tx store.Tx, p Place) (err error) {
		out.Body, err = s.Instances.Reveal(ctx, tx, at(p), name, binding)
		return err
	}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) { return binding, open(tx, p) }, func(tx store.Tx, p Place, _ string) error { return open(tx, p) })
	return out, err
}
