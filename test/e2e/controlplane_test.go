//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The control plane is installed in a cluster, gets its first operator, and is
// upgraded while people work: no request of theirs fails.
func TestControlPlaneIsInstalledAndUpgraded(t *testing.T) {
	if os.Getenv("SOUK_TESTBED") == "" {
		t.Skip("needs the test bed's registry and addresses")
	}
	n := newNamespace(t, "e2e-control")
	helm := helmOf(t)
	chart := func(args ...string) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), helm, append(args, "--namespace", n.name)...).CombinedOutput()
		if err != nil {
			t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	charts, values := path(t, "../../deploy/charts/souk"), filepath.Join(t.TempDir(), "values.yaml")
	text := `
publicURL: http://souk.testbed
image: {repository: registry.testbed/souk, tag: e2e-old}
record: {instances: 1, image: "registry.testbed/postgresql:15", storage: {size: 1Gi}, resources: {requests: {cpu: 50m, memory: 128Mi}, limits: {memory: 384Mi}}}
resources: {requests: {cpu: 20m, memory: 64Mi}, limits: {memory: 256Mi}}
`
	if err := os.WriteFile(values, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"old", "new"} {
		pushSouk(t, version)
	}

	chart("install", "souk", charts, "--values", values)
	n.run("rollout", "status", "deployment/souk", "--timeout=300s")
	password := n.run("exec", "deployment/souk", "--", "/souk", "bootstrap", "--config", "/etc/souk/serve.yaml", "--email", "ann@operator.example")
	if again := n.run("exec", "deployment/souk", "--", "/souk", "bootstrap", "--config", "/etc/souk/serve.yaml", "--email", "bob@operator.example"); len(password) < 20 || again != "" {
		t.Errorf("the first operator's password has %d letters; the second time it says %q", len(password), again)
	}
	if nodes := nodeCount(n); nodes > 1 {
		if on := strings.Fields(n.run("get", "pods", "-l", "app.kubernetes.io/component=control-plane", "-o", "jsonpath={.items[*].spec.nodeName}")); len(on) != 2 || on[0] == on[1] {
			t.Errorf("the replicas run on %v", on)
		}
	}
	base := "http://" + n.run("get", "service", "souk", "-o", "jsonpath={.spec.clusterIP}")
	metrics := n.run("get", "endpointslices", "-l", "kubernetes.io/service-name=souk-metrics", "-o", "jsonpath={.items[0].endpoints[0].addresses[0]}")
	if body := ask(t, http.DefaultClient, "GET", "http://"+metrics+":9090/metrics", "", ""); !strings.Contains(body, "souk_record_connections") {
		t.Error("the metrics do not tell of the record")
	}
	login := ask(t, http.DefaultClient, "POST", base+"/api/v1/login", "", `{"email":"ann@operator.example","password":"`+password+`"}`)
	_, rest, _ := strings.Cut(login, `"token":"`)
	token, _, _ := strings.Cut(rest, `"`)

	stop := work(t, base, token)
	revision := version(t, base)
	chart("upgrade", "souk", charts, "--values", values, "--set", "image.tag=e2e-new", "--wait", "--timeout", "5m")
	n.run("rollout", "status", "deployment/souk", "--timeout=300s")
	// The old ones end after the new ones answer.
	for count := ""; count != "2"; {
		count = fmt.Sprint(len(strings.Fields(n.run("get", "pods", "-l", "app.kubernetes.io/component=control-plane", "-o", "name"))))
		if t.Context().Err() != nil {
			t.Fatal("the old replicas do not end")
		}
	}
	asked, failed := stop()
	t.Logf("%d requests during the upgrade", asked)
	for _, f := range failed {
		t.Error(f)
	}
	if asked < 200 {
		t.Errorf("only %d requests were made", asked)
	}
	if now := version(t, base); revision != "e2e-old" || now != "e2e-new" {
		t.Errorf("it ran %s and runs %s", revision, now)
	}
	chart("uninstall", "souk", "--wait")
	for _, kept := range []string{"secret/souk-keyring", "cluster.postgresql.cnpg.io/souk-record"} {
		n.run("get", kept)
	}
}

// work asks every 50 ms in two ways, once with a new connection each and once over
// one that is kept, until the function returned is called, which tells what failed.
func work(t *testing.T, base, token string) (stop func() (asked int, failed []string)) {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	var mu sync.Mutex
	var all sync.WaitGroup
	var count int
	var wrong []string
	for _, c := range []struct {
		name, method, path, body string
		client                   *http.Client
	}{
		{"reading, each time anew", "GET", "/api/v1/organizations/operator", "", &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}},
		{"writing, over one connection", "PATCH", "/api/v1/account", `{"name":"Ann"}`, &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConns: 1}}},
	} {
		all.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case at := <-tick.C:
					status, text, err := request(c.client, c.method, base+c.path, token, c.body)
					mu.Lock()
					if count++; err != nil || status >= 300 {
						wrong = append(wrong, fmt.Sprintf("%s at %s: %d %v %s", c.name, at.Format("15:04:05.000"), status, err, text))
					}
					mu.Unlock()
				}
			}
		})
	}
	return func() (int, []string) {
		cancel()
		all.Wait()
		return count, wrong
	}
}

func request(client *http.Client, method, url, token, body string) (int, string, error) {
	r, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		r.Header.Set("Content-Type", "application/merge-patch+json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

// ask returns the body of an answer that is good.
func ask(t *testing.T, client *http.Client, method, url, token, body string) string {
	t.Helper()
	status, text, err := request(client, method, url, token, body)
	if err != nil || status >= 300 {
		t.Fatalf("%s %s: %d %v %s", method, url, status, err, text)
	}
	return text
}

func version(t *testing.T, base string) string {
	t.Helper()
	_, rest, _ := strings.Cut(ask(t, http.DefaultClient, "GET", base+"/api/v1/version", "", ""), `"version":"`)
	found, _, _ := strings.Cut(rest, `"`)
	return found
}

// helmOf builds helm, once, and returns where it is.
func helmOf(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "tool", "-n", "helm")
	cmd.Dir = path(t, "../testbed/build/helm")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// pushSouk builds this source's souk as the version, and puts its image in the bed's
// registry.
func pushSouk(t *testing.T, version string) {
	t.Helper()
	dir := t.TempDir()
	program, image := filepath.Join(dir, "souk"), filepath.Join(dir, "souk.oci.tar")
	for _, args := range [][]string{
		{"go", "build", "-C", path(t, "../.."), "-trimpath", "-buildvcs=false", "-ldflags", "-X main.version=e2e-" + version, "-o", program, "./cmd/souk"},
		{"go", "run", "-C", path(t, "../../deploy/image"), ".", "build", "-program", program, "-version", "e2e-" + version, "-out", image},
		{filepath.Join(os.Getenv("SOUK_TESTBED"), "push-image"), image, "souk:e2e-" + version},
	} {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

func path(t *testing.T, relative string) string {
	t.Helper()
	whole, err := filepath.Abs(relative)
	if err != nil {
		t.Fatal(err)
	}
	return whole
}
