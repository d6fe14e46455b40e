package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"sigs.k8s.io/yaml"

	"souk/internal/controlplane"
	"souk/internal/envelope"
	"souk/internal/store"
	"souk/internal/tenancy"
)

func secret() string {
	raw := make([]byte, 24)
	_, _ = rand.Read(raw) // never fails
	return base64.RawURLEncoding.EncodeToString(raw)
}

// replica is a running `souk serve`.
type replica struct {
	controlplane.Config
	url     string
	path    string // of the configuration file
	keyring *envelope.Keyring
	*program
}

// startReplica runs the program that is measured, in a process of its own, as
// in production; only the demonstration data is asked for too.
func startReplica(ctx context.Context, e *env, dir string, record store.Config) (*replica, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	keyring, err := envelope.Create(filepath.Join(dir, "keyring"))
	if err != nil {
		return nil, err
	}
	record.Owner = "" // migrated already
	r := &replica{path: filepath.Join(dir, "serve.yaml"), keyring: keyring, Config: controlplane.Config{
		Record: record, AgentNames: []string{"127.0.0.1"}, Keyring: filepath.Join(dir, "keyring"),
		Demo: &controlplane.Demo{Password: secret(), Tokens: map[string]string{"operator": tenancy.NewSecret(), "acme": tenancy.NewSecret(), "globex": tenancy.NewSecret()},
			CPUMillis: 1000, MemoryMiB: 1024, StorageGiB: 100, Instances: 1},
	}}
	r.program, err = onFreePorts(ctx, func() (*program, error) { return r.start(ctx, e, filepath.Join(dir, "serve.log")) })
	return r, err
}

func (r *replica) start(ctx context.Context, e *env, log string) (*program, error) {
	front, agents, err := twoPorts()
	if err != nil {
		return nil, err
	}
	r.url, r.Listen, r.AgentListen, r.AgentURL = "http://"+front, front, agents, "https://"+agents
	text, err := yaml.Marshal(r.Config)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(r.path, text, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(e.souk, "serve", "--config", r.path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return startProgram(ctx, cmd, r.url+"/readyz", log)
}

// twoPorts returns two free addresses on this machine.
func twoPorts() (first, second string, err error) {
	a, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer a.Close()
	b, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer b.Close()
	return a.Addr().String(), b.Addr().String(), nil
}
