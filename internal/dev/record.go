package dev

import (
	"context"

	"souk/internal/devpg"
	"souk/internal/store"
)

// cluster makes what the record needs on disk.
func (l *launch) cluster(ctx context.Context, programs devpg.Programs) (devpg.Cluster, store.Passwords, error) {
	passwords, superuser, err := l.passwords()
	if err != nil {
		return devpg.Cluster{}, passwords, err
	}
	c := devpg.Cluster{
		Programs: programs, Password: superuser,
		Data: l.Path("postgres", "data"), Socket: l.Path("socket"),
		Account: l.credential(l.postgres),
	}
	v, err := l.folders.readVersion()
	if err != nil {
		return c, passwords, err
	}
	if v.PostgreSQL == 0 {
		l.say("making a new record in %s (PostgreSQL %s)", l.DataDir, programs.Version)
	}
	if err := l.keyring(v.PostgreSQL == 0); err != nil {
		return c, passwords, err
	}
	l.Keyring = l.Path("control", "keyring.json")
	l.Record = c.Config(passwords)
	l.Record.Owner = ""
	if err := c.Own(); err != nil {
		return c, passwords, err
	}
	return c, passwords, c.Init(ctx)
}

// configure writes the files that the control plane and the agent read.
func (l *launch) configure() error {
	for _, f := range []struct {
		folder string
		owner  Account
		text   func(Layout) ([]byte, error)
	}{{"control", l.Control, l.hooks.ControlConfig}, {"agent", l.Agent, l.hooks.AgentConfig}} {
		text, err := f.text(l.Layout)
		if err != nil {
			return err
		}
		if err := writeFile(l.folders.path(f.folder, "config.yaml"), text, f.owner, 0o600); err != nil {
			return err
		}
	}
	return nil
}
