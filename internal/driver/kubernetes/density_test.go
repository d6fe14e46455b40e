//go:build e2e && figures

package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"souk/internal/driver"
)

// density is how many instances an agent looks after in the measurement, and
// idle for how long it is watched doing nothing.
const (
	density = 1000
	idle    = 2 * time.Minute
)

var things = schema.GroupVersionResource{Group: "figures.souk.test", Version: "v1", Resource: "things"}

// thing is an engine whose operator only says that all is well.
type thing struct{ oneMember }

func (thing) Kind() schema.GroupVersionResource { return things }
func (thing) Operator() string                  { return "the measurement's operator" }
func (thing) Version() driver.EngineVersion {
	return driver.EngineVersion{Service: "one", Version: "1"}
}
func (thing) ServerNames(namespace string) []string    { return []string{"thing." + namespace + ".svc"} }
func (thing) Settle(context.Context, *Job, View) error { return nil }
func (thing) Reloaded() map[string]string              { return nil }
func (thing) LogLine(line []byte) ([]byte, bool)       { return line, true }

func (thing) Secrets(job *Job) ([]*unstructured.Unstructured, error) {
	return []*unstructured.Unstructured{Secret(job.Namespace, "admin", job.Labels, map[string][]byte{"password": job.Secret("admin")})}, nil
}

func (thing) Main(job *Job, _ bool) (*unstructured.Unstructured, error) {
	return Object("figures.souk.test/v1", "Thing", job.Namespace, "thing", job.Labels, map[string]any{"spec": map[string]any{"memoryMiB": job.Want.Plan.MemoryMiB}}), nil
}

func (thing) Look(v View) Seen {
	if v.Main == nil {
		return Seen{Stopped: true}
	}
	ready := PhaseOf(v.Main) == "Ready"
	return Seen{Serving: ready, Whole: ready}
}

// counted counts the requests to an API server, watches apart.
type counted struct {
	next           http.RoundTripper
	watches, lease *atomic.Int64
	others         *sync.Map
	count          *atomic.Int64
}

func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case r.URL.Query().Get("watch") == "true":
		c.watches.Add(1)
	case strings.Contains(r.URL.Path, "/leases"):
		c.lease.Add(1)
	default:
		c.count.Add(1)
		c.others.Store(r.Method+" "+r.URL.Path, true)
	}
	return c.next.RoundTrip(r)
}

// TestFiguresOfManyInstances measures what an agent's driver costs with many
// instances: memory, processor time and requests while nothing changes. The API
// server is real, the operator only says that all is well.
func TestFiguresOfManyInstances(t *testing.T) {
	section := Section{
		Type: "kubernetes", Zone: "figures", Kubeconfig: os.Getenv("KUBECONFIG"), Namespace: "souk-system", TopologyKey: defaultTopologyKey,
		Expose: Expose{Type: NodePort, Host: "10.211.0.11"},
	}
	config, err := section.REST()
	if err != nil {
		t.Fatal(err)
	}
	operator, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	define(t, operator)
	go sayReady(t.Context(), t, operator)
	c := counted{watches: new(atomic.Int64), lease: new(atomic.Int64), others: &sync.Map{}, count: new(atomic.Int64)}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { c.next = next; return c })
	d, err := New(t.Context(), Config{Section: section, REST: config, Identity: "figures", Engines: []Engine{thing{}}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	before := memory()
	wants := make([]driver.Instance, density)
	for i := range wants {
		wants[i] = driver.Instance{ID: uuid.NewString(), Service: "one", Generation: 1, Plan: driver.Plan{Name: "small", CPUMillis: 250, MemoryMiB: 512}, StorageGiB: 10, AllowedNetworks: []string{"0.0.0.0/0"}}
	}
	t.Cleanup(func() { removeAll(t, operator) })
	began := time.Now()
	run(t, d, wants)
	t.Logf("%d instances made in %v", density, time.Since(began).Round(time.Second))
	run(t, d, wants) // all as it should be: nothing may be asked

	requests, leases, used := c.count.Load(), c.lease.Load(), processor()
	c.others.Clear()
	began = time.Now()
	run(t, d, wants)
	pass := time.Since(began)
	time.Sleep(idle)
	asked := c.count.Load() - requests
	t.Logf("| agent's driver with %d instances | %d MiB more than with none; %.2f %% of a core while idle; a pass over all %v |", density, (memory()-before)>>20,
		100*float64(processor()-used)/float64(time.Since(began)), pass.Round(time.Millisecond))
	t.Logf("| requests to the API server by an idle instance and hour | %.2f, besides watches; %d an hour for the zone's Lease |", float64(asked)/density*float64(time.Hour)/float64(time.Since(began)),
		int64(float64(c.lease.Load()-leases)*float64(time.Hour)/float64(time.Since(began))))
	if asked > 0 {
		c.others.Range(func(k, _ any) bool { t.Logf("asked: %v", k); return true })
	}
}

func memory() uint64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys - m.HeapReleased
}

