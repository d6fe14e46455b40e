package kubernetes

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// applier brings objects to what is wanted of them by server-side apply, and
// asks the server only where something differs from when it last did so.
type applier struct {
	client dynamic.Interface

	mu   sync.Mutex
	done map[string]mark // by kind, namespace and name
}

// mark is an object as it was applied, and what it was then.
type mark struct {
	wanted  [sha256.Size]byte
	version string
}

func newApplier(client dynamic.Interface) *applier {
	return &applier{client: client, done: map[string]mark{}}
}

func keyOf(kind schema.GroupVersionResource, o *unstructured.Unstructured) string {
	return kind.Resource + "/" + o.GetNamespace() + "/" + o.GetName()
}

// versionOf changes with everything but an object's status, where the kind
// counts that, or else with everything.
func versionOf(o *unstructured.Unstructured) string {
	if g := o.GetGeneration(); g > 0 {
		return strconv.FormatInt(g, 10)
	}
	return "rv" + o.GetResourceVersion()
}

// apply brings an object to what is wanted. live is what the cache has of it,
// or nil; an object that is as it was left, and wanted as it was, costs nothing.
func (a *applier) apply(ctx context.Context, kind schema.GroupVersionResource, wanted, live *unstructured.Unstructured) error {
	text, err := json.Marshal(wanted.Object)
	if err != nil {
		return err
	}
	key, sum := keyOf(kind, wanted), sha256.Sum256(text)
	a.mu.Lock()
	last, known := a.done[key]
	a.mu.Unlock()
	if known && live != nil && last == (mark{sum, versionOf(live)}) && hasAll(live.GetLabels(), wanted.GetLabels()) && hasAll(live.GetAnnotations(), wanted.GetAnnotations()) {
		return nil
	}
	got, err := a.client.Resource(kind).Namespace(wanted.GetNamespace()).Apply(ctx, wanted.GetName(), wanted, metav1.ApplyOptions{FieldManager: manager, Force: true})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.done[key] = mark{sum, versionOf(got)}
	return nil
}

// forget drops what is known of an instance's objects.
func (a *applier) forget(namespace string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.done, func(key string, _ mark) bool {
		return strings.Contains(key, "/"+namespace+"/") || key == namespaces.Resource+"//"+namespace
	})
}

func hasAll(have, wanted map[string]string) bool {
	for k, v := range wanted {
		if have[k] != v {
			return false
		}
	}
	return true
}
