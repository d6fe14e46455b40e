package client

import (
	"context"
	"net/http"

	"souk/api"
)

// Credentials reveals how to connect by the instance's default binding. The
// reveal is audited.
func (p *Project) Credentials(ctx context.Context, name string) (api.Credentials, error) {
	return p.reveal(ctx, p.path(name, "credentials"))
}

// BindingCredentials reveals how to connect by one binding. The reveal is
// audited.
func (p *Project) BindingCredentials(ctx context.Context, name, binding string) (api.Credentials, error) {
	return p.reveal(ctx, p.path(name, "bindings", binding, "credentials"))
}

// reveal carries no idempotency key: nothing changes by it, and an answer
// repeated by key would be one without the secret.
func (p *Project) reveal(ctx context.Context, path []string) (api.Credentials, error) {
	var out api.Credentials
	err := p.client.do(ctx, call{method: http.MethodPost, path: path, out: &out})
	return out, err
}

// Bindings lists an instance's bindings.
func (p *Project) Bindings(ctx context.Context, name string) ([]api.Binding, error) {
	return listWhole[api.Binding](ctx, p.client, p.path(name, "bindings")...)
}

// Binding returns one binding.
func (p *Project) Binding(ctx context.Context, name, binding string) (api.Binding, error) {
	var out api.Binding
	err := p.client.get(ctx, nil, &out, p.path(name, "bindings", binding)...)
	return out, err
}

// CreateBinding makes another set of credentials.
func (p *Project) CreateBinding(ctx context.Context, name string, binding api.BindingCreate) (api.Binding, error) {
	var out api.Binding
	err := p.client.do(ctx, call{method: http.MethodPost, path: p.path(name, "bindings"), body: binding, out: &out, changes: true})
	return out, err
}

// RotateBinding gives a binding a new log-in and password; the old log-in goes
// on working for the overlap.
func (p *Project) RotateBinding(ctx context.Context, name, binding string, rotate api.BindingRotate) (api.Binding, error) {
	var out api.Binding
	err := p.client.do(ctx, call{method: http.MethodPost, path: p.path(name, "bindings", binding, "rotate"), body: rotate, out: &out, changes: true})
	return out, err
}

// RevokeBinding ends a binding: its log-in no longer connects and its sessions
// are ended, while what it made in the database stays.
func (p *Project) RevokeBinding(ctx context.Context, name, binding string) error {
	return p.client.do(ctx, call{method: http.MethodDelete, path: p.path(name, "bindings", binding), changes: true})
}
