package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
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
	cmd     *exec.Cmd
	ended   chan error
	took    time.Duration // from the start until the portal answered
}

// startDev runs `souk dev` on a data folder, a new one or an existing one, and
// returns when the portal answers.
func startDev(ctx context.Context, e *env, dataDir string) (*launcher, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	listen := l.Addr().String()
	l.Close()
	d := &launcher{dataDir: dataDir, url: "http://" + listen, cmd: exec.Command(e.souk, "dev", "--data-dir", dataDir, "--listen", listen), ended: make(chan error, 1)}
	log, err := os.OpenFile(dataDir+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	d.cmd.Stdout, d.cmd.Stderr = log, log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
	began := time.Now()
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { d.ended <- d.cmd.Wait() }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case err := <-d.ended:
			d.ended <- err
			cancel(fmt.Errorf("souk dev has ended: %w", err))
		case <-ctx.Done():
		}
	}()
	if err := answers(ctx, d.url+"/"); err != nil {
		text, _ := os.ReadFile(log.Name())
		return nil, errors.Join(fmt.Errorf("souk dev does not answer: %w: %s", err, text), d.stop())
	}
	d.took = time.Since(began)
	return d, nil
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
func (d *launcher) stop() error {
	_ = d.cmd.Process.Signal(syscall.SIGINT)
	return <-d.ended
}
