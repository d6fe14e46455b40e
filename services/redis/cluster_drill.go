package redis

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

var _ kubernetes.ProvingEngine = (*clusterEngine)(nil)

// PutCanary implements kubernetes.ProvingEngine.
func (e *clusterEngine) PutCanary(ctx context.Context, job *kubernetes.Job, primary string) (driver.Canary, error) {
	return provingPod(ctx, job, primary, func(s *session) (driver.Canary, error) { return s.putCanary(ctx, mapBook{job}) })
}

// Canaries implements kubernetes.ProvingEngine.
func (e *clusterEngine) Canaries(ctx context.Context, job *kubernetes.Job, primary string) ([]driver.Canary, error) {
	return provingPod(ctx, job, primary, func(s *session) ([]driver.Canary, error) { return s.canaries(ctx, mapBook{job}) })
}

// Examine implements kubernetes.ProvingEngine.
func (e *clusterEngine) Examine(ctx context.Context, job *kubernetes.Job, primary string) (driver.Examination, error) {
	return provingPod(ctx, job, primary, func(s *session) (driver.Examination, error) { return s.examine(ctx) })
}

// provingPod carries f out with a session of the server in a pod.
func provingPod[T any](ctx context.Context, job *kubernetes.Job, pod string, f func(*session) (T, error)) (out T, err error) {
	s, _, err := enterPod(ctx, job, pod)
	if err != nil {
		return out, err
	}
	defer s.Close()
	return f(s)
}

// mapBook is a ConfigMap of the instance's namespace.
type mapBook struct{ *kubernetes.Job }

var mapsKind = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// canariesName is the ConfigMap's, and that of its one entry.
const canariesName = "canaries"

func (b mapBook) read(ctx context.Context) ([]byte, error) {
	o, err := b.Get(ctx, mapsKind, canariesName)
	if err != nil || o == nil {
		return nil, err
	}
	text, _, err := unstructured.NestedString(o.Object, "data", canariesName)
	return []byte(text), err
}

func (b mapBook) write(ctx context.Context, text []byte) error {
	return b.Apply(ctx, mapsKind, kubernetes.Object("v1", "ConfigMap", b.Namespace, canariesName, b.Labels, map[string]any{"data": map[string]any{canariesName: string(text)}}))
}