func processor() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// run brings all instances to run, eight at a time as an agent does.
func run(t *testing.T, d *Driver, wants []driver.Instance) {
	t.Helper()
	todo := make(chan driver.Instance)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for want := range todo {
				for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
					seen, err := d.Ensure(t.Context(), want)
					if err == nil && seen.State == driver.StateRunning {
						break
					}
					if errors.Is(err, driver.ErrDataLost) || time.Now().After(end) {
						t.Errorf("%+v, %v", seen, err)
						break
					}
				}
			}
		})
	}
	for _, want := range wants {
		todo <- want
	}
	close(todo)
	wait.Wait()
}

// define makes the kind of the measurement, and the role that its agent binds.
func define(t *testing.T, client dynamic.Interface) {
	for kind, o := range map[schema.GroupVersionResource]*unstructured.Unstructured{
		definitions: Object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "things.figures.souk.test", nil, map[string]any{"spec": map[string]any{
			"group": things.Group, "scope": "Namespaced", "names": map[string]any{"plural": "things", "singular": "thing", "kind": "Thing"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "subresources": map[string]any{"status": map[string]any{}},
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}},
		}}),
		namespaces: Object("v1", "Namespace", "", "souk-system", nil, map[string]any{}),
		{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}: Object("rbac.authorization.k8s.io/v1", "ClusterRole", "", rightsRole, nil, map[string]any{"rules": []any{}}),
	} {
		if _, err := client.Resource(kind).Apply(t.Context(), o.GetName(), o, metav1.ApplyOptions{FieldManager: "figures"}); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		_ = client.Resource(definitions).Delete(context.Background(), "things.figures.souk.test", metav1.DeleteOptions{})
	})
	for range 100 {
		if _, err := client.Resource(things).List(t.Context(), metav1.ListOptions{}); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the kind is not served")
}

// partsOf are the claim and the pod that an operator makes of a thing. Nothing
// ever binds or runs them.
func partsOf(o *unstructured.Unstructured) map[schema.GroupVersionResource]*unstructured.Unstructured {
	size := map[string]any{"cpu": "10m", "memory": "16Mi"}
	return map[schema.GroupVersionResource]*unstructured.Unstructured{
		claims: Object("v1", "PersistentVolumeClaim", o.GetNamespace(), "thing-1", o.GetLabels(), map[string]any{"spec": map[string]any{
			"storageClassName": "none", "accessModes": []any{"ReadWriteOnce"}, "resources": map[string]any{"requests": map[string]any{"storage": "1Gi"}},
		}}),
		pods: Object("v1", "Pod", o.GetNamespace(), "thing-1", o.GetLabels(), map[string]any{"spec": map[string]any{
			"schedulerName": "none", "securityContext": map[string]any{"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": map[string]any{"type": "RuntimeDefault"}},
			"containers": []any{map[string]any{
				"name": "thing", "image": "registry.testbed/busybox:1", "resources": map[string]any{"requests": size, "limits": size},
				"securityContext": map[string]any{"allowPrivilegeEscalation": false, "capabilities": map[string]any{"drop": []any{"ALL"}}},
			}},
		}}),
	}
}

// sayReady is the whole operator.
func sayReady(ctx context.Context, t *testing.T, client dynamic.Interface) {
	for ctx.Err() == nil {
		w, err := client.Resource(things).Watch(ctx, metav1.ListOptions{})
		if err != nil {
			continue
		}
		for event := range w.ResultChan() {
			o, ok := event.Object.(*unstructured.Unstructured)
			if ok && event.Type != "DELETED" && PhaseOf(o) != "Ready" {
				for kind, part := range partsOf(o) {
					if _, err := client.Resource(kind).Namespace(o.GetNamespace()).Create(ctx, part, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) && ctx.Err() == nil {
						t.Error(err)
					}
				}
				_, _ = client.Resource(things).Namespace(o.GetNamespace()).Patch(ctx, o.GetName(), types.MergePatchType, []byte(`{"status":{"phase":"Ready"}}`), metav1.PatchOptions{}, "status")
			}
		}
	}
}

func removeAll(t *testing.T, client dynamic.Interface) {
	ctx := context.Background()
	found, err := client.Resource(namespaces).List(ctx, metav1.ListOptions{LabelSelector: LabelZone + "=figures"})
	if err != nil {
		t.Error(err)
		return
	}
	for i := range found.Items {
		if err := client.Resource(namespaces).Delete(ctx, found.Items[i].GetName(), metav1.DeleteOptions{}); err != nil {
			t.Error(fmt.Errorf("%s: %w", found.Items[i].GetName(), err))
		}
	}
}
