package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"souk/internal/cli/config"
	"souk/services/all"
)

// terminal runs command lines against a server.
type terminal struct {
	t      *testing.T
	server *server
	dir    string
	env    map[string]string
	stdin  string
	ctx    context.Context
	exec   func(path string, argv, env []string) error
}

func newTerminal(t *testing.T) *terminal {
	s := newServer(t)
	h := &terminal{t: t, server: s, dir: t.TempDir(), ctx: t.Context()}
	h.env = map[string]string{"SOUK_CONFIG": filepath.Join(h.dir, "cli.yaml")}
	f := &config.File{Current: "acme"}
	f.Set(config.Context{Name: "acme", Server: s.URL, Organization: "acme", Project: "default", Token: token})
	f.Set(config.Context{Name: "globex", Server: s.URL, Organization: "globex", Project: "default", Token: "globex-token"})
	if err := f.Save(h.env["SOUK_CONFIG"]); err != nil {
		t.Fatal(err)
	}
	return h
}

// run carries out one command line.
func (h *terminal) run(args ...string) (code int, stdout, stderr string) {
	h.t.Helper()
	var out, errs bytes.Buffer
	root := newRoot(&App{
		Version: "1.2.3",
		In:      strings.NewReader(h.stdin),
		Out:     &out,
		Err:     &errs,
		Getenv:  func(key string) string { return h.env[key] },
		Environ: func() []string {
			var all []string
			for key, value := range h.env {
				all = append(all, key+"="+value)
			}
			return all
		},
		Now:     func() time.Time { return now },
		Clients: clients(all.Packages()),
		Exec:    h.exec,
		Pause:   time.Millisecond,
	}, NewClock)
	root.SetArgs(args)
	code = Run(h.ctx, root)
	return code, out.String(), errs.String()
}

// expect runs a command line that has to end with this code.
func (h *terminal) expect(code int, args ...string) (stdout, stderr string) {
	h.t.Helper()
	got, stdout, stderr := h.run(args...)
	if got != code {
		h.t.Fatalf("souk %s: exit code %d, want %d\nstdout: %s\nstderr: %s", strings.Join(args, " "), got, code, stdout, stderr)
	}
	return stdout, stderr
}

func (h *terminal) file(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

func has(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in:\n%s", part, text)
		}
	}
}

