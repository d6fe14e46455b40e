package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"souk/api/client"
	"souk/internal/cli/config"
)

// launcher is a running `souk dev`.
type launcher struct {
	dataDir string
	url     string
	*program
	took time.Duration // from the start until the portal answered
}

// startDev runs `souk dev` on a data folder, a new one or an existing one, and
// returns when the portal answers.
func startDev(ctx context.Context, e *env, dataDir string) (*launcher, error) {
	return onFreePorts(ctx, func() (*launcher, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		listen := l.Addr().String()
		l.Close()
		d := &launcher{dataDir: dataDir, url: "http://" + listen}
		cmd := exec.Command(e.souk, "dev", "--data-dir", dataDir, "--listen", listen)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
		began := time.Now()
		d.program, err = startProgram(ctx, cmd, d.url+"/", dataDir+".log")
		d.took = time.Since(began)
		return d, err
	})
}

// acme returns the project that orders are made in, once souk dev has written
// its clients' configuration, which it does when an order can be taken.
func (d *launcher) acme(ctx context.Context) (*client.Project, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		project, err := d.project()
		if err == nil {
			var services int
			if services, err = orderable(ctx, project.client); err == nil && services > 0 {
				return project.Project, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("souk dev takes no orders: %w", errors.Join(context.Cause(ctx), err))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

type devProject struct {
	*client.Project
	client *client.Client
}

func (d *launcher) project() (*devProject, error) {
	file, err := config.Load(filepath.Join(d.dataDir, "cli.yaml"))
	if err != nil {
		return nil, err
	}
	acme, ok := file.Context("acme")
	if !ok {
		return nil, errors.New("no context acme yet")
	}
	c, err := client.New(d.url, client.WithToken(acme.Token))
	if err != nil {
		return nil, err
	}
	return &devProject{c.Organization(acme.Organization).Project(acme.Project), c}, nil
}

// orderable counts the services that can be ordered now.
func orderable(ctx context.Context, c *client.Client) (int, error) {
	services, err := c.Services(ctx)
	n := 0
	for _, s := range services {
		for _, o := range s.Offerings {
			if o.Available {
				n++
			}
		}
	}
	return n, err
}

// stop is Ctrl-C. Engines are stopped too.
func (d *launcher) stop() error { return d.program.stop(syscall.SIGINT) }
