package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"souk/internal/shim"
)

// spawnTimeout is how long a shim may take until it answers.
const spawnTimeout = 20 * time.Second

// Spawn starts the shim of a prepared instance.
func (s *Supervisor) Spawn(ctx context.Context, id string, limits Limits) (string, error) {
	place, err := s.Find(ctx, id)
	if err != nil {
		return "", err
	}
	defer s.hold(id)()
	problem := s.limit(id, limits)
	ready, err := s.startShim(id, place)
	if err != nil {
		return problem, fmt.Errorf("start the instance's shim: %w", err)
	}
	defer ready.Close()
	_ = ready.SetReadDeadline(time.Now().Add(spawnTimeout))
	defer context.AfterFunc(ctx, func() { _ = ready.SetReadDeadline(time.Unix(1, 0)) })()
	said, err := io.ReadAll(io.LimitReader(ready, 4096))
	if err != nil {
		return problem, fmt.Errorf("the instance's shim did not get ready: %w", errors.Join(err, context.Cause(ctx)))
	}
	if string(said) != shim.Ready {
		return problem, fmt.Errorf("the instance's shim ended: %s", said)
	}
	return problem, nil
}

// startShim starts the program that this is as a shim and returns the pipe
// on which it says that it is ready. The program is handed over as an open file:
// the instance's uid may not be able to get to where it lies.
func (s *Supervisor) startShim(id string, place Place) (*os.File, error) {
	program, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer program.Close()
	ready, told, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer told.Close()
	cmd := &exec.Cmd{
		Path:        "/proc/self/fd/3",
		Args:        append([]string{"souk"}, shim.Args(place.Folder)...),
		Env:         shimEnv(),
		Dir:         "/",
		ExtraFiles:  []*os.File{program, told},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if s.isolated() {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(place.UID), Gid: uint32(place.UID)}
	}
	if err := s.startConfined(id, place, cmd); err != nil {
		ready.Close()
		return nil, err
	}
	go func() { _ = cmd.Wait() }()
	return ready, nil
}

// shimEnv passes on what a shim needs of the environment: nothing of the
// supervisor's but what the crash harness sets.
func shimEnv() []string {
	env := []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC", "GOMAXPROCS=2"}
	for _, entry := range os.Environ() {
		if strings.HasPrefix(entry, "SOUK_CRASH_") {
			env = append(env, entry)
		}
	}
	return env
}

// startConfined starts cmd within the instance's cgroups and its own view of
// the file system. Both are set up for one thread, which the child is forked
// from and which ends afterwards; this needs no helper program.
func (s *Supervisor) startConfined(id string, place Place, cmd *exec.Cmd) error {
	result := make(chan error)
	go onOwnThread(func() {
		result <- func() error {
			done, err := s.cgroups.confine(id, cmd.SysProcAttr)
			if err != nil {
				s.cfg.Logger.Warn("the instance runs outside its cgroup", "instance", id, "error", err)
			}
			defer done()
			if s.isolated() {
				if err := ownPasswd(filepath.Join(place.Folder, passwdFile)); err != nil {
					return err
				}
			}
			if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
				return err
			}
			return cmd.Start()
		}()
	})
	return <-result
}

// onOwnThread calls f on a thread that ends with it, and is not the process's
// first one, whose state stands for the whole process.
func onOwnThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f() // never unlocked: the thread ends with this goroutine
		return
	}
	defer runtime.UnlockOSThread()
	done := make(chan struct{})
	go func() {
		defer close(done)
		onOwnThread(f)
	}()
	<-done
}

// ownPasswd gives the calling thread a mount namespace of its own, with the
// file in the place of /etc/passwd.
func ownPasswd(path string) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("keep mounts private: %w", err)
	}
	if err := unix.Mount(path, "/etc/passwd", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind the instance's own passwd: %w", err)
	}
	return nil
}
