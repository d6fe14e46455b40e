package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"syscall"

	"souk/internal/devpg"
	"souk/internal/store"
)

// record is a PostgreSQL for the control plane, made and run exactly as
// `souk dev` does: page checksums, fsync, SCRAM, a socket and no port.
type record struct {
	devpg.Cluster
	passwords store.Passwords
	server    *exec.Cmd
}

func startRecord(ctx context.Context, e *env, dir string) (*record, error) {
	if err := e.own(dir); err != nil {
		return nil, err
	}
	r := &record{
		Cluster:   devpg.Cluster{Programs: e.programs, Data: filepath.Join(dir, "data"), Socket: dir, Password: secret(), Account: e.account},
		passwords: store.Passwords{Owner: secret(), App: secret(), System: secret()},
	}
	if err := r.Init(ctx); err != nil {
		return nil, err
	}
	r.server = r.Command()
	r.server.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	if err := r.server.Start(); err != nil {
		return nil, err
	}
	if err := r.Await(ctx, func(error) {}); err != nil {
		r.stop()
		return nil, err
	}
	if err := r.Prepare(ctx, r.passwords); err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

// config is how the control plane reaches the record.
func (r *record) config() store.Config { return r.Config(r.passwords) }

// superuser reaches it past row-level security, for seeding in bulk.
func (r *record) superuser() string { return r.DSN(devpg.Superuser, r.Password) }

func (r *record) stop() {
	_ = r.server.Process.Signal(syscall.SIGINT)
	_ = r.server.Wait()
}
