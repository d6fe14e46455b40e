package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/cli/config"
)

func (h *terminal) config() *config.File {
	h.t.Helper()
	f, err := config.Load(h.env["SOUK_CONFIG"])
	if err != nil {
		h.t.Fatal(err)
	}
	return f
}

func TestLogin(t *testing.T) {
	h := newTerminal(t)
	h.env["SOUK_CONFIG"] = filepath.Join(h.dir, "new", "config.yaml")
	h.stdin = "hunter2\nnot this line\n"
	h.server.replies["POST /login"] = api.LoginResponse{
		Token: "session", ExpiresAt: now.Add(12 * time.Hour), Email: "ann@acme.example", Organizations: []api.WhoamiOrg{{Name: "acme"}, {Name: "globex"}},
	}
	stdout, stderr := h.expect(exitDone, "login", "--email", "ann@acme.example", "--server", h.server.URL+"/")
	if stdout != "" || strings.Contains(stderr, "session") || strings.Contains(stderr, "hunter2") {
		t.Errorf("printed %q, %q", stdout, stderr)
	}
	same(t, h.server.requests[0].body, `{"email":"ann@acme.example","password":"hunter2"}`)
	f := h.config()
	if c, _ := f.Context("acme"); f.Current != "acme" || c != (config.Context{Name: "acme", Server: h.server.URL, Organization: "acme", Project: "default", Token: "session"}) {
		t.Errorf("%+v", f)
	}
	if info, _ := os.Stat(h.env["SOUK_CONFIG"]); info.Mode().Perm() != 0o600 {
		t.Errorf("the configuration has mode %o", info.Mode().Perm())
	}

	h.stdin = "hunter2"
	h.expect(exitDone, "login", "--email", "ann@acme.example", "--organization", "globex", "--context", "work", "--project", "shop")
	if c, _ := h.config().Context("work"); c.Organization != "globex" || c.Project != "shop" || c.Server != h.server.URL {
		t.Errorf("%+v", c)
	}
	h.stdin = "hunter2"
	_, stderr = h.expect(exitFailed, "login", "--email", "ann@acme.example", "--organization", "other")
	has(t, stderr, "not a member of other")
}

func TestLoginDoesNotTakeAnotherServersPlace(t *testing.T) {
	h := newTerminal(t)
	other := newServer(t)
	other.replies["POST /login"] = api.LoginResponse{Token: "t", Organizations: []api.WhoamiOrg{{Name: "acme"}}}
	h.stdin = "pw\n"
	h.expect(exitDone, "login", "--email", "a@b", "--server", other.URL)
	f := h.config()
	if c, _ := f.Context("acme"); c.Token != token || f.Current != "acme@"+strings.TrimPrefix(other.URL, "http://") {
		t.Errorf("%+v", f)
	}
}

func TestLoginRefused(t *testing.T) {
	h := newTerminal(t)
	h.stdin = "wrong\n"
	h.server.replies["POST /login"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, 401, "The e-mail address or the password is wrong.")
	})
	_, stderr := h.expect(exitFailed, "login", "--email", "a@b")
	same(t, stderr, "souk: The e-mail address or the password is wrong.\n")
	h.stdin = ""
	_, stderr = h.expect(exitFailed, "login", "--email", "a@b")
	has(t, stderr, "no password was given")
}

// secondFactor has the server ask for the code 123456.
func (h *terminal) secondFactor() {
	h.server.replies["POST /login"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		sent := h.server.requests[len(h.server.requests)-1].body
		if strings.Contains(sent, `"code":"123456"`) {
			answer(w, 200, api.LoginResponse{Token: "session", Email: "ann@acme.example", Organizations: []api.WhoamiOrg{{Name: "acme"}}})
			return
		}
		code := "second-factor-required"
		if strings.Contains(sent, `"code"`) {
			code = "second-factor-wrong"
		}
		refusedWith(401, code)(w, nil)
	})
}

func TestLoginWithASecondFactor(t *testing.T) {
	for _, c := range []struct {
		stdin string
		code  int
		says  string
		tries int
	}{
		{"hunter2\n123456\n", exitDone, "Signed in as ann@acme.example", 2},
		{"hunter2\r\n123456", exitDone, "Signed in as ann@acme.example", 2},
		{"hunter2\n654321\n", exitFailed, "souk: It is second-factor-wrong.\n", 2},
		{"hunter2\n", exitFailed, "second line from standard input", 1},
		{"", exitFailed, "no password was given", 0},
	} {
		h := newTerminal(t)
		h.secondFactor()
		h.stdin = c.stdin
		_, stderr := h.expect(c.code, "login", "--email", "ann@acme.example")
		has(t, stderr, c.says)
		if tries := len(h.server.sent("POST")); tries != c.tries {
			t.Errorf("%q: %d tries, want %d", c.stdin, tries, c.tries)
		}
		if strings.Contains(stderr, "hunter2") || strings.Contains(stderr, "123456") {
			t.Errorf("it shows what was typed: %s", stderr)
		}
	}
}

// deviceReplies has the server answer requests for the session in this order.
func (h *terminal) deviceReplies(answers ...http.HandlerFunc) {
	h.server.replies["POST /device"] = api.DeviceCodes{
		DeviceCode: "soukdevice_x", UserCode: "WDJB-MJHT", VerificationURI: "https://souk.example/device",
		VerificationURIComplete: "https://souk.example/device?code=WDJB-MJHT", ExpiresIn: 600, Interval: 5,
	}
	h.server.replies["POST /device/token"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		next(w, r)
	})
}

