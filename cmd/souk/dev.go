package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"sigs.k8s.io/yaml"

	"souk/api"
	"souk/api/client"
	"souk/internal/agent"
	"souk/internal/cli"
	"souk/internal/cli/config"
	"souk/internal/controlplane"
	"souk/internal/dev"
	"souk/internal/driver"
)

// newDev is `souk dev`: everything on this machine, all of it real.
func newDev(a *cli.App) *cobra.Command {
	portFrom := defaultPort
	agentConfig := func(l dev.Layout) ([]byte, error) { return agentConfig(l, portFrom) }
	options := dev.Options{Out: os.Stdout, LongestPause: longestPause, Hooks: dev.Hooks{
		ControlConfig: controlConfig, AgentConfig: agentConfig, SupervisorArgs: supervisorArgs,
		Enrolled: enrolled, Enrol: enrol, Ready: ready, StopEngines: stopEngines,
	}}
	cmd := &cobra.Command{
		Use: "dev", Short: "Run all of Souk on this machine, with demonstration data", Args: cobra.NoArgs,
		Long: "Runs the control plane, one zone with its agent, and a PostgreSQL of its own for the record, all from one\ndata folder. What is ordered is a real server. Ctrl-C stops everything; nothing is lost.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			base, err := number("SOUK_UID_BASE", 0)
			if err != nil {
				return err
			}
			if base > 0 {
				options.UIDBase = uint32(base)
				options.InstanceUIDs = dev.UIDRange{First: options.UIDBase + accountsBefore, Count: mostInstances}
			}
			if portFrom, err = number("SOUK_PORT_BASE", portFrom); err != nil {
				return err
			}
			return dev.Run(cmd.Context(), options)
		},
	}
	cmd.Flags().StringVar(&options.DataDir, "data-dir", orDefault(os.Getenv("SOUK_DATA_DIR"), "./.souk"), "where everything is kept (SOUK_DATA_DIR)")
	cmd.Flags().StringVar(&options.Listen, "listen", orDefault(os.Getenv("SOUK_LISTEN"), "127.0.0.1:8080"), "where the portal and the API are served (SOUK_LISTEN)")
	options.AgentListen = os.Getenv("SOUK_AGENT_LISTEN")
	options.ObjectStore = objectStoreProgram()
	cmd.AddCommand(cli.NewClock(a))
	return cmd
}

// objectStoreProgram is the one beside this program; empty where there is none.
func objectStoreProgram() string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	path := filepath.Join(filepath.Dir(self), "souk-objectstore")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// accountsBefore is how far above SOUK_UID_BASE the accounts of instances begin,
// as they do without it. Two data folders on one machine should not share them.
const accountsBefore = 900

// number reads a setting from the environment.
func number(name string, otherwise int) (int, error) {
	text := os.Getenv(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%s is not a number: %q", name, text)
	}
	return int(n), nil
}

func orDefault(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// demoContexts are the contexts that souk dev writes into cli.yaml.
var demoContexts = []string{"operator", "acme", "globex"}

func demoToken(l dev.Layout, context string) (string, error) {
	secret, err := l.Secret("token-" + context)
	return "souk_" + secret, err
}

// controlConfig is the configuration of `souk serve`.
func controlConfig(l dev.Layout) ([]byte, error) {
	demo, err := demonstration(l)
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(l.AgentListen)
	if err != nil {
		return nil, err
	}
	names := []string{"127.0.0.1", "localhost"}
	if !slices.Contains(names, host) {
		names = append(names, host)
	}
	certificates, err := number("SOUK_AGENT_CERTIFICATE_SECONDS", 0)
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(controlplane.Config{
		Record: l.Record, Listen: l.Listen, AgentListen: l.AgentListen, AgentNames: names,
		AgentURL: "https://" + l.AgentListen, AdminListen: l.AdminListen, Keyring: l.Keyring, Demo: demo, AgentCertificateSeconds: certificates,
		Metrics: controlplane.MetricsConfig{Folder: l.Path("control", "metrics")},
	})
}

// How much of the machine the zone may promise: memory is kept back for the
// machine itself, processors are shared.
const (
	memoryShare   = 0.75
	storageShare  = 0.8
	coresShared   = 8
	mostInstances = 1000
)

func demonstration(l dev.Layout) (*controlplane.Demo, error) {
	password, err := l.Secret("demo-password")
	if err != nil {
		return nil, err
	}
	d := &controlplane.Demo{Password: password, Tokens: map[string]string{}, CPUMillis: int64(runtime.NumCPU()) * 1000 * coresShared, Instances: mostInstances}
	for _, c := range demoContexts {
		if d.Tokens[c], err = demoToken(l, c); err != nil {
			return nil, err
		}
	}
	var machine unix.Sysinfo_t
	if err := unix.Sysinfo(&machine); err != nil {
		return nil, fmt.Errorf("cannot tell how much memory the machine has: %w", err)
	}
	d.MemoryMiB = int64(float64(machine.Totalram) * float64(machine.Unit) * memoryShare / (1 << 20))
	var disk unix.Statfs_t
	if err := unix.Statfs(l.DataDir, &disk); err != nil {
		return nil, fmt.Errorf("cannot tell how large the disk is: %w", err)
	}
	d.StorageGiB = int64(float64(disk.Blocks) * float64(disk.Bsize) * storageShare / (1 << 30))
	return d, nil
}

// defaultPort is the first instance's, below those that the kernel hands out.
const defaultPort = 15432

// agentConfig is the configuration of `souk agent`.
func agentConfig(l dev.Layout, portFrom int) ([]byte, error) {
	d := driverConfig{Type: "process", Dir: l.Path("agent", "driver"), Address: "127.0.0.1", Names: []string{"127.0.0.1", "localhost"}, PortFrom: portFrom, PortTo: portFrom + mostInstances - 1, Instances: l.Path("instances")}
	if l.Privileged {
		d.Supervisor = supervisorSocket(l)
	}
	d.PrivateBuckets = true // whoever orders here has the machine
	var err error
	if d.Backups, err = backupsConfig(l); err != nil {
		return nil, err
	}
	section, err := yaml.Marshal(d)
	if err != nil {
		return nil, err
	}
	raw, err := yaml.YAMLToJSON(section)
	if err != nil {
		return nil, err
	}
	c := agent.Config{Server: "https://" + l.AgentListen, DataDir: l.Path("agent", "data"), ServerCAFile: l.Path("agent", "server-ca.pem"), EnrolTokenFile: l.Path("agent", "token"), Driver: raw}
	// On one machine nothing is gained by waiting long.
	c.Timeouts.ReconnectMax = agent.Duration(2 * time.Second)
	c.Timeouts.RetryMax = agent.Duration(30 * time.Second)
	return yaml.Marshal(c)
}

// backupsConfig hands the object store to the agent, where there is one.
func backupsConfig(l dev.Layout) (*driver.BackupConfig, error) {
	s := l.ObjectStore
	if s == nil {
		return nil, nil
	}
	_, port, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return nil, err
	}
	c := &driver.BackupConfig{Endpoint: "localhost", Bucket: s.Bucket, Region: "us-east-1", AccessKey: s.AccessKey}
	if c.Port, err = strconv.Atoi(port); err != nil {
		return nil, err
	}
	if c.SecretKeyFile, err = l.GiveAgent("objectstore-key", []byte(s.SecretKey)); err != nil {
		return nil, err
	}
	c.CAFile, err = l.GiveAgent("objectstore-ca.pem", s.CA)
	return c, err
}

