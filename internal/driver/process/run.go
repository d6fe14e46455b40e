package process

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"souk/internal/shim"
)

// runHere carries out a program under the agent's own account; it is killed when
// ctx ends. It returns what was written to stdout.
func runHere(ctx context.Context, argv, env []string) ([]byte, error) {
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append([]string{}, env...), &out, &problems
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, &shim.ExitError{Program: filepath.Base(argv[0]), Code: exit.ExitCode(), Output: append(problems.Bytes(), out.Bytes()...)}
	}
	return out.Bytes(), err
}