func refusedWith(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"code": "` + code + `", "detail": "It is ` + code + `."}`))
	}
}

func TestLoginElsewhere(t *testing.T) {
	h := newTerminal(t)
	h.env["SOUK_CONFIG"] = filepath.Join(h.dir, "config.yaml")
	h.deviceReplies(refusedWith(400, "authorization-pending"), refusedWith(400, "slow-down"), func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, api.LoginResponse{Token: "session", ExpiresAt: now.Add(12 * time.Hour), Email: "ann@acme.example", Organizations: []api.WhoamiOrg{{Name: "acme"}}})
	})
	stdout, stderr := h.expect(exitDone, "login", "--server", h.server.URL)
	same(t, stderr, `
Open this page in a browser, on any machine, and compare the code:
  https://souk.example/device?code=WDJB-MJHT
  code WDJB-MJHT
Waiting for you to approve it there, for at most 10 minutes …
Signed in as ann@acme.example until 2026-11-22 00:00:00 UTC.
Context acme is current: organization acme, project default, at `+h.server.URL+`.
`)
	if stdout != "" {
		t.Errorf("printed %q", stdout)
	}
	if c, _ := h.config().Context("acme"); c.Token != "session" || c.Organization != "acme" {
		t.Errorf("%+v", c)
	}
	sent := h.server.sent("POST")
	if len(sent) != 4 || !strings.HasPrefix(sent[0].body, `{"client":"souk CLI on `) || sent[3].body != `{"deviceCode":"soukdevice_x"}` {
		t.Errorf("%+v", sent)
	}
}

func TestLoginElsewhereRefused(t *testing.T) {
	for _, code := range []string{"access-denied", "expired-token"} {
		h := newTerminal(t)
		h.deviceReplies(refusedWith(400, "authorization-pending"), refusedWith(400, code))
		_, stderr := h.expect(exitFailed, "login")
		has(t, stderr, "souk: It is "+code+".")
	}
	h := newTerminal(t)
	h.deviceReplies(refusedWith(400, "authorization-pending"))
	_, stderr := h.expect(exitFailed, "login", "--timeout", "100ms")
	has(t, stderr, "souk: nobody approved the code in time")
	if acme, _ := h.config().Context("acme"); acme.Token != token {
		t.Error("the context that there was is changed")
	}
}

func TestLogout(t *testing.T) {
	h := newTerminal(t)
	h.server.replies["POST /logout"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	h.expect(exitDone, "logout")
	f := h.config()
	if acme, _ := f.Context("acme"); acme.Token != "" {
		t.Error("the token is still there")
	}
	if globex, _ := f.Context("globex"); globex.Token == "" {
		t.Error("another context lost its token")
	}
	if r := h.server.sent("POST")[0]; r.token != token {
		t.Errorf("%+v", r)
	}
	_, stderr := h.expect(exitDone, "logout")
	has(t, stderr, "not signed in")
}

func TestLogoutThatCouldNotBeToldKeepsTheToken(t *testing.T) {
	h := newTerminal(t)
	h.server.replies["POST /logout"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { refuse(w, 500, "No.") })
	h.expect(exitFailed, "logout")
	if acme, _ := h.config().Context("acme"); acme.Token == "" {
		t.Error("a session that still exists was forgotten")
	}
}

func TestWhoami(t *testing.T) {
	h := newTerminal(t)
	h.server.replies["GET /whoami"] = api.Whoami{Kind: "token", Actor: "ci", ExpiresAt: now,
		Organizations: []api.WhoamiOrg{{Name: "acme", Role: api.RoleOwner}, {Name: "globex", Role: api.RoleViewer, Projects: []string{"shop"}}}}
	stdout, _ := h.expect(exitDone, "whoami")
	same(t, stdout, `
Actor:        ci (token)
Valid until:  2026-11-21 12:00:00 UTC
Server:       `+h.server.URL+`
Acting in:    acme/default

ORGANIZATION  ROLE    PROJECTS
acme          owner   all
globex        viewer  shop
`)
}

func TestTheOnlyOrganizationNeedsNoNaming(t *testing.T) {
	h := newTerminal(t)
	f := h.config()
	f.Set(config.Context{Name: "acme", Server: h.server.URL, Token: token})
	if err := f.Save(h.env["SOUK_CONFIG"]); err != nil {
		t.Fatal(err)
	}
	h.server.replies["GET /whoami"] = api.Whoami{Organizations: []api.WhoamiOrg{{Name: "acme"}}}
	h.expect(exitDone, "get", "instances")
	h.server.replies["GET /whoami"] = api.Whoami{Organizations: []api.WhoamiOrg{{Name: "acme"}, {Name: "globex"}}}
	_, stderr := h.expect(exitMisuse, "get", "instances")
	has(t, stderr, "--organization", "acme, globex")
}

func TestContexts(t *testing.T) {
	h := newTerminal(t)
	h.expect(exitDone, "context", "use", "globex")
	stdout, _ := h.expect(exitDone, "context", "list")
	for _, line := range strings.Split(stdout, "\n") {
		if strings.HasPrefix(line, "*") != strings.Contains(line, "globex") {
			t.Errorf("the wrong context is marked: %s", line)
		}
	}
	for _, format := range []string{"table", "json", "yaml", "name"} {
		stdout, stderr := h.expect(exitDone, "context", "list", "-o", format)
		if strings.Contains(stdout+stderr, "-token") {
			t.Errorf("-o %s shows a token", format)
		}
	}
}
