//go:build crashtest

package step

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

var stepTest = New("test/step")

// TestMain lets the test binary be a process that passes a step.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "pass" {
		stepTest.Done()
		os.Exit(7)
	}
	os.Exit(m.Run())
}

func TestArmedStepKillsOnce(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{"armed", "killed"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	pass := func(env ...string) (pid int, status syscall.WaitStatus) {
		t.Helper()
		cmd := exec.Command(os.Args[0], "pass")
		cmd.Env = append(os.Environ(), env...)
		var exit *exec.ExitError
		if err := cmd.Run(); !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return cmd.Process.Pid, exit.Sys().(syscall.WaitStatus)
	}
	here := EnvCrashDir + "=" + dir
	if _, status := pass(here); status.ExitStatus() != 7 {
		t.Errorf("with nothing armed it ended with %v", status)
	}
	if err := os.WriteFile(filepath.Join(dir, "armed", FileName("test/step")), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pid, status := pass(here)
	proof, err := os.ReadFile(filepath.Join(dir, "killed", FileName("test/step")))
	if status.Signal() != syscall.SIGKILL || err != nil || string(proof) != strconv.Itoa(pid) {
		t.Errorf("armed, process %d ended with %v and left %q, %v", pid, status, proof, err)
	}
	if _, status := pass(here); status.ExitStatus() != 7 {
		t.Errorf("a second time it ended with %v", status)
	}
	marker := filepath.Join(dir, "marker")
	env := []string{EnvCrashAfter + "=test/step", EnvCrashMarker + "=" + marker}
	if _, status := pass(env...); status.Signal() != syscall.SIGKILL {
		t.Errorf("asked by its environment it ended with %v", status)
	}
	if _, status := pass(env...); status.ExitStatus() != 7 {
		t.Errorf("asked again it ended with %v", status)
	}
}
