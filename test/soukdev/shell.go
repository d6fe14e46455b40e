package soukdev

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"souk/api"
)

// Sh runs a line in a shell that knows souk and its configuration.
func (s *Souk) Sh(line string) Result {
	s.t.Helper()
	cmd := exec.Command("bash", "-c", line)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SOUK_") && !strings.HasPrefix(v, "PG") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "PATH="+s.Bin+":"+os.Getenv("PATH"), "SOUK_CONFIG="+filepath.Join(s.DataDir, "cli.yaml"),
		"PGCONNECT_TIMEOUT=10", "LC_ALL=C.UTF-8")
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	began := time.Now()
	err := cmd.Run()
	r := Result{s.t, line, strings.TrimSpace(out.String()), strings.TrimSpace(problems.String()), cmd.ProcessState.ExitCode()}
	s.t.Logf("%s (%v) → %d\n%s%s", line, time.Since(began).Round(time.Millisecond), r.Code, withoutSecrets(r.Out), r.Problems)
	if err != nil && cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return r
}

// Psql runs SQL with what `souk credentials` prints, and nothing else.
func (s *Souk) Psql(name, sql string, settings ...string) Result {
	s.t.Helper()
	return s.Sh(fmt.Sprintf(`eval "$(souk credentials %s -o shell)"; %s psql -XAtqc "%s"`, name, strings.Join(settings, " "), sql))
}

// Instance reads one through the command line.
func (s *Souk) Instance(name string) api.Instance {
	s.t.Helper()
	var i api.Instance
	if err := json.Unmarshal([]byte(s.Sh("souk get instance "+name+" -o json").Done().Out), &i); err != nil {
		s.t.Fatal(err)
	}
	return i
}

// Result of a line in a shell.
type Result struct {
	t             testing.TB
	line          string
	Out, Problems string
	Code          int
}

// Done wants success and these words in what it printed.
func (r Result) Done(want ...string) Result {
	r.t.Helper()
	if r.Code != 0 {
		r.t.Fatalf("%s failed with %d:\n%s", r.line, r.Code, r.Problems)
	}
	for _, w := range want {
		if !strings.Contains(r.Out+"\n"+r.Problems, w) {
			r.t.Errorf("%s: printed\n%s\n%s\nwant %q", r.line, r.Out, r.Problems, w)
		}
	}
	return r
}

// Prints wants success and exactly this on standard output.
func (r Result) Prints(want string) {
	r.t.Helper()
	if r.Done(); r.Out != want {
		r.t.Errorf("%s: printed %q, want %q", r.line, r.Out, want)
	}
}

// Fails wants this exit code and these words on standard error.
func (r Result) Fails(code int, want ...string) {
	r.t.Helper()
	if r.Code != code {
		r.t.Errorf("%s: exit code %d, want %d", r.line, r.Code, code)
	}
	for _, w := range want {
		if !strings.Contains(strings.ToLower(r.Problems), w) {
			r.t.Errorf("%s: said %q, want %q", r.line, r.Problems, w)
		}
	}
}

// withoutSecrets keeps passwords out of the test's own log.
func withoutSecrets(text string) string {
	var kept strings.Builder
	for line := range strings.Lines(text + "\n") {
		if strings.Contains(strings.ToUpper(line), "PASSWORD") || strings.Contains(line, "://") {
			line = "(a line with a secret)\n"
		}
		kept.WriteString(line)
	}
	return kept.String()
}

// output is read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
