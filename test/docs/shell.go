//go:build docs

package docs

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shell is one bash, as a reader has it open while going through a page.
type shell struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	lines  chan string
	marker string
}

// within is how long one command may take.
const within = 90 * time.Second

// newShell starts bash in the folder, as the account given (nil: this one's).
func newShell(t *testing.T, dir string, env []string, as *syscall.Credential) *shell {
	t.Helper()
	out, back, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := &shell{cmd: exec.Command("bash", "--noprofile", "--norc"), lines: make(chan string, 4096), marker: "end-" + rand.Text()}
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = dir, back, back
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SOUK_") && !strings.HasPrefix(v, "PG") {
			s.cmd.Env = append(s.cmd.Env, v)
		}
	}
	s.cmd.Env = append(append(s.cmd.Env, "LC_ALL=C.UTF-8", "TZ=UTC", "PGCONNECT_TIMEOUT=10", "PAGER=cat"), env...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as}
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	back.Close()
	go func() {
		defer close(s.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s.lines <- lines.Text()
		}
	}()
	t.Cleanup(func() { // and whatever it left running in the background
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		_ = s.cmd.Wait()
		out.Close()
	})
	return s
}

// run carries out a command in the shell, keeps $? for the next, and returns
// what it printed on both streams.
func (s *shell) run(command string) (output []string, code int, err error) {
	text := fmt.Sprintf("(exit ${souk_status:-0})\n{ %s\n} </dev/null\nsouk_status=$?; printf '\\n%s %%d\\n' $souk_status\n", command, s.marker)
	if _, err := io.WriteString(s.in, text); err != nil {
		return nil, 0, err
	}
	late := time.After(within)
	for {
		select {
		case line, open := <-s.lines:
			if !open {
				return output, 0, fmt.Errorf("the shell has ended")
			}
			if rest, done := strings.CutPrefix(line, s.marker+" "); done {
				code, err := strconv.Atoi(rest)
				if n := len(output); n > 0 && output[n-1] == "" { // the marker's own
					output = output[:n-1]
				}
				return output, code, err
			}
			output = append(output, line)
		case <-late:
			return output, 0, fmt.Errorf("not done after %v", within)
		}
	}
}
