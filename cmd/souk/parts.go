package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
	"sigs.k8s.io/yaml"

	"souk/internal/agent"
	"souk/internal/cli"
	"souk/internal/controlplane"
	"souk/internal/dev/lifeline"
	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/driver/process"
	"souk/internal/store"
	"souk/internal/supervisor"
	"souk/services/all"
)

// part is a command that runs one part of Souk from a configuration file until
// it is asked to stop, or the launcher that started it is gone.
func part(use, short string, run func(ctx context.Context, config string) error) *cobra.Command {
	var config string
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		ctx, err := lifeline.Context(cmd.Context())
		if err != nil {
			return err
		}
		return run(ctx, config)
	}}
	cmd.Flags().StringVar(&config, "config", "", "the configuration file")
	_ = cmd.MarkFlagRequired("config")
	return cmd
}

func logger(part string) *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, nil)).With("part", part)
}

func newServe(*cli.App) *cobra.Command {
	return part("serve", "Run the control plane: portal, API and the agents' listener", func(ctx context.Context, path string) error {
		config, err := controlplane.LoadConfig(path)
		if err != nil {
			return err
		}
		return controlplane.Run(ctx, config, all.Packages(), version, logger("control plane"))
	})
}

func newMigrate(*cli.App) *cobra.Command {
	return part("migrate", "Bring the record's schema up to date, as its owner", func(ctx context.Context, path string) error {
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var config controlplane.Config
		if err := yaml.UnmarshalStrict(raw, &config); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if config.Record.Owner == "" {
			return errors.New("the configuration needs record.owner, the connection string of souk_owner")
		}
		return store.Migrate(ctx, config.Record)
	})
}

// driverConfig is the section `driver` of the configuration of an agent that
// runs instances as processes.
type driverConfig struct {
	Type string `json:"type"` // "process"
	// Dir is the driver's own folder.
	Dir string `json:"dir"`
	// Address is the IP address that engines listen on; Names are what their
	// certificates carry, the first of which clients are told.
	Address  string   `json:"address"`
	Names    []string `json:"names"`
	PortFrom int      `json:"portFrom"`
	PortTo   int      `json:"portTo"`
	// Supervisor is the socket of `souk supervise`; without one the instances run
	// under the agent's own account, in the folder Instances.
	Supervisor string `json:"supervisor,omitempty"`
	Instances  string `json:"instances,omitempty"`
	// Backups is where backups are kept; absent: nowhere.
	Backups *driver.BackupConfig `json:"backups,omitempty"`
	// PrivateBuckets lets customers' buckets for backups have private addresses: only
	// where nothing else listens there that customers must not reach.
	PrivateBuckets bool `json:"privateBuckets,omitempty"`
}

func newAgent(*cli.App) *cobra.Command {
	var stop bool
	cmd := part("agent", "Run a zone's agent", func(ctx context.Context, path string) error {
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		config, err := agent.ParseConfig(raw)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		log := logger("agent")
		drv, err := openDriver(ctx, config, log)
		if err != nil {
			return err
		}
		defer drv.Close()
		if stop {
			all, ok := drv.(interface{ StopAll(context.Context) error })
			if !ok {
				return errors.New("this zone's instances run on without an agent; only the process driver can stop them all at once")
			}
			return all.StopAll(ctx)
		}
		return agent.Run(ctx, config, drv, agent.Deps{Logger: log, Version: version, Stdin: os.Stdin})
	})
	cmd.Flags().BoolVar(&stop, "stop-instances", false, "stop all instances of a zone whose agent does not run, and end")
	return cmd
}

// closable is a driver that is given up when the agent ends.
type closable interface {
	driver.Driver
	Close() error
}

// openDriver opens the driver that the agent's configuration names.
func openDriver(ctx context.Context, config agent.Config, log *slog.Logger) (closable, error) {
	var kind struct {
		Type string `json:"type"`
	}
	if err := yaml.Unmarshal(config.Driver, &kind); err != nil {
		return nil, fmt.Errorf("the section driver: %w", err)
	}
	switch kind.Type {
	case "process":
		return openProcess(config.Driver, log)
	case "kubernetes":
		return openKubernetes(ctx, config, log)
	}
	return nil, fmt.Errorf("there is no driver %q; this agent has: kubernetes, process", kind.Type)
}

func openKubernetes(ctx context.Context, config agent.Config, log *slog.Logger) (closable, error) {
	section, err := kubernetes.ParseSection(config.Driver)
	if err != nil {
		return nil, err
	}
	engines, err := all.KubernetesEngines(section.Engines)
	if err != nil {
		return nil, err
	}
	cluster, err := section.REST()
	if err != nil {
		return nil, err
	}
	place, err := section.Backups.Place()
	if err != nil {
		return nil, err
	}
	klog.SetSlogLogger(log)
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return kubernetes.New(ctx, kubernetes.Config{Section: section, REST: cluster, Engines: engines, Place: place, Logger: log, Identity: host + ":" + config.DataDir})
}

func openProcess(raw json.RawMessage, log *slog.Logger) (closable, error) {
	var c driverConfig
	if err := yaml.UnmarshalStrict(raw, &c); err != nil {
		return nil, fmt.Errorf("the section driver: %w", err)
	}
	var sup process.Supervisor = supervisor.NewClient(c.Supervisor)
	if c.Supervisor == "" {
		local, err := supervisor.NewLocal(c.Instances, log)
		if err != nil {
			return nil, err
		}
		sup = local
	}
	backups, err := c.Backups.Place()
	if err != nil {
		return nil, err
	}
	return process.New(process.Config{Dir: c.Dir, Address: c.Address, Names: c.Names, PortFrom: c.PortFrom, PortTo: c.PortTo, Supervisor: sup, Engines: all.ProcessEngines(), Backups: backups, PrivateBuckets: c.PrivateBuckets, Logger: log})
}

// supervise runs the zone's privileged helper; it ends with its launcher.
func supervise(args []string) int {
	ctx, err := lifeline.Context(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	context.AfterFunc(ctx, func() { _ = syscall.Kill(os.Getpid(), syscall.SIGTERM) })
	return supervisor.Main(args)
}
