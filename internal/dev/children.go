package dev

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"souk/internal/dev/lifeline"
	"souk/internal/devpg"
)

// database is the record's PostgreSQL. The kernel stops it, cleanly, when the
// launcher dies.
func (l *launch) database(cluster devpg.Cluster) child {
	return child{
		name: "PostgreSQL", file: "postgresql",
		stop: syscall.SIGINT, force: syscall.SIGQUIT, patience: 30 * time.Second,
		before: func(ctx context.Context) error {
			n, err := devpg.StopLeftover(ctx, cluster.Data)
			if n > 0 && err == nil {
				l.say("stopped a PostgreSQL that was left running (%d processes)", n)
			}
			return err
		},
		command: func() (*exec.Cmd, error) {
			cmd := cluster.Command()
			cmd.SysProcAttr.Pdeathsig = syscall.SIGINT
			return cmd, nil
		},
	}
}

func (l *launch) controlPlane() child {
	return l.souk("control plane", "control", l.Control, "serve", "--config", l.Path("control", "config.yaml"))
}

func (l *launch) agent() child {
	return l.souk("agent", "agent", l.Agent, "agent", "--config", l.Path("agent", "config.yaml"))
}

func (l *launch) supervisor(args []string) child {
	return l.souk("supervisor", "supervisor", Account{}, args...)
}

// souk is this very program in another of its parts. It holds one end of the
// launcher's lifeline.
func (l *launch) souk(name, folder string, who Account, args ...string) child {
	return child{
		name: name, file: folder, noted: true,
		stop: syscall.SIGTERM, force: syscall.SIGKILL, patience: 10 * time.Second,
		command: func() (*exec.Cmd, error) {
			cmd := exec.Command(l.Program, args...)
			cmd.Args[0] = "souk"
			cmd.Dir = l.Path(folder)
			cmd.Env = environment(cmd.Dir)
			cmd.ExtraFiles = []*os.File{l.lifeline} // descriptor 3
			cmd.SysProcAttr = l.attributes(who)
			return cmd, nil
		},
	}
}

// environment of a child: nothing of the launcher's that could tell it where to
// find another server or a secret.
func environment(home string) []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=" + home, lifeline.Env + "=3"}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case name == "SOUK_SERVER" || name == "SOUK_TOKEN" || name == "SOUK_CA" || name == "SOUK_CONFIG" || name == lifeline.Env:
		case strings.HasPrefix(name, "SOUK_") || name == "GOMAXPROCS" || name == "GOMEMLIMIT" || name == "GODEBUG" || name == "GOCOVERDIR" || name == "GOTRACEBACK":
			env = append(env, v)
		}
	}
	return env
}
