package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"souk/api"
)

const credentialsPath = "POST /organizations/acme/projects/default/instances/db1/credentials"

// nasty is a password with all that a shell, a URI and an env file stumble on.
const nasty = `p'w"d $HOME $(id) \ ` + "`id`" + ` &;|<>*?[]{}~#!%20+=`

func nastyCredentials() api.Credentials {
	return api.Credentials{
		Service: "postgresql", Instance: "db1", Binding: "default", Login: "u1", Password: nasty,
		Endpoint: api.Endpoint{Host: "127.0.0.1", Port: 20001, Database: "db1", CA: "-----BEGIN CERTIFICATE-----\n"},
		URI:      "postgresql://u1:p%27w@127.0.0.1:20001/db1?application_name=x",
		Env: map[string]string{
			"PGHOST": "127.0.0.1", "PGPASSWORD": nasty, "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "{{CA_FILE}}",
			"POSTGRESQL_URL": "postgresql://u1:p@127.0.0.1:20001/db1?sslmode=verify-full&sslrootcert={{CA_FILE}}",
		},
	}
}

func TestCredentials(t *testing.T) {
	h := newTerminal(t)
	h.env["SOUK_CONFIG"] = strings.Replace(h.env["SOUK_CONFIG"], h.dir, linked(t, h.dir, "my files"), 1)
	ca := filepath.Join(filepath.Dir(h.env["SOUK_CONFIG"]), "ca", "acme-default-db1.pem")
	h.server.replies[credentialsPath] = nastyCredentials()

	stdout, _ := h.expect(exitDone, "credentials", "db1")
	has(t, stdout, "PGHOST=127.0.0.1\n", "PGPASSWORD="+nasty+"\n", "PGSSLROOTCERT="+ca+"\n",
		"sslrootcert="+strings.ReplaceAll(ca, " ", "%20")+"\n")

	stdout, _ = h.expect(exitDone, "credentials", "db1", "-o", "uri")
	same(t, stdout, "postgresql://u1:p%27w@127.0.0.1:20001/db1?application_name=x&sslmode=verify-full&sslrootcert="+strings.ReplaceAll(ca, " ", "%20")+"\n")

	stdout, _ = h.expect(exitDone, "credentials", "db1", "-o", "json")
	has(t, stdout, `"PGSSLROOTCERT": "`+ca+`"`)
	stdout, _ = h.expect(exitDone, "credentials", "db1", "-o", "yaml")
	has(t, stdout, "login: u1\n")

	info, err := os.Stat(ca)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info, err)
	}
	for _, r := range h.server.sent("POST") {
		if r.key != "" {
			t.Error("a reveal changes nothing and carries no key")
		}
	}
}

// linked gives a folder a second name.
func linked(t *testing.T, dir, name string) string {
	t.Helper()
	link := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	return link
}

func TestShellTakesTheCredentialsLiterally(t *testing.T) {
	h := newTerminal(t)
	h.server.replies[credentialsPath] = nastyCredentials()
	stdout, _ := h.expect(exitDone, "credentials", "db1", "-o", "shell")
	has(t, stdout, "export PGSSLMODE='verify-full'\n")
	out, err := exec.Command("sh", "-c", `eval "$1"; printf %s "$PGPASSWORD"`, "sh", stdout).Output()
	if err != nil || string(out) != nasty {
		t.Errorf("the shell read %q, %v; want %q", out, err, nasty)
	}
}

func TestCredentialsCannotSmuggleCommands(t *testing.T) {
	for _, name := range []string{"A;id", "A B", "$(id)", "", "1A", "A\nid"} {
		if _, err := environment(map[string]string{name: "x"}, true); err == nil {
			t.Errorf("%q was taken for a variable", name)
		}
	}
	if _, err := environment(map[string]string{"A": "x\nB=y"}, false); err == nil {
		t.Error("a line break went into an env file")
	}
}

