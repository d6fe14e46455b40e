//go:build e2e

package postgresql

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/driver/kubernetes/clustertest"
)

// The cluster that the tests are run against is told by the environment; what
// is absent is as the test bed has it.
const (
	envKubeconfig = "KUBECONFIG"
	envImage      = "SOUK_E2E_POSTGRESQL_IMAGE"
	envVersion    = "SOUK_E2E_POSTGRESQL_VERSION"
	envHere       = "SOUK_E2E_CLIENT_NETWORK" // that this process connects from
	envBed        = "SOUK_TESTBED"            // the folder with the bed's scripts
)

// long is for what a cluster may take a while for.
const long = 6 * time.Minute

// cluster opens a driver for a zone of the test's own.
func cluster(t *testing.T, zone string, change ...func(*kubernetes.Config, *clusterConfig)) *kubernetes.Driver {
	t.Helper()
	d, err := openCluster(t.Context(), zone, change...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func openCluster(ctx context.Context, zone string, change ...func(*kubernetes.Config, *clusterConfig)) (*kubernetes.Driver, error) {
	config := kubernetes.Config{Identity: zone, Section: kubernetes.Section{
		Type: "kubernetes", Zone: zone, Kubeconfig: os.Getenv(envKubeconfig), Namespace: "souk-system", TopologyKey: "topology.kubernetes.io/zone",
		Expose: kubernetes.Expose{Type: kubernetes.LoadBalancer},
	}}
	var err error
	if config.REST, err = config.Section.REST(); err != nil {
		return nil, err
	}
	runs := clusterConfig{Image: cmp.Or(os.Getenv(envImage), "registry.testbed/postgresql:15"), Version: cmp.Or(os.Getenv(envVersion), "15")}
	for _, f := range change {
		f(&config, &runs)
	}
	if config.Engines != nil {
		return kubernetes.New(ctx, config)
	}
	section, err := json.Marshal(runs)
	if err != nil {
		return nil, err
	}
	engine, err := KubernetesEngine(section)
	if err != nil {
		return nil, err
	}
	config.Engines = []kubernetes.Engine{engine}
	return kubernetes.New(ctx, config)
}

// clusterOrder is what is wanted of a new instance in a cluster.
func clusterOrder() driver.Instance {
	want := order()
	want.Plan, want.StorageGiB = driver.Plan{Name: "small", Revision: 1, CPUMillis: 300, MemoryMiB: 384}, 1
	want.AllowedNetworks = strings.Fields(cmp.Or(os.Getenv(envHere), "10.211.0.0/16"))
	return want
}

func core(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: resource}
}

var clusters = (&clusterEngine{}).Kind()

// place is a zone in a cluster, and a person who can do everything there.
type place struct {
	*kubernetes.Driver
	t      *testing.T
	client dynamic.Interface
}

func newPlace(t *testing.T, zone string, change ...func(*kubernetes.Config, *clusterConfig)) *place {
	t.Helper()
	d := cluster(t, zone, change...)
	t.Cleanup(func() { d.Close() })
	return &place{t: t, Driver: d, client: clustertest.Client(t)}
}

// on is the place for a test within the test.
func (p *place) on(t *testing.T) *place { return &place{p.Driver, t, p.client} }

// order is a new instance that is removed after the test.
func (p *place) order() *driver.Instance {
	want := clusterOrder()
	p.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), long)
		defer cancel()
		if err := p.Remove(ctx, want.ID); err != nil {
			p.t.Errorf("remove: %v", err)
		}
	})
	return &want
}

// until ensures an instance again and again until what comes of it is accepted,
// and returns all that was seen.
func (p *place) until(want *driver.Instance, accept func(driver.Observation, error) bool) (all []driver.Observation) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), long)
	defer cancel()
	for {
		seen, err := p.Ensure(ctx, *want)
		all = append(all, seen)
		if accept(seen, err) {
			return all
		}
		select {
		case <-ctx.Done():
			p.t.Fatalf("after %v: %s, %q, %s, %v", long, seen.State, seen.Message, seen.BlockedBy, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// running has an instance run, and returns what was seen last.
func (p *place) running(want *driver.Instance) driver.Observation {
	p.t.Helper()
	all := p.until(want, func(seen driver.Observation, err error) bool {
		return err == nil && seen.State == driver.StateRunning && seen.Generation == want.Generation
	})
	want.HeldData = true
	return all[len(all)-1]
}

// blocked is the BlockedError that an instance comes to.
func (p *place) blocked(want *driver.Instance) *driver.BlockedError {
	p.t.Helper()
	var blocked *driver.BlockedError
	p.until(want, func(_ driver.Observation, err error) bool { return errors.As(err, &blocked) })
	return blocked
}

// user connects as an instance's first log-in.
func (p *place) user(want *driver.Instance, at *driver.Endpoint) *pgx.Conn {
	p.t.Helper()
	conn, err := dial(p.t.Context(), at, want.Credentials[0].Login, want.Credentials[0].Password)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func (p *place) exec(conn *pgx.Conn, sql string) {
	p.t.Helper()
	if _, err := conn.Exec(p.t.Context(), sql); err != nil {
		p.t.Fatalf("%s: %v", sql, err)
	}
}

// make makes an object from its YAML, and deletes it after the test.
func (p *place) make(kind schema.GroupVersionResource, namespace, text string) {
	p.t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		p.t.Fatal(err)
	}
	in := p.client.Resource(kind).Namespace(namespace)
	if _, err := in.Create(p.t.Context(), o, metav1.CreateOptions{}); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { p.gone(kind, namespace, o.GetName()) })
}

// gone deletes an object that may be gone already.
func (p *place) gone(kind schema.GroupVersionResource, namespace, name string) {
	p.t.Helper()
	err := p.client.Resource(kind).Namespace(namespace).Delete(context.Background(), name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		p.t.Error(err)
	}
}

// namespaceFor makes an instance's namespace before the driver does.
func (p *place) namespaceFor(want *driver.Instance, zone string) {
	p.t.Helper()
	p.make(core("namespaces"), "", `{apiVersion: v1, kind: Namespace, metadata: {name: souk-`+want.ID+`, labels: {souk/zone: `+zone+`}}}`)
}

// kill ends the pod of an instance's primary at once.
func (p *place) kill(want *driver.Instance, seen driver.Observation) {
	p.t.Helper()
	var now int64
	for _, m := range seen.Members {
		if m.Role == driver.RolePrimary {
			if err := p.client.Resource(core("pods")).Namespace("souk-"+want.ID).Delete(p.t.Context(), m.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
				p.t.Fatal(err)
			}
		}
	}
}

// bed runs one of the test bed's scripts.
func (p *place) bed(script string, args ...string) {
	p.t.Helper()
	if out, err := exec.Command(filepath.Join(os.Getenv(envBed), script), args...).CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v\n%s", script, err, out)
	}
}
