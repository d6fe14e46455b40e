package pidfd_test

import (
	"context"
	"errors"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"souk/internal/dev/pidfd"
)

func TestAwait(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := pidfd.Open(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if ended, err := p.Await(t.Context(), time.Now().Add(10*time.Millisecond)); ended || err != nil {
		t.Errorf("while it runs: ended %v, %v", ended, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Await(gone, time.Now().Add(time.Hour)); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: got %v", err)
	}
	if err := p.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if ended, err := p.Await(t.Context(), time.Now().Add(time.Minute)); !ended || err != nil {
		t.Errorf("after it was killed: ended %v, %v", ended, err)
	}
	_ = cmd.Wait()
	if _, err := pidfd.Open(cmd.Process.Pid); err == nil {
		t.Error("a process that is gone can be opened")
	}
	if err := p.Signal(unix.SIGKILL); err == nil {
		t.Error("a process that is gone can be signalled")
	}
}
