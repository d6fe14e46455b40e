package dev

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// child is one program that the launcher keeps running.
type child struct {
	name string // for people: "control plane"
	file string // of its log, and of the note of its process
	// noted: the next launcher has to look for it if this one is killed.
	noted bool
	// command makes a fresh one for each start.
	command func() (*exec.Cmd, error)
	// before runs ahead of each start.
	before func(context.Context) error

	stop     syscall.Signal // asks it to end
	force    syscall.Signal // makes it end
	patience time.Duration  // between the two
}

// process is a started child.
type process struct {
	cmd     *exec.Cmd
	log     int64 // where its part of the log begins
	started time.Time
	ended   chan struct{}
	result  error // once ended
}

// keep runs the child and starts it again whenever it ends, until ctx ends;
// then it stops it, and returns when it is gone.
func (l *launch) keep(ctx context.Context, c child) {
	quick := 0 // deaths soon after the start, one after the other
	for ctx.Err() == nil {
		p, err := l.start(ctx, c)
		if err != nil {
			quick++
			l.complain(c, quick, "cannot be started: "+err.Error(), nil)
			l.pause(ctx, quick)
			continue
		}
		select {
		case <-ctx.Done():
			l.end(c, p)
			return
		case <-p.ended:
		}
		l.forget(c)
		if ctx.Err() != nil {
			return
		}
		if quick++; time.Since(p.started) > l.pace.healthy {
			quick = 1
		}
		l.complain(c, quick, "ended ("+reason(p.result)+")", l.folders.tail(c.file, p.log))
		l.pause(ctx, quick)
	}
}

func (l *launch) start(ctx context.Context, c child) (*process, error) {
	if c.before != nil {
		if err := c.before(ctx); err != nil {
			return nil, err
		}
	}
	cmd, err := c.command()
	if err != nil {
		return nil, err
	}
	log, end, err := l.folders.openLog(c.file)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr.Setpgid = true // Ctrl-C is for the launcher, which stops all in order
	p := &process{cmd: cmd, log: end, started: time.Now(), ended: make(chan struct{})}
	if err := l.spawner.start(cmd); err != nil {
		return nil, err
	}
	go func() {
		p.result = cmd.Wait()
		close(p.ended)
	}()
	if c.noted {
		l.remember(c, p)
	}
	return p, nil
}

// end stops the process: kindly, and after a while, or when hurried, with force.
func (l *launch) end(c child, p *process) {
	defer l.forget(c)
	_ = p.cmd.Process.Signal(c.stop)
	patience := time.NewTimer(c.patience)
	defer patience.Stop()
	select {
	case <-p.ended:
		return
	case <-patience.C:
		l.say("%s does not stop: ending it by force", c.name)
	case <-l.hurry:
	}
	_ = p.cmd.Process.Signal(c.force)
	select {
	case <-p.ended:
	case <-time.After(c.patience):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// pause waits before a restart: longer each time, up to a limit.
func (l *launch) pause(ctx context.Context, quick int) {
	select {
	case <-ctx.Done():
	case <-time.After(l.pace.after(quick)):
	}
}

func (p pace) after(quick int) time.Duration {
	wait := p.first
	for range quick - 1 {
		if wait *= 2; wait >= p.most {
			return p.most
		}
	}
	return wait
}

// complain tells of a death: at first in a line, and when it goes on with what
// the child last said, less and less often.
func (l *launch) complain(c child, quick int, what string, tail []string) {
	if quick < 3 {
		l.say("%s %s; starting it again", c.name, what)
		return
	}
	if quick&(quick-1) != 0 && quick != 3 {
		return
	}
	l.say("%s %s, %d times in a row; going on trying. Its log is %s", c.name, what, quick, l.folders.path("log", c.file+".log"))
	for _, line := range tail {
		l.say("    %s", line)
	}
}

func reason(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// attributes of a child that runs as the account.
func (l *launch) attributes(a Account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: l.credential(a)}
}

func (l *launch) credential(a Account) *syscall.Credential {
	if !l.Privileged || a.UID == uint32(os.Geteuid()) {
		return nil
	}
	return &syscall.Credential{Uid: a.UID, Gid: a.GID}
}