func supervisorSocket(l dev.Layout) string { return l.Path("supervisor", "sock") }

func supervisorArgs(l dev.Layout) []string {
	return []string{"supervise", "--root", l.Path("instances"), "--socket", supervisorSocket(l),
		"--agent-uid", strconv.Itoa(int(l.Agent.UID)), "--agent-gid", strconv.Itoa(int(l.Agent.GID)),
		"--uid-base", strconv.Itoa(int(l.InstanceUIDs.First)), "--uid-count", strconv.Itoa(int(l.InstanceUIDs.Count))}
}

func operatorClient(l dev.Layout) (*client.Client, error) {
	token, err := demoToken(l, "operator")
	if err != nil {
		return nil, err
	}
	return client.New(l.URL, client.WithToken(token))
}

// enrol asks for a one-time token, as the operator, and hands it to the agent.
func enrol(ctx context.Context, l dev.Layout) error {
	c, err := operatorClient(l)
	if err != nil {
		return err
	}
	e, err := c.Operator().EnrolZone(ctx, "local")
	if err != nil {
		return err
	}
	if _, err := l.GiveAgent("server-ca.pem", []byte(e.CA)); err != nil {
		return err
	}
	_, err = l.GiveAgent("token", []byte(e.Token+"\n"))
	return err
}

// ready writes the command line's contexts and says how to begin.
func ready(ctx context.Context, l dev.Layout) error {
	f := config.File{Current: "acme"}
	for _, name := range demoContexts {
		token, err := demoToken(l, name)
		if err != nil {
			return err
		}
		f.Set(config.Context{Name: name, Server: l.URL, Organization: name, Project: "default", Token: token})
	}
	raw, err := yaml.Marshal(f)
	if err != nil {
		return err
	}
	if err := l.GiveUser("cli.yaml", raw, 0o600); err != nil {
		return err
	}
	if err := zoneReports(ctx, l); err != nil {
		return err
	}
	password, err := l.Secret("demo-password")
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Printf(greeting, l.URL, password, l.DataDir, filepath.Dir(program))
	return nil
}

const greeting = `
Souk is running at %s

Demonstration log-ins, all with the password  %s
  owner@operator.example    the company that runs Souk
  owner@local-cloud.example the cloud provider of the zone "local"
  owner@acme.example        a customer; also editor@ and viewer@
  owner@globex.example      another customer

In a second terminal:
  export SOUK_CONFIG=%s/cli.yaml PATH=%s:$PATH
  souk order postgresql db1 --wait
  eval "$(souk credentials db1 -o shell)"; psql -c 'select version()'

Ctrl-C stops everything; nothing is lost.
`

// patience is how long the zone's agent may take to report before it is said
// that it has not yet.
const patience = 10 * time.Second

// zoneReports returns nil once the zone's agent speaks and an order can be taken.
func zoneReports(ctx context.Context, l dev.Layout) error {
	c, err := operatorClient(l)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		services, err := c.Services(ctx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(services, orderable) {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("nothing can be ordered yet, as the zone's agent has not reported")
		case <-look.C:
		}
	}
}

func orderable(s api.Service) bool {
	return slices.ContainsFunc(s.Offerings, func(o api.Offering) bool { return o.Available })
}

func stopEngines(ctx context.Context, l dev.Layout) error {
	cmd := exec.CommandContext(ctx, l.Program, "agent", "--config", l.Path("agent", "config.yaml"), "--stop-instances")
	cmd.Args[0] = "souk"
	cmd.Dir = l.Path("agent")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C at the terminal is the launcher's
	if l.Privileged {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: l.Agent.UID, Gid: l.Agent.GID}
	}
	cmd.Env = []string{"PATH=/usr/bin:/bin", "TZ=UTC", "HOME=" + cmd.Dir}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// enrolled says whether the agent has an identity already.
func enrolled(l dev.Layout) bool {
	_, err := os.Stat(l.Path("agent", "data", "identity.json"))
	return err == nil
}
