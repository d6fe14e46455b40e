package kubernetes

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"slices"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

// watches keep what the cluster has of the zone's instances, and of its nodes.
// Secrets are watched one namespace at a time, for the agent may read no others.
type watches struct {
	client  dynamic.Interface
	changed func(id string) // an object of an instance changed
	ctx     context.Context // ends all watches

	mu      sync.Mutex
	byKind  map[schema.GroupVersionResource]cache.SharedIndexInformer
	secrets map[string]*secretWatch // by namespace
	wait    sync.WaitGroup
}

type secretWatch struct {
	informer cache.SharedIndexInformer
	cancel   context.CancelFunc
}

func newWatches(ctx context.Context, client dynamic.Interface, changed func(id string)) *watches {
	return &watches{client: client, changed: changed, ctx: ctx, byKind: map[schema.GroupVersionResource]cache.SharedIndexInformer{}, secrets: map[string]*secretWatch{}}
}

// watch begins to watch a kind in the whole cluster, by labels.
func (w *watches) watch(kind schema.GroupVersionResource, labels string, handler cache.ResourceEventHandler) error {
	informer := w.informer(kind, "", labels)
	if err := informer.SetTransform(slim); err != nil {
		return err
	}
	if _, err := informer.AddEventHandler(handler); err != nil {
		return err
	}
	w.byKind[kind] = informer
	w.wait.Go(func() { informer.RunWithContext(w.ctx) })
	return nil
}

func (w *watches) informer(kind schema.GroupVersionResource, namespace, labels string) cache.SharedIndexInformer {
	return dynamicinformer.NewFilteredDynamicInformer(w.client, kind, namespace, 0,
		cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc},
		func(o *metav1.ListOptions) { o.LabelSelector = labels }).Informer()
}

// told passes on which instance an object belongs to whenever it changes.
func (w *watches) told() cache.ResourceEventHandler {
	tell := func(o any) {
		if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
			o = gone.Obj
		}
		if o, ok := o.(*unstructured.Unstructured); ok {
			if id := instanceOf(o); validID(id) == nil {
				w.changed(id)
			}
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    tell,
		DeleteFunc: tell,
		UpdateFunc: func(old, now any) {
			a, b := old.(*unstructured.Unstructured), now.(*unstructured.Unstructured)
			if a.GetResourceVersion() != b.GetResourceVersion() {
				tell(now)
			}
		},
	}
}

// slim drops what nobody reads, for memory.
func slim(o any) (any, error) {
	if o, ok := o.(*unstructured.Unstructured); ok {
		o.SetManagedFields(nil)
		if o.GetKind() == "Secret" {
			keepCertificate(o)
		}
	}
	return o, nil
}

// keepCertificate drops all that is secret, and a certificate that does not go
// with its key.
func keepCertificate(secret *unstructured.Unstructured) {
	data := dataOf(secret)
	unstructured.RemoveNestedField(secret.Object, "data")
	certificate, _ := base64.StdEncoding.DecodeString(data["tls.crt"])
	key, _ := base64.StdEncoding.DecodeString(data["tls.key"])
	if _, err := tls.X509KeyPair(certificate, key); err == nil {
		secret.Object["data"] = map[string]any{"tls.crt": data["tls.crt"]}
	}
}

// synced waits until a kind was listed once, or ctx ends.
func (w *watches) synced(ctx context.Context, kind schema.GroupVersionResource) bool {
	return cache.WaitForCacheSync(ctx.Done(), w.byKind[kind].HasSynced)
}

// get returns an object from the cache, or nil.
func (w *watches) get(kind schema.GroupVersionResource, namespace, name string) *unstructured.Unstructured {
	informer := w.byKind[kind]
	if kind == secrets {
		informer = w.secretsOf(namespace)
	}
	if informer == nil {
		return nil
	}
	key := name
	if namespace != "" {
		key = namespace + "/" + name
	}
	found, ok, err := informer.GetStore().GetByKey(key)
	if err != nil || !ok {
		return nil
	}
	return found.(*unstructured.Unstructured)
}

// list returns the objects of a kind in a namespace from the cache, by name.
func (w *watches) list(kind schema.GroupVersionResource, namespace string) []*unstructured.Unstructured {
	found, err := w.byKind[kind].GetIndexer().ByIndex(cache.NamespaceIndex, namespace)
	if err != nil {
		return nil
	}
	return sorted(found)
}

// all returns the objects of a kind that is watched, by name.
func (w *watches) all(kind schema.GroupVersionResource) []*unstructured.Unstructured {
	return sorted(w.byKind[kind].GetStore().List())
}

func sorted(found []any) []*unstructured.Unstructured {
	out := make([]*unstructured.Unstructured, len(found))
	for i, o := range found {
		out[i] = o.(*unstructured.Unstructured)
	}
	slices.SortFunc(out, func(a, b *unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out
}

func (w *watches) secretsOf(namespace string) cache.SharedIndexInformer {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.secrets[namespace]; s != nil {
		return s.informer
	}
	return nil
}

// watchSecrets begins to watch an instance's Secrets, and waits until they were
// listed once.
func (w *watches) watchSecrets(ctx context.Context, namespace, labels string) error {
	informer := w.secretsOf(namespace)
	if informer == nil {
		informer = w.informer(secrets, namespace, labels)
		if err := informer.SetTransform(slim); err != nil {
			return err
		}
		if _, err := informer.AddEventHandler(w.told()); err != nil {
			return err
		}
		watching, cancel := context.WithCancel(w.ctx)
		w.mu.Lock()
		w.secrets[namespace] = &secretWatch{informer, cancel}
		w.mu.Unlock()
		w.wait.Go(func() { informer.RunWithContext(watching) })
	}
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return context.Cause(ctx)
	}
	return nil
}

// forget ends the watch of an instance's Secrets.
func (w *watches) forget(namespace string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.secrets[namespace]; s != nil {
		s.cancel()
		delete(w.secrets, namespace)
	}
}