func TestTheCAFileIsWrittenOnlyWhenItChanges(t *testing.T) {
	h := newTerminal(t)
	c := nastyCredentials()
	h.server.replies[credentialsPath] = c
	ca := filepath.Join(h.dir, "ca", "acme-default-db1.pem")
	h.expect(exitDone, "credentials", "db1")
	before, _ := os.Stat(ca)
	h.expect(exitDone, "credentials", "db1")
	if after, _ := os.Stat(ca); !os.SameFile(before, after) {
		t.Error("a file that says the same was replaced")
	}
	c.Endpoint.CA = "another"
	h.server.replies[credentialsPath] = c
	h.expect(exitDone, "credentials", "db1")
	if text, _ := os.ReadFile(ca); string(text) != "another" {
		t.Errorf("the file says %q", text)
	}
}

func TestNoTwoInstancesShareACAFile(t *testing.T) {
	seen := map[string]bool{}
	for _, names := range [][]string{{"a", "b-c", "d"}, {"a-b", "c", "d"}, {"a", "b", "c-d"}, {"a-", "b", "d"}, {"a--b", "c", "d"}} {
		file := caFile(slices.Clone(names)...)
		if seen[file] {
			t.Errorf("%v: %s is taken", names, file)
		}
		seen[file] = true
	}
}

func TestBindingCredentials(t *testing.T) {
	h := newTerminal(t)
	h.server.replies["POST /organizations/acme/projects/default/instances/db1/bindings/reporting/credentials"] = nastyCredentials()
	stdout, _ := h.expect(exitDone, "credentials", "db1", "--binding", "reporting")
	has(t, stdout, "PGHOST=127.0.0.1")
}

func TestConnect(t *testing.T) {
	h := newTerminal(t)
	h.server.replies[credentialsPath] = nastyCredentials()
	_, stderr := h.expect(exitFailed, "connect", "db1")
	has(t, stderr, "psql is not installed here", "apt install postgresql-client", "souk credentials db1")

	h.env["PATH"] = h.dir
	psql := h.file("psql", "#!/bin/sh\n")
	if err := os.Chmod(psql, 0o755); err != nil {
		t.Fatal(err)
	}
	h.env["PGHOST"], h.env["PGHOSTADDR"], h.env["PGSERVICE"], h.env["LANG"] = "elsewhere", "192.0.2.1", "x", "C"
	called := errors.New("called")
	h.exec = func(path string, argv, env []string) error {
		slices.Sort(env)
		if path != psql || !slices.Equal(argv, []string{"psql", "-c", "select 1"}) {
			t.Errorf("%s %q", path, argv)
		}
		all := "\n" + strings.Join(env, "\n") + "\n"
		has(t, all, "\nPGHOST=127.0.0.1\n", "\nPGPASSWORD="+nasty+"\n", "\nLANG=C\n")
		for _, other := range []string{"elsewhere", "PGHOSTADDR", "PGSERVICE"} {
			if strings.Contains(all, other) {
				t.Errorf("%s leads elsewhere", other)
			}
		}
		return called
	}
	_, stderr = h.expect(exitFailed, "connect", "db1", "--", "-c", "select 1")
	same(t, stderr, "souk: called\n")
}

func TestConnectFillsInWhatTheClientNeedsInItsArguments(t *testing.T) {
	h := newTerminal(t)
	h.server.replies[credentialsPath] = api.Credentials{
		Service: "redis", Instance: "db1", Binding: "default", Login: "u1", Password: nasty,
		Endpoint: api.Endpoint{Host: "127.0.0.1", Port: 20001, CA: "-----BEGIN CERTIFICATE-----\n"},
		URI:      "rediss://u1:p@127.0.0.1:20001/0", Env: map[string]string{"REDISCLI_AUTH": nasty},
	}
	h.env["PATH"] = h.dir
	if err := os.Chmod(h.file("redis-cli", "#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(filepath.Dir(h.env["SOUK_CONFIG"]), "ca", "acme-default-db1.pem")
	h.exec = func(_ string, argv, env []string) error {
		want := []string{"redis-cli", "--tls", "--cacert", ca, "-h", "127.0.0.1", "-p", "20001", "--user", "u1", "--no-auth-warning", "PING"}
		if !slices.Equal(argv, want) || !slices.Contains(env, "REDISCLI_AUTH="+nasty) {
			t.Errorf("%q", argv)
		}
		return nil
	}
	h.expect(exitDone, "connect", "db1", "--", "PING")
	stdout, _ := h.expect(exitDone, "credentials", "db1", "-o", "uri")
	same(t, stdout, "rediss://u1:p@127.0.0.1:20001/0\n")
}
