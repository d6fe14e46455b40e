package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"souk/api/client"
	"souk/internal/cli/config"
)

// patience is how long anything may take that is waited for.
const patience = 2 * time.Minute

// look is how often it is looked whether something has happened.
const look = 50 * time.Millisecond

// launcher is a running `souk dev`.
type launcher struct {
	program, dataDir, url string
	cmd                   *exec.Cmd
	ended                 chan struct{}
}

// Accounts and ports of the month's own, unless the environment says which, so that a
// souk dev that runs already is left alone.
const (
	firstUID  = 1_500_000_000
	accounts  = 2000
	firstPort = 9_000
)

// launch starts `souk dev` on a new folder, and returns once orders are taken.
func launch(ctx context.Context, program, dataDir string) (*launcher, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	listen := l.Addr().String()
	l.Close()
	if program, err = filepath.Abs(program); err != nil {
		return nil, err
	}
	d := &launcher{program: program, dataDir: dataDir, url: "http://" + listen, ended: make(chan struct{})}
	d.cmd = exec.Command(program, "dev", "--data-dir", dataDir, "--listen", listen)
	d.cmd.Env = append(os.Environ(), setting("SOUK_UID_BASE", firstUID+os.Getpid()%50_000*accounts), setting("SOUK_PORT_BASE", firstPort))
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.OpenFile(d.log(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = d.cmd.Wait(); close(d.ended) }()
	err = await(ctx, "souk dev takes orders", func() error {
		select {
		case <-d.ended:
			return final{errors.New("it has ended")}
		default:
		}
		if !strings.Contains(d.said(), "Ctrl-C stops everything") {
			return errors.New("it has not said so yet")
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %s", err, d.said()), d.stop())
	}
	return d, nil
}

// setting is one of the environment's, or the default.
func setting(name string, otherwise int) string {
	if given := os.Getenv(name); given != "" {
		return name + "=" + given
	}
	return name + "=" + strconv.Itoa(otherwise)
}

func (d *launcher) log() string { return d.dataDir + ".log" }

// said is what souk dev has printed.
func (d *launcher) said() string {
	text, _ := os.ReadFile(d.log())
	return string(text)
}

// greeting is what souk dev says to whoever begins.
func (d *launcher) greeting() string {
	_, after, _ := strings.Cut(d.said(), "Demonstration log-ins")
	words, _, _ := strings.Cut(after, "In a second terminal")
	return "Demonstration log-ins" + strings.TrimRight(words, "\n")
}

// stop ends souk dev, and all that came of it.
func (d *launcher) stop() error {
	select {
	case <-d.ended:
		return nil
	default:
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-d.ended:
		return nil
	case <-time.After(patience):
		return errors.New("souk dev does not end")
	}
}

// as is a client in one of the contexts that souk dev has written.
func (d *launcher) as(name string) (*client.Client, error) {
	file, err := config.Load(filepath.Join(d.dataDir, "cli.yaml"))
	if err != nil {
		return nil, err
	}
	context, ok := file.Context(name)
	if !ok {
		return nil, fmt.Errorf("souk dev has written no context %s", name)
	}
	return client.New(d.url, client.WithToken(context.Token))
}

// final is an error that nothing is waited for after.
type final struct{ error }

// await returns once f returns nil.
func await(ctx context.Context, what string, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := f()
		if err == nil {
			return nil
		}
		var last final
		if errors.As(err, &last) {
			return fmt.Errorf("%s: %w", what, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("never happened: %s: %w", what, err)
		case <-time.After(look):
		}
	}
}
