package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"souk/api"
)

func TestTokens(t *testing.T) {
	h := newTerminal(t)
	made := api.Token{ID: "t1", Name: "ci", Role: api.RoleEditor, ExpiresAt: now.Add(time.Hour), Secret: "souk_secret"}
	h.server.replies["POST /organizations/acme/tokens"] = made
	stdout, stderr := h.expect(exitDone, "token", "create", "ci", "--role", "editor", "--project", "shop")
	same(t, stdout, "souk_secret\n")
	has(t, stderr, "shown this once")
	same(t, h.server.sent("POST")[0].body, `{"name":"ci","role":"editor","project":"shop","expiresInDays":90}`)

	path := filepath.Join(h.dir, "token")
	stdout, stderr = h.expect(exitDone, "token", "create", "ci", "--role", "editor", "--token-file", path)
	text, _ := os.ReadFile(path)
	info, _ := os.Stat(path)
	if stdout != "" || strings.Contains(stderr, "souk_secret") || string(text) != "souk_secret\n" || info.Mode().Perm() != 0o600 {
		t.Errorf("%q, %q, %q, %v", stdout, stderr, text, info.Mode())
	}
	same(t, h.server.sent("POST")[1].body, `{"name":"ci","role":"editor","expiresInDays":90}`)

	made.Secret = ""
	h.server.replies["POST /organizations/acme/tokens"] = made
	_, stderr = h.expect(exitFailed, "token", "create", "ci", "--role", "editor")
	has(t, stderr, "souk token revoke t1")

	h.server.replies["GET /organizations/acme/tokens"] = api.List[api.Token]{Items: []api.Token{
		{ID: "t0", Name: "ci", RevokedAt: &now}, {ID: "t1", Name: "ci", ExpiresAt: now}, {ID: "t2", Name: "twin"}, {ID: "t3", Name: "twin"},
	}}
	h.server.replies["DELETE /organizations/acme/tokens/t1"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	stdout, _ = h.expect(exitDone, "token", "revoke", "ci")
	same(t, stdout, "token/ci revoked\n")
	_, stderr = h.expect(exitFailed, "token", "revoke", "twin")
	has(t, stderr, "several tokens")
	_, stderr = h.expect(exitFailed, "token", "revoke", "none")
	has(t, stderr, "no token none")
}

func TestMembers(t *testing.T) {
	h := newTerminal(t)
	h.server.replies["PUT /organizations/acme/members"] = api.Member{Email: "ann@acme.example", Role: api.RoleEditor, Project: "shop"}
	stdout, _ := h.expect(exitDone, "member", "add", "ann@acme.example", "--role", "editor", "--project", "shop")
	same(t, stdout, "member/ann@acme.example is editor in acme/shop\n")
	h.server.replies["POST /organizations/acme/invitations"] = api.Invitation{Email: "bob@acme.example", Role: api.RoleViewer}
	stdout, _ = h.expect(exitDone, "member", "invite", "bob@acme.example", "--role", "viewer")
	same(t, stdout, "invitation/bob@acme.example to be viewer in acme is on its way\n")
	h.server.replies["GET /organizations/acme/invitations"] = api.List[api.Invitation]{Items: []api.Invitation{{ID: "i1", Email: "bob@acme.example", Role: api.RoleViewer, CreatedBy: "ann@acme.example"}}}
	stdout, _ = h.expect(exitDone, "get", "invitations")
	has(t, stdout, "bob@acme.example")
	has(t, stdout, "ann@acme.example")
	h.server.replies["DELETE /organizations/acme/invitations/i1"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	stdout, _ = h.expect(exitDone, "member", "uninvite", "Bob@acme.example")
	same(t, stdout, "invitation/Bob@acme.example taken back\n")
	_, stderr := h.expect(exitFailed, "member", "uninvite", "eve@acme.example")
	has(t, stderr, "nobody with the address")
	h.server.replies["GET /organizations/acme/members"] = api.List[api.Member]{Items: []api.Member{
		{ID: "m1", Email: "ann@acme.example"}, {ID: "m2", Email: "ann@acme.example", Project: "shop"},
	}}
	_, stderr = h.expect(exitMisuse, "member", "remove", "Ann@acme.example")
	has(t, stderr, "several roles")
	h.server.replies["DELETE /organizations/acme/members/m2"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	stdout, _ = h.expect(exitDone, "member", "remove", "ann@acme.example", "--project", "shop")
	same(t, stdout, "member/ann@acme.example removed from acme/shop\n")
}

func TestProjects(t *testing.T) {
	h := newTerminal(t)
	h.server.replies["POST /organizations/acme/projects"] = api.Project{Metadata: api.Metadata{Name: "shop"}}
	stdout, _ := h.expect(exitDone, "project", "create", "shop", "--display-name", "The shop")
	same(t, stdout, "project/shop created\n")
	h.server.replies["DELETE /organizations/acme/projects/shop"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	h.expect(exitDone, "project", "delete", "shop")
	h.expect(exitDone, "delete", "project", "shop")
	h.expect(exitDone, "delete", "project/shop")
}

func TestBindings(t *testing.T) {
	h := newTerminal(t)
	at := now.Add(-time.Hour)
	path := "/organizations/acme/projects/default/instances/db1/bindings"
	b := api.Binding{Metadata: api.Metadata{Name: "reporting", CreatedAt: at}, Login: "u2", Phase: "Rotating", OldUntil: &now}
	h.server.replies["POST "+path] = b
	stdout, stderr := h.expect(exitDone, "binding", "create", "db1", "reporting")
	same(t, stdout, "binding/reporting created\n")
	has(t, stderr, "souk credentials db1 --binding reporting")
	h.server.replies["GET "+path] = api.List[api.Binding]{Items: []api.Binding{b}}
	for _, line := range []string{"binding list db1", "get bindings db1", "get bindings/db1"} {
		stdout, _ = h.expect(exitDone, strings.Fields(line)...)
		same(t, stdout, `
NAME       LOGIN  PHASE     OLD LOGIN UNTIL          AGE
reporting  u2     Rotating  2026-11-21 12:00:00 UTC  60m
`)
	}
	h.server.replies["POST "+path+"/reporting/rotate"] = b
	_, stderr = h.expect(exitDone, "binding", "rotate", "db1", "reporting", "--overlap", "0")
	has(t, stderr, "works until 2026-11-21")
	same(t, h.server.sent("POST")[1].body, `{"overlapSeconds":0}`)
	h.server.replies["DELETE "+path+"/reporting"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	stdout, _ = h.expect(exitDone, "binding", "revoke", "db1", "reporting")
	same(t, stdout, "binding/reporting revoked\n")
}

func TestBindingWait(t *testing.T) {
	h := newTerminal(t)
	h.expect(exitDone, "order", "postgresql", "db1")
	path := "/organizations/acme/projects/default/instances/db1/bindings"
	pending := api.Binding{Metadata: api.Metadata{Name: "reporting"}, Instance: "db1", Login: "reporting_2", Phase: "Pending"}
	ready := pending
	ready.Phase = "Ready"
	h.server.replies["GET "+path+"/reporting"] = ready
	for _, c := range []struct{ verb, path string }{{"create", path}, {"rotate", path + "/reporting/rotate"}} {
		h.server.replies["POST "+c.path] = pending
		stdout, _ := h.expect(exitDone, "binding", c.verb, "db1", "reporting", "-o", "yaml")
		has(t, stdout, "phase: Pending")
		stdout, _ = h.expect(exitDone, "binding", c.verb, "db1", "reporting", "--wait", "-o", "yaml")
		has(t, stdout, "phase: Ready")
	}
}

func TestLogs(t *testing.T) {
	h := newTerminal(t)
	h.server.replies["GET /organizations/acme/projects/default/instances/db1/logs"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte("one\ntwo\n"))
	})
	stdout, _ := h.expect(exitDone, "logs", "db1", "--tail", "2")
	same(t, stdout, "one\ntwo\n")
	has(t, h.server.requests[0].query, "tail=2")
	stdout, stderr := h.expect(exitFailed, "logs", "db1", "-f")
	same(t, stdout, "one\ntwo\n")
	has(t, stderr, "broke off")
}

func TestZoneEnrol(t *testing.T) {
	h := newTerminal(t)
	h.server.replies["POST /operator/zones/geneva/enrol"] = api.ZoneEnrolment{Zone: "geneva", Token: "once", Server: "https://souk.example:8443", CA: "PEM\n", ExpiresAt: now}
	stdout, stderr := h.expect(exitDone, "zone", "enrol", "geneva")
	same(t, stdout, "once\n")
	has(t, stderr, "PEM", "server: https://souk.example:8443", "valid until")

	tokenFile, caFile := filepath.Join(h.dir, "token"), filepath.Join(h.dir, "ca.pem")
	stdout, stderr = h.expect(exitDone, "zone", "enrol", "geneva", "--token-file", tokenFile, "--ca-file", caFile)
	same(t, stdout, "dataDir: /var/lib/souk/geneva\nenrolTokenFile: "+tokenFile+"\nserver: https://souk.example:8443\nserverCAFile: "+caFile+"\n")
	if strings.Contains(stdout+stderr, "once") {
		t.Error("the token was printed")
	}
	if info, _ := os.Stat(tokenFile); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
}

func TestZoneEnrolOfACluster(t *testing.T) {
	h := newTerminal(t)
	enrolment := api.ZoneEnrolment{Zone: "geneva", Token: "once", Server: "https://souk.example:8443", CA: "-----BEGIN CERTIFICATE-----\n", Image: "registry.example/souk:v1", ExpiresAt: now}
	h.server.replies["POST /operator/zones/geneva/enrol"] = enrolment

	values, driver := filepath.Join(h.dir, "zone values.yaml"), filepath.Join(h.dir, "driver.yaml")
	stdout, stderr := h.expect(exitDone, "zone", "enrol", "geneva", "--values", values)
	same(t, stdout, "helm upgrade --install souk-agent deploy/charts/souk-agent --namespace souk-system --create-namespace --values '"+values+"'\n")
	has(t, stderr, "valid until")
	if strings.Contains(stdout+stderr, "once") {
		t.Error("the token was printed")
	}
	if info, _ := os.Stat(values); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	written, _ := os.ReadFile(values)
	has(t, string(written), "token: once", "zone: geneva", "repository: registry.example/souk", "tag: v1")

	if err := os.WriteFile(driver, []byte("storageClass: fast\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, _ = h.expect(exitDone, "zone", "enrol", "geneva", "--manifest", "--image", "other.example/souk:v2", "--driver-config", driver)
	has(t, stdout, "kind: ValidatingAdmissionPolicy", "image: other.example/souk:v2", "storageClass: fast", "token: once")

	enrolment.Image = ""
	h.server.replies["POST /operator/zones/geneva/enrol"] = enrolment
	_, stderr = h.expect(exitMisuse, "zone", "enrol", "geneva", "--manifest")
	has(t, stderr, "--image REPOSITORY:TAG")
	h.expect(exitMisuse, "zone", "enrol", "geneva", "--manifest", "--values", values)
	h.expect(exitMisuse, "zone", "enrol", "geneva", "--manifest", "--token-file", values)
	_, stderr = h.expect(exitFailed, "zone", "enrol", "geneva", "--manifest", "--driver-config", filepath.Join(h.dir, "absent"))
	has(t, stderr, "absent")
}

func TestAuditSegments(t *testing.T) {
	h := newTerminal(t)
	audit := api.SegmentAudit{At: now, Instances: 2, Commands: 5, Facts: 9, Segments: 7, BackupSegments: 3, Seconds: "86400.5", Differences: []api.SegmentDifference{}}
	h.server.replies["GET /operator/audit/segments"] = audit
	stdout, _ := h.expect(exitDone, "audit", "segments")
	same(t, stdout, "Checked at 2026-11-21 12:00:00 UTC: 2 instances, 5 commands, 9 facts, 7 segments, 3 segments of backups, 86400.5 seconds accounted for.\nNo differences.\n")
	audit.Differences = []api.SegmentDifference{{Organization: "acme", Instance: "db1", InstanceID: "id1", Problem: "segment 2 begins late"}}
	h.server.replies["GET /operator/audit/segments"] = audit
	stdout, stderr := h.expect(exitFailed, "audit", "segments")
	has(t, stdout, "acme          db1       id1  segment 2 begins late")
	has(t, stderr, "1 billing chain")
}

func TestClock(t *testing.T) {
	h := newTerminal(t)
	h.server.replies["POST /operator/clock/advance"] = api.ClockStatus{Now: now, OffsetSeconds: 604800}
	stdout, _ := h.expect(exitDone, "clock", "advance", "168h")
	same(t, stdout, "Souk's clock says 2026-11-21 12:00:00 UTC, 168h0m0s ahead of real time\n")
	same(t, h.server.sent("POST")[0].body, `{"seconds":604800}`)
	h.server.replies["GET /operator/clock"] = api.ClockStatus{Now: now}
	h.expect(exitDone, "clock")
	h.expect(exitMisuse, "clock", "rewind")
}

func TestVersion(t *testing.T) {
	h := newTerminal(t)
	stdout, _ := h.expect(exitDone, "version")
	has(t, stdout, "souk 1.2.3 (go")
	h.server.replies["GET /version"] = api.Version{Version: "1.3.0", Go: "go1.26"}
	stdout, _ = h.expect(exitDone, "version", "--server")
	has(t, stdout, "server 1.3.0 (go1.26)")
}

func TestCompletion(t *testing.T) {
	h := newTerminal(t)
	h.server.instances["db1"] = instance("db1")
	h.server.instances["web"] = instance("web")
	h.server.replies["GET /zones"] = api.List[api.Zone]{Items: []api.Zone{{Metadata: api.Metadata{Name: "local"}}}}
	tests := map[string]string{
		"order ":                       "postgresql",
		"order postgresql db1 --plan ": "small medium",
		"update db1 --plan m":          "small medium",
		"order postgresql db1 --zone ": "local",
		"update d":                     "db1",
		"credentials ":                 "db1 web",
		"get instance ":                "db1 web",
		"get instance/w":               "instance/web",
		"get bindings ":                "db1 web",
		"get zo":                       "zones",
		"get db1 -o ":                  "table json yaml name",
		"context use ":                 "acme globex",
		"get instances --context g":    "globex",
	}
	for line, want := range tests {
		args := strings.Split(line, " ")
		stdout, _ := h.expect(exitDone, append([]string{"__complete"}, args...)...)
		got := strings.Fields(strings.Split(stdout, ":")[0])
		for _, word := range strings.Fields(want) {
			if strings.HasPrefix(word, args[len(args)-1]) && !strings.Contains(" "+strings.Join(got, " ")+" ", " "+word+" ") {
				t.Errorf("%q completes to %q, want %q", line, got, want)
			}
		}
	}
	h.server.Close()
	stdout, stderr := h.expect(exitDone, "__complete", "update", "")
	if strings.Contains(stdout+stderr, "cannot reach") {
		t.Errorf("a completion complains: %s%s", stdout, stderr)
	}
}
