//go:build e2e

// Package clustertest has what tests of engines in a real cluster share: zones of
// their own, and people who can do everything there.
package clustertest

import (
	"cmp"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// Long is for what a cluster may take a while for.
const Long = 6 * time.Minute

// The cluster is told by the environment; what is absent is as the test bed has it.
const (
	envKubeconfig = "KUBECONFIG"
	envHere       = "SOUK_E2E_CLIENT_NETWORK" // that this process connects from
)

// Here are the networks that this process connects from.
func Here() []string {
	return strings.Fields(cmp.Or(os.Getenv(envHere), "10.211.0.0/16"))
}

// Open opens a driver for a zone, with one engine.
func Open(ctx context.Context, zone string, engine kubernetes.Engine, change ...func(*kubernetes.Config)) (*kubernetes.Driver, error) {
	config := kubernetes.Config{Identity: zone, Engines: []kubernetes.Engine{engine}, Section: kubernetes.Section{
		Type: "kubernetes", Zone: zone, Kubeconfig: os.Getenv(envKubeconfig), Namespace: "souk-system", TopologyKey: "topology.kubernetes.io/zone",
		Expose: kubernetes.Expose{Type: kubernetes.LoadBalancer},
	}}
	var err error
	if config.REST, err = config.Section.REST(); err != nil {
		return nil, err
	}
	for _, f := range change {
		f(&config)
	}
	return kubernetes.New(ctx, config)
}

// Person is somebody with all rights in the cluster.
type Person struct {
	t      *testing.T
	client dynamic.Interface
}

// NewPerson returns one for a test.
func NewPerson(t *testing.T) *Person {
	t.Helper()
	return &Person{t, Client(t)}
}

// Client has all rights in the cluster.
func Client(t *testing.T) dynamic.Interface {
	t.Helper()
	rest, err := kubernetes.Section{Kubeconfig: os.Getenv(envKubeconfig)}.REST()
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(rest)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Core is a kind of the core API.
func Core(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: resource}
}

// In is the kind's objects in the namespace of an instance.
func (p *Person) In(kind schema.GroupVersionResource, id string) dynamic.ResourceInterface {
	return p.client.Resource(kind).Namespace("souk-" + id)
}

// Gone deletes an object of an instance, and waits until it is not there any more,
// or is another one.
func (p *Person) Gone(kind schema.GroupVersionResource, id, name string) {
	p.t.Helper()
	before, err := p.In(kind, id).Get(p.t.Context(), name, metav1.GetOptions{})
	if err == nil {
		err = p.In(kind, id).Delete(p.t.Context(), name, metav1.DeleteOptions{})
	}
	if err != nil {
		p.t.Fatal(err)
	}
	for {
		now, err := p.In(kind, id).Get(p.t.Context(), name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && now.GetUID() != before.GetUID() {
			return
		}
		if err != nil {
			p.t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// LoseVolumes deletes the volumes of a stopped instance, as nobody should.
func (p *Person) LoseVolumes(id string) {
	p.t.Helper()
	found, err := p.In(Core("persistentvolumeclaims"), id).List(p.t.Context(), metav1.ListOptions{})
	if err != nil {
		p.t.Fatal(err)
	}
	for i := range found.Items {
		p.Gone(Core("persistentvolumeclaims"), id, found.Items[i].GetName())
	}
}

// VolumesOf counts the volumes that there are of an instance.
func (p *Person) VolumesOf(id string) (n int) {
	p.t.Helper()
	found, err := p.client.Resource(Core("persistentvolumes")).List(p.t.Context(), metav1.ListOptions{})
	if err != nil {
		p.t.Fatal(err)
	}
	for i := range found.Items {
		if of, _, _ := unstructured.NestedString(found.Items[i].Object, "spec", "claimRef", "namespace"); of == "souk-"+id {
			n++
		}
	}
	return n
}

// Until ensures an instance again and again until what comes of it is accepted, and
// returns what was seen last.
func Until(t *testing.T, d driver.Driver, want *driver.Instance, accept func(driver.Observation, error) bool) driver.Observation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Long)
	defer cancel()
	for {
		seen, err := d.Ensure(ctx, *want)
		if accept(seen, err) {
			return seen
		}
		select {
		case <-ctx.Done():
			t.Fatalf("after %v: %s, %q, %s, %v", Long, seen.State, seen.Message, seen.BlockedBy, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Running has an instance run, and returns what was seen last.
func Running(t *testing.T, d driver.Driver, want *driver.Instance) driver.Observation {
	t.Helper()
	seen := Until(t, d, want, func(seen driver.Observation, err error) bool {
		return err == nil && seen.State == driver.StateRunning && seen.Generation == want.Generation
	})
	want.HeldData = true
	return seen
}

// Removed removes an instance after the test.
func Removed(t *testing.T, d driver.Driver, id string) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Long)
		defer cancel()
		if err := d.Remove(ctx, id); err != nil {
			t.Errorf("remove: %v", err)
		}
	})
}
