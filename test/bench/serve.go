package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

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
	cmd     *exec.Cmd
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
	front, agents, err := twoPorts()
	if err != nil {
		return nil, err
	}
	record.Owner = "" // migrated already
	r := &replica{url: "http://" + front, path: filepath.Join(dir, "serve.yaml"), keyring: keyring, Config: controlplane.Config{
		Record: record, Listen: front, AgentListen: agents, AgentNames: []string{"127.0.0.1"}, AgentURL: "https://" + agents,
		Keyring: filepath.Join(dir, "keyring"),
		Demo: &controlplane.Demo{Password: secret(), Tokens: map[string]string{"operator": tenancy.NewSecret(), "acme": tenancy.NewSecret(), "globex": tenancy.NewSecret()},
			CPUMillis: 1000, MemoryMiB: 1024, StorageGiB: 100, Instances: 1},
	}}
	text, err := yaml.Marshal(r.Config)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(r.path, text, 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "serve.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	r.cmd = exec.Command(e.souk, "serve", "--config", r.path)
	r.cmd.Stdout, r.cmd.Stderr = log, log
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	if err := answers(ctx, r.url+"/readyz"); err != nil {
		r.stop()
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("souk serve does not answer: %w: %s", err, text)
	}
	return r, nil
}

func (r *replica) stop() {
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	_ = r.cmd.Wait()
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

// startPatience bounds the wait for a program that starts, on however busy a machine:
// a new record is first brought through all migrations.
const startPatience = 5 * time.Minute

// answers returns once the address answers with 200, looking every few
// milliseconds: a program that starts tells nobody when it is up.
func answers(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	client := http.Client{Timeout: 2 * time.Second}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		if answer, err := client.Do(req); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
