package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"souk/internal/devpg"
	"souk/test/objectstore"
)

// env is what all benchmarks of a run share: a folder that is removed in the
// end, the program that is measured, and the plants that were set up so far.
type env struct {
	options
	root     string // of the module
	dir      string
	programs devpg.Programs
	account  *syscall.Credential // that PostgreSQL runs as; nil: this one
	plants   map[int]*plant
	load     string // of the machine, before anything was begun
}

// nobody's number, on Linux.
const nobody = 65534

func newEnv(ctx context.Context, o options) (*env, error) {
	module, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("find the module: %w", err)
	}
	e := &env{options: o, root: filepath.Dir(strings.TrimSpace(string(module))), plants: map[int]*plant{}, load: readLoad()}
	if e.programs, err = devpg.Choose("", devpg.Installed(ctx)); err != nil {
		return nil, err
	}
	if e.dir, err = os.MkdirTemp("", "souk-bench-"); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		e.account = &syscall.Credential{Uid: nobody, Gid: nobody}
		if err := os.Chmod(e.dir, 0o711); err != nil {
			return nil, err
		}
	}
	if e.souk == "" {
		e.souk = filepath.Join(e.dir, "souk")
		build := exec.CommandContext(ctx, "go", "build", "-o", e.souk, "./cmd/souk")
		build.Dir, build.Stderr = e.root, os.Stderr
		if err := build.Run(); err != nil {
			return nil, fmt.Errorf("build souk: %w", err)
		}
	}
	if e.souk, err = filepath.Abs(e.souk); err != nil {
		return nil, err
	}
	return e, e.haveStore(ctx)
}

// storeProgram is where souk dev looks for its object store.
func (e *env) storeProgram() string { return filepath.Join(filepath.Dir(e.souk), "souk-objectstore") }

// haveStore puts the object store's program beside the program that is measured,
// unless there is one: instances are backed up, as a user's are.
func (e *env) haveStore(ctx context.Context) error {
	if _, err := os.Stat(e.storeProgram()); err == nil {
		return nil
	}
	program, err := objectstore.Build(ctx)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	return os.WriteFile(e.storeProgram(), text, 0o755)
}

// own makes a folder that the unprivileged account owns.
func (e *env) own(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil || e.account == nil {
		return err
	}
	return os.Chown(path, int(e.account.Uid), int(e.account.Gid))
}

func (e *env) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

// close stops and removes everything.
func (e *env) close() {
	for _, p := range e.plants {
		p.close()
	}
	if err := os.RemoveAll(e.dir); err != nil {
		e.say("%s is left behind: %v", e.dir, err)
	}
}
