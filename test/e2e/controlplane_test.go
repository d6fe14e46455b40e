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
image: {repository: registry.testbed/souk, tag: e2e-old, pullPolicy: Always}
record: {instances: 1, image: "registry.testbed/postgresql:15", storage: {size: 1Gi}, resources: {requests: {cpu: 50m, memory: 128Mi}, limits: {memory: 384Mi}}}
resources: {requests: {cpu: 20m, memory: 64Mi}, limits: {memory: 256Mi}}
`
	if err := os.WriteFile(values, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	program := pushSouk(t, "old")
	pushSouk(t, "new")

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

	cli := &commandLine{t: t, program: program, dir: t.TempDir()}
	cli.run(password, "login", "--server", base, "--email", "ann@operator.example")
	joinZone(n, cli, helm)
	cli.run("", "order", "postgresql", "db1", "--zone", "e2e-control", "--wait", "--timeout", "5m")

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
	// The zone's agent is connected to one replica; every one has its logs.
	for range 6 {
		cli.run("", "logs", "db1", "--tail", "1", "--timeout", "1m")
	}
	if got := cli.run("", "get", "instance", "db1", "-o", "yaml"); !strings.Contains(got, "phase: Ready") {
		t.Errorf("after the upgrade: %s", got)
	}
	chart("uninstall", "souk", "--wait")
	for _, kept := range []string{"secret/souk-keyring", "cluster.postgresql.cnpg.io/souk-record"} {
		n.run("get", kept)
	}
}

// commandLine is souk as a person uses it.
type commandLine struct {
	t            *testing.T
	program, dir string
}

// run gives what is typed to souk, and returns what it prints.
func (c *commandLine) run(typed string, args ...string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), c.program, args...)
	cmd.Dir, cmd.Stdin = c.dir, strings.NewReader(typed)
	cmd.Env = append(os.Environ(), "SOUK_CONFIG="+filepath.Join(c.dir, "cli.yaml"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("souk %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// file writes a file into the folder that commands run in.
func (c *commandLine) file(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// joinZone makes the zone e2e-control, and runs the command that enrolment prints,
// with names of its own for what another zone of the cluster has too.
func joinZone(n *namespace, cli *commandLine, helm string) {
	const agent = "e2e-control-agent"
	n.t.Helper()
	cli.file("prices.yaml", `
currency: CHF
prices:
- {service: postgresql, plan: small, serviceLevel: best-effort, item: compute, unit: hour, amount: "0.03"}
- {service: postgresql, plan: medium, serviceLevel: best-effort, item: compute, unit: hour, amount: "0.05"}
- {service: postgresql, plan: large, serviceLevel: best-effort, item: compute, unit: hour, amount: "0.09"}
- {service: postgresql, serviceLevel: best-effort, item: storage, unit: GiB-month, amount: "0.20"}
`)
	cli.file("driver.yaml", `
simulatedDomains: true
expose: {type: NodePort, host: `+nodeAddresses(n)[0]+`}
engines: {postgresql: {image: "registry.testbed/postgresql:15", version: "15"}}
`)
	cli.run("", "provider", "create", "operator", "--of", "operator", "--kind", "operator")
	cli.run("", "zone", "create", "e2e-control", "--title", "In the cluster", "--provider", "operator", "--driver", "kubernetes", "--cpu", "8", "--memory-gib", "16", "--storage-gib", "50", "--instances", "5")
	cli.run("", "prices", "publish", "e2e", "-f", "prices.yaml")
	cli.run("", "zone", "offer", "e2e-control", "postgresql", "--service-level", "best-effort", "--price-list", "e2e")
	command := cli.run("", "zone", "enrol", "e2e-control", "--values", "values.yaml", "--driver-config", "driver.yaml", "--chart", path(n.t, "../../deploy/charts/souk-agent"))

	roleThere := !strings.Contains(n.try("get", "clusterrole", "souk-instance"), "NotFound")
	command = strings.Replace(command, "--namespace souk-system", "--namespace "+agent, 1) + fmt.Sprintf(" --set image.pullPolicy=Always --set clusterName=%s --set instanceRole.create=%v", agent, !roleThere)
	n.t.Cleanup(func() {
		_ = exec.Command(helm, "uninstall", "souk-agent", "--namespace", agent, "--wait").Run()
		n.run("delete", "namespace", "--ignore-not-found", "--wait=false", agent)
		n.run("delete", "namespace", "--wait=false", "-l", "souk/zone=e2e-control")
	})
	install := exec.CommandContext(n.t.Context(), "sh", "-c", command)
	install.Dir = cli.dir
	install.Env = append(os.Environ(), "PATH="+filepath.Dir(helm)+":"+os.Getenv("PATH"))
	if out, err := install.CombinedOutput(); err != nil {
		n.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	n.run("rollout", "status", "statefulset/souk-agent", "--namespace", agent, "--timeout=120s")
	for !strings.HasSuffix(cli.run("", "get", "zones"), "yes") { // reachable
		if n.t.Context().Err() != nil {
			n.t.Fatal("the zone is not reachable")
		}
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
// registry; it returns where the program is.
func pushSouk(t *testing.T, version string) string {
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
	return program
}

func path(t *testing.T, relative string) string {
	t.Helper()
	whole, err := filepath.Abs(relative)
	if err != nil {
		t.Fatal(err)
	}
	return whole
}
