package dev

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"souk/internal/dev/lifeline"
	"souk/internal/dev/pidfd"
)

// remember notes the process, so that the next launcher can tell it from
// another with the same number. A process that cannot be noted runs all the
// same: it ends with its lifeline.
func (l *launch) remember(c child, p *process) {
	id := identity(p.cmd.Process.Pid)
	if id == "" {
		return // it has ended already
	}
	me := Account{uint32(os.Geteuid()), uint32(os.Getegid())}
	if err := writeFile(l.folders.path("run", c.file+".pid"), []byte(id), me, 0o600); err != nil {
		l.say("cannot note the process of the %s: %v", c.name, err)
	}
}

func (l *launch) forget(c child) { _ = os.Remove(l.folders.path("run", c.file+".pid")) }

// identity of a running process: its number, when it started and in which boot.
// It is empty when there is no such process.
func identity(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	_, after, _ := strings.Cut(string(stat), ") ") // a name may hold anything, but this comes after
	fields := strings.Fields(after)
	if len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fmt.Sprintf("%d %s %s", pid, fields[19], strings.TrimSpace(string(boot)))
}

// awaitLeftovers returns when no process of a launcher that was killed runs any
// more. They end by themselves; one that does not is ended.
func (l *launch) awaitLeftovers(ctx context.Context) error {
	files, err := filepath.Glob(l.folders.path("run", "*.pid"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("look for what a killed launcher left: %w", err)
		}
		var pid int
		if _, err := fmt.Sscan(string(text), &pid); err == nil {
			if err := l.awaitLeftover(ctx, pid, string(text)); err != nil {
				return err
			}
		}
		_ = os.Remove(file)
	}
	return nil
}

func (l *launch) awaitLeftover(ctx context.Context, pid int, noted string) error {
	p, err := pidfd.Open(pid)
	if err != nil {
		return nil // it is gone
	}
	defer p.Close()
	if identity(pid) != noted {
		return nil // gone, and its number another's
	}
	for _, turn := range []struct {
		signal unix.Signal
		wait   time.Duration
	}{{0, lifeline.Grace + time.Second}, {unix.SIGTERM, 5 * time.Second}, {unix.SIGKILL, 5 * time.Second}} {
		if turn.signal != 0 {
			l.say("ending process %d, which a killed launcher left behind", pid)
			_ = p.Signal(turn.signal)
		}
		gone, err := p.Await(ctx, time.Now().Add(turn.wait))
		if gone || err != nil {
			return err
		}
	}
	return fmt.Errorf("process %d, which a killed launcher left behind, cannot be ended", pid)
}