func same(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.TrimPrefix(want, "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestMisuse(t *testing.T) {
	tests := map[string]string{
		"ordr":                               `unknown command "ordr"`,
		"context":                            "list, use",
		"context foo":                        `unknown command "foo"`,
		"binding foo":                        "create, list, revoke, rotate",
		"order postgresql":                   "it is souk order SERVICE NAME",
		"order postgresql db1 x":             "it is souk order SERVICE NAME",
		"get":                                "it is souk get KIND [NAME]",
		"get instances --colour":             "unknown flag",
		"get instances -o xml":               "table, json, yaml, name",
		"get instances -l app":               "key=value",
		"get zones -l app=x":                 "instances only",
		"get zones -w":                       "-w watches",
		"get thing db1":                      `unknown kind "thing"`,
		"get thing/db1":                      `unknown kind "thing"`,
		"get instance/db1 db2":               "not both",
		"get instance/":                      "empty",
		"get bindings":                       "bindings of which instance",
		"get quota x":                        "takes no name",
		"get events db1 --limit -1":          "negative",
		"describe instances":                 "describe which instance",
		"delete":                             "KIND NAME",
		"delete token t1":                    "souk token revoke",
		"delete zone z":                      "cannot be deleted",
		"delete db1 -f x.yaml":               "not both",
		"apply":                              "filename",
		"login --email a@b --server nowhere": "--server",
		"member add a@b":                     "role",
		"token create t --role viewer --expires-in-days 0": "between 1 and 366",
		"update db1": "nothing to change",
		"update db1 --allow none --allow 10.0.0.0/8": "none",
		"update db1 --label x":                       "key=value",
		"update db1 --set work_mem":                  "name=value",
		"update db1 --set spec.colour=red":           "no field colour",
		"update db1 --set spec.storageGiB=big":       "integer",
		"update db1 --timeout soon":                  "timeout",
		"logs db1 --tail 0":                          "at least 1",
		"logs service/db1":                           "not an instance",
		"get instances --context nope":               "acme, globex",
		"context use nope":                           "acme, globex",
		"clock advance yesterday":                    "168h",
		"clock advance -- -1h":                       "forward",
		"connect db1 -c select":                      "unknown shorthand flag",
		"connect db1 select":                         "souk connect db1 -- select",
	}
	h := newTerminal(t)
	for line, want := range tests {
		stdout, stderr := h.expect(exitMisuse, strings.Fields(line)...)
		has(t, stderr, want, "See: souk")
		if stdout != "" {
			t.Errorf("%s: stdout %q", line, stdout)
		}
	}
	if len(h.server.sent("POST"))+len(h.server.sent("PATCH"))+len(h.server.sent("DELETE")) > 0 {
		t.Error("misuse reached the server")
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	h := newTerminal(t)
	_, stderr := h.expect(exitFailed, "get", "nothere")
	same(t, stderr, "souk: There is no instance named \"nothere\" here, or you may not see it.\n")

	_, stderr = h.expect(exitFailed, "order", "postgresql", "db1", "--plan", "huge")
	same(t, stderr, "souk: The request cannot be carried out as it is.\n  spec.plan: there is no plan huge\n")

	h.env["SOUK_TOKEN"] = "expired"
	_, stderr = h.expect(exitFailed, "get", "instances")
	has(t, stderr, "SOUK_TOKEN is not valid")

	h.env["SOUK_TOKEN"] = ""
	h.env["SOUK_SERVER"] = "http://" + h.server.Listener.Addr().String() + "/" // the same server
	h.expect(exitDone, "get", "instances")

	h.server.Close()
	_, stderr = h.expect(exitFailed, "get", "instances", "--timeout", "20ms")
	has(t, stderr, "cannot reach "+h.server.URL, "souk dev", "souk context list")
}

func TestWithoutAnyServer(t *testing.T) {
	h := newTerminal(t)
	h.env["SOUK_CONFIG"] = filepath.Join(h.dir, "none.yaml")
	_, stderr := h.expect(exitFailed, "get", "instances")
	has(t, stderr, "souk login", "souk dev")
}

func TestTokensStayWithTheirServer(t *testing.T) {
	h := newTerminal(t)
	other := newServer(t)
	h.env["SOUK_SERVER"] = other.URL
	h.expect(exitFailed, "get", "instances", "--organization", "acme")
	for _, r := range other.requests {
		if r.token != "" {
			t.Errorf("%s %s was sent a token of another server", r.method, r.path)
		}
	}
}

func TestEnvironmentAndFlagsOverrideTheContext(t *testing.T) {
	h := newTerminal(t)
	h.env["SOUK_ORGANIZATION"], h.env["SOUK_PROJECT"], h.env["SOUK_TOKEN"] = "envorg", "envproject", "envtoken"
	h.run("get", "instances")
	h.run("get", "instances", "--organization", "flagorg", "--project", "flagproject", "--context", "globex")
	got := h.server.sent("GET")
	if got[0].path != "/organizations/envorg/projects/envproject/instances" || got[0].token != "envtoken" {
		t.Errorf("%+v", got[0])
	}
	if got[1].path != "/organizations/flagorg/projects/flagproject/instances" || got[1].token != "envtoken" {
		t.Errorf("%+v", got[1])
	}
}

func TestWhatOthersWroteCannotSteerTheTerminal(t *testing.T) {
	for text, want := range map[string]string{
		"a\x1b[31mb": "a [31mb", "a\nb": "a b", "a\u202eb": "ab", "déjà": "déjà",
	} {
		if got := plain(text, false); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
