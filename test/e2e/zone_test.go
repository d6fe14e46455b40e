//go:build e2e

package e2e

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/test/soukdev"
)

// What a cluster that is not the test bed has to be told of by the environment.
const (
	envHost  = "SOUK_E2E_HOST"             // this machine's address, as pods reach it
	envImage = "SOUK_E2E_IMAGE"            // REPOSITORY:TAG of souk, as built from this source
	envPG    = "SOUK_E2E_POSTGRESQL_IMAGE" // of PostgreSQL, for CloudNativePG
	envRedis = "SOUK_E2E_REDIS_IMAGE"
	envHere  = "SOUK_E2E_CLIENT_NETWORK" // that this machine connects from
)

// here is the network that instances have to let in.
func here() string { return cmp.Or(os.Getenv(envHere), "10.211.0.0/16") }

// zone is a zone in the cluster, under a `souk dev` on this machine. Its agent
// runs in the cluster, installed and with the rights as an operator's is.
type zone struct {
	*soukdev.Souk
	name   string
	system *namespace
	agents string // where Souk listens for agents
}

// settings are what a test has otherwise than an operator would.
type settings struct {
	environment []string // of souk dev
	timeouts    string   // of the agent, as in its configuration
}

// newZone makes a zone and returns once it can be reached; driver is what its
// agent's configuration has of its own.
func newZone(t *testing.T, name, driver string) *zone {
	t.Helper()
	return newZoneWith(t, name, driver, settings{})
}

func newZoneWith(t *testing.T, name, driver string, s settings) *zone {
	t.Helper()
	host := os.Getenv(envHost)
	if os.Getenv("SOUK_TESTBED") != "" {
		host = cmp.Or(host, "10.211.0.1")
	} else if host == "" || os.Getenv(envImage) == "" || os.Getenv(envPG) == "" {
		t.Skipf("not the test bed: %s, %s and %s have to be set", envHost, envImage, envPG)
	}
	t.Setenv("CGO_ENABLED", "0") // as make build does
	z := &zone{Souk: soukdev.Build(t), name: name, system: &namespace{t, "souk-system"}, agents: freeAddress(t, host)}
	z.Start(append(s.environment, "SOUK_AGENT_LISTEN="+z.agents)...)
	z.Cleanup()
	z.AwaitOpen()
	z.Sh("souk context use acme").Done()
	z.declare(t)
	z.enrol(t, driver, s)
	return z
}

func freeAddress(t *testing.T, host string) string {
	ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// declare makes the zone, and prices that are not those of the zone local.
func (z *zone) declare(t *testing.T) {
	var prices strings.Builder
	prices.WriteString("currency: CHF\nprices:\n")
	for level, compute := range map[string][]string{"best-effort": {"0.05", "0.51", "1.02"}, "guaranteed": {"0.15", "1.53", "3.06"}} {
		for i, plan := range []string{"small", "medium", "large"} {
			fmt.Fprintf(&prices, "- {service: postgresql, plan: %s, serviceLevel: %s, item: compute, unit: hour, amount: %q}\n", plan, level, compute[i])
		}
		fmt.Fprintf(&prices, "- {service: postgresql, serviceLevel: %s, item: storage, unit: GiB-month, amount: \"0.30\"}\n", level)
	}
	z.Sh("souk --context operator zone create " + z.name + " --title Cluster --provider local-cloud --driver kubernetes --cpu 16 --memory-gib 16 --storage-gib 500 --instances 20").Done("created")
	z.Sh("souk --context operator prices publish cluster -f " + file(t, "prices.yaml", prices.String())).Done("published")
	z.Sh("souk --context operator zone offer " + z.name + " postgresql --price-list cluster").Done("cannot be ordered yet")
}

// enrol installs the agent by the one command that an operator runs, and waits
// until it reports.
func (z *zone) enrol(t *testing.T, driver string, s settings) {
	image := z.image(t)
	config := file(t, "driver.yaml", driver+"\nsimulatedDomains: true\nengines: {postgresql: {image: '"+cmp.Or(os.Getenv(envPG), "registry.testbed/postgresql:15")+"', version: '15'}, redis: {image: '"+cmp.Or(os.Getenv(envRedis), "registry.testbed/redis:7")+"', version: '7'}}\n")
	manifest := filepath.Join(t.TempDir(), "agent.yaml")
	t.Cleanup(func() { z.remove(t, manifest) })
	edit := "cat"
	if s.timeouts != "" {
		edit = "sed 's/^    dataDir: .*/&\\n    timeouts: " + s.timeouts + "/'"
	}
	z.Sh(fmt.Sprintf("umask 077; set -o pipefail; souk --context operator zone enrol %s --image %s --driver-config %s --manifest | %s | tee %s | kubectl apply -f -", z.name, image, config, edit, manifest)).Done()
	z.system.run("rollout", "status", "statefulset/souk-agent", "--timeout=180s")
	z.Eventually("the zone is reached", func() error {
		for _, zone := range z.zones() {
			if zone.Metadata.Name == z.name && slices.ContainsFunc(zone.Conditions, reachable) {
				return nil
			}
		}
		return fmt.Errorf("the agent says:\n%s", z.system.try("logs", "statefulset/souk-agent", "--tail", "5"))
	})
}

func reachable(c api.Condition) bool { return c.Type == "ZoneReachable" && c.Status }

func (z *zone) zones() []api.Zone {
	var list struct{ Items []api.Zone }
	if err := json.Unmarshal([]byte(z.Sh("souk --context operator get zones -o json").Done().Out), &list); err != nil {
		z.system.t.Fatal(err)
	}
	return list.Items
}

// within waits longer than Eventually does, as what happens in a cluster takes.
func (z *zone) within(limit time.Duration, what string, f func() error) {
	z.system.t.Helper()
	var err error
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	z.system.t.Fatalf("not within %v: %s: %v", limit, what, err)
}

// image makes the container image of the built program and puts it where the
// bed's pods find it, unless one is named by the environment.
func (z *zone) image(t *testing.T) string {
	if image := os.Getenv(envImage); image != "" {
		return image
	}
	archive := filepath.Join(t.TempDir(), "souk.oci.tar")
	command(t, "go", "run", "-C", "../../deploy/image", ".", "build", "-program", filepath.Join(z.Bin, "souk"), "-version", "e2e", "-out", archive)
	content, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	name := "souk:" + hex.EncodeToString(sum[:6])
	command(t, filepath.Join(os.Getenv("SOUK_TESTBED"), "push-image"), archive, name)
	return "registry.testbed/" + name
}

var namespaceObject = regexp.MustCompile(`(?m)^kind: Namespace$`)

// remove takes the agent out of the cluster, and what a failed test has left.
func (z *zone) remove(t *testing.T, manifest string) {
	n := z.system
	if t.Failed() {
		t.Log(n.try("get", "pods", "-A", "-o", "wide"))
		t.Log(n.try("logs", "statefulset/souk-agent", "--tail", "100"))
		t.Log(n.try("get", "clusters.postgresql.cnpg.io,events", "-A", "-l", "souk/zone="+z.name))
	}
	text, err := os.ReadFile(manifest)
	if err != nil {
		return // nothing was installed
	}
	objects := slices.DeleteFunc(strings.Split(string(text), "---\n"), namespaceObject.MatchString) // others use it, too
	n.kubectl(strings.Join(objects, "---\n"), "delete", "--ignore-not-found", "--timeout=90s", "-f", "-")
	n.run("delete", "pvc", "data-souk-agent-0", "--ignore-not-found", "--timeout=90s")
	n.run("delete", "namespaces", "-l", "souk/zone="+z.name, "--timeout=180s")
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
