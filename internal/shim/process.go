package shim

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// process is a running engine, our child or adopted.
type process struct {
	pid   int
	pidfd int
	ended chan struct{} // closed once it has ended
	how   string        // in words; set before ended is closed
	noted chan struct{} // closed once its keeper has taken note of that
}

// launch starts the engine with the lock inherited.
func launch(engine Engine, held *os.File) (*process, error) {
	log, err := openLog()
	if err != nil {
		return nil, err
	}
	defer log.Close()
	pidfd := -1
	cmd := exec.Command(engine.Argv[0], engine.Argv[1:]...)
	cmd.Env = append([]string{}, engine.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{held}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, PidFD: &pidfd}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{pid: cmd.Process.Pid, pidfd: pidfd, ended: make(chan struct{}), noted: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		p.finish(cmd.ProcessState.String())
	}()
	return p, nil
}

// removeStale removes a file whose first line is the ID of a process that has
// ended and waits for its parent to take note. Nobody does where the parent was
// a shim that was killed and the machine's first process is no init.
func removeStale(name string) error {
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || statOf(pid).state != "Z" {
		return nil
	}
	return os.Remove(name)
}

// adopt takes over the engine that holds the lock at path.
func adopt(path string) (*process, error) {
	pid, err := holder(path)
	if err != nil || pid == 0 {
		return nil, err
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, nil // it has just ended
	}
	// The number may have been given to another process before it was opened.
	if again, err := holder(path); err != nil || again != pid {
		unix.Close(pidfd)
		return nil, err
	}
	p := &process{pid: pid, pidfd: pidfd, ended: make(chan struct{}), noted: make(chan struct{})}
	go func() {
		waitPidfd(pidfd)
		p.finish("ended; how is not known, for it was adopted")
	}()
	return p, nil
}

func waitPidfd(pidfd int) {
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, -1)
		if err != unix.EINTR {
			return
		}
	}
}

func (p *process) finish(how string) {
	p.how = how
	close(p.ended)
}

// release gives the process's handle back, once it has ended.
func (p *process) release() {
	if p.pidfd >= 0 {
		unix.Close(p.pidfd)
	}
}

// signal reaches this process or nobody; one that has ended is no error.
func (p *process) signal(s syscall.Signal) error {
	var err error
	if p.pidfd >= 0 {
		err = unix.PidfdSendSignal(p.pidfd, s, nil, 0)
	} else {
		err = unix.Kill(p.pid, s)
	}
	if err == unix.ESRCH {
		return nil
	}
	if err != nil {
		return fmt.Errorf("signal process %d: %w", p.pid, err)
	}
	return nil
}
