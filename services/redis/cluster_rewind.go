package redis

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver/kubernetes"
)

var _ kubernetes.RewindingEngine = (*clusterEngine)(nil)

// MadeBy is the engine as it works on the StatefulSet that a restore in place has made.
func (e *clusterEngine) MadeBy(rewind int64) kubernetes.RewindingEngine {
	return &clusterEngine{e.config, rewind}
}

// name is a name in an instance's namespace, which what each restore in place makes has
// of its own.
func (e *clusterEngine) name(of string) string {
	if e.rewind == 0 {
		return of
	}
	return fmt.Sprintf("%s-r%d", of, e.rewind)
}

// set is the StatefulSet, conf the Secret with what the server begins with, and claim the
// volume of one member alone.
func (e *clusterEngine) set() string   { return e.name("redis") }
func (e *clusterEngine) conf() string  { return e.name("redis-conf") }
func (e *clusterEngine) claim() string { return e.name("data") }

// podLabels select the servers' pods.
func (e *clusterEngine) podLabels() map[string]string {
	return map[string]string{"app.kubernetes.io/name": e.set()}
}

// Owns says whether an object is of the StatefulSet that the engine works on.
func (e *clusterEngine) Owns(o *unstructured.Unstructured) bool {
	name := o.GetName()
	switch o.GetKind() {
	case "StatefulSet":
		return name == e.set()
	case "Secret":
		return name == e.conf()
	case "PersistentVolumeClaim":
		return name == e.claim() || slices.ContainsFunc(e.memberNames(), func(pod string) bool { return name == memberClaim(pod) })
	}
	return slices.Contains(e.memberNames(), name) // a pod, or the Service of one
}
