package kubernetes

import (
	"maps"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"souk/internal/driver"
)

// Labels of everything that is Souk's in a cluster.
const (
	LabelZone     = "souk/zone"
	LabelInstance = "souk/instance"
	labelManager  = "app.kubernetes.io/managed-by"
)

// Fixed names within an instance's namespace.
const (
	rightsName  = "souk-agent"    // RoleBinding of the agent
	rightsRole  = "souk-instance" // ClusterRole that it is bound to
	accessName  = "access"        // Service that clients use
	readName    = "access-read"   // Service of clients who only read
	serverName  = "server-tls"    // Secret: the server's certificate and key
	quotaName   = "plan"          // ResourceQuota of the instance's size
	anchorName  = "server-ca"     // Secret: the certificate of the zone's authority
	namePrefix  = "souk-"
	manager     = "souk-agent" // field manager
	recordField = "souk/record"
)

// ServerTLSSecret and ServerCASecret are the Secrets, in the namespace of each
// instance, with the server's certificate and with what signed it.
const (
	ServerTLSSecret = serverName
	ServerCASecret  = anchorName
)

// Kinds that the driver handles itself.
var (
	namespaces   = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	pods         = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	claims       = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}
	volumes      = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumes"}
	services     = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	secrets      = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	nodes        = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
	events       = schema.GroupVersionResource{Version: "v1", Resource: "events"}
	quotas       = schema.GroupVersionResource{Version: "v1", Resource: "resourcequotas"}
	limitRanges  = schema.GroupVersionResource{Version: "v1", Resource: "limitranges"}
	roleBindings = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"}
	policies     = schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"}
	classes      = schema.GroupVersionResource{Group: "storage.k8s.io", Version: "v1", Resource: "storageclasses"}
	reviews      = schema.GroupVersionResource{Group: "authentication.k8s.io", Version: "v1", Resource: "selfsubjectreviews"}
	definitions  = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
)

var (
	labelValue = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	instanceID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

func validLabel(s string) bool { return labelValue.MatchString(s) }

// namespaceOf is the namespace of an instance.
func namespaceOf(id string) string { return namePrefix + id }

// validID refuses what is no instance's ID, before it becomes a name.
func validID(id string) error {
	if !instanceID.MatchString(id) {
		return driver.ErrNotFound
	}
	return nil
}

// instanceOf is the instance that an object belongs to, or "".
func instanceOf(o *unstructured.Unstructured) string {
	if o.GetKind() == "PersistentVolume" {
		return strings.TrimPrefix(claimant(o), namePrefix)
	}
	if o.GetKind() == "Namespace" || o.GetNamespace() == "" {
		return strings.TrimPrefix(o.GetName(), namePrefix)
	}
	return strings.TrimPrefix(o.GetNamespace(), namePrefix)
}

// claimant is the namespace that a volume was made for.
func claimant(volume *unstructured.Unstructured) string {
	namespace, _, _ := unstructured.NestedString(volume.Object, "spec", "claimRef", "namespace")
	return namespace
}

// labels of all objects of an instance.
func (d *Driver) labels(id string) map[string]string {
	return map[string]string{LabelZone: d.cfg.Zone, LabelInstance: id, labelManager: "souk"}
}

// withLabels adds labels to those of all objects.
func withLabels(labels, more map[string]string) map[string]string {
	out := maps.Clone(labels)
	maps.Copy(out, more)
	return out
}

// Object makes an object; content is all of it but kind, name and labels.
func Object(apiVersion, kind, namespace, name string, labels map[string]string, content map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: content}
	o.SetAPIVersion(apiVersion)
	o.SetKind(kind)
	o.SetName(name)
	if namespace != "" {
		o.SetNamespace(namespace)
	}
	o.SetLabels(labels)
	return o
}

// Labels are labels as they stand within an object.
func Labels(of map[string]string) map[string]any {
	out := make(map[string]any, len(of))
	for name, value := range of {
		out[name] = value
	}
	return out
}
