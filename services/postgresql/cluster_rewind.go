package postgresql

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver/kubernetes"
)

var _ kubernetes.RewindingEngine = (*clusterEngine)(nil)

// MadeBy is the engine as it works on the Cluster that a restore in place has made.
func (e *clusterEngine) MadeBy(rewind int64) kubernetes.RewindingEngine {
	return &clusterEngine{e.config, rewind}
}

// Owns says whether a Cluster is the one that the engine works on, or a pod or a volume
// is that one's.
func (e *clusterEngine) Owns(o *unstructured.Unstructured) bool {
	if o.GetKind() == "Cluster" {
		return o.GetName() == e.cluster()
	}
	return o.GetLabels()[clusterLabel] == e.cluster()
}
