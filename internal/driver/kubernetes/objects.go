package kubernetes

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"souk/internal/driver"
)

// subject is a user as a RoleBinding names it.
func subject(username string) map[string]any {
	if name, ok := strings.CutPrefix(username, "system:serviceaccount:"); ok {
		if namespace, account, ok := strings.Cut(name, ":"); ok {
			return map[string]any{"kind": "ServiceAccount", "namespace": namespace, "name": account}
		}
	}
	return map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": username}
}

// namespaceObject is an instance's namespace, which also holds its record.
func (d *Driver) namespaceObject(id string, text string) *unstructured.Unstructured {
	labels := d.labels(id)
	for _, mode := range []string{"enforce", "warn", "audit"} {
		labels["pod-security.kubernetes.io/"+mode] = "restricted"
	}
	o := Object("v1", "Namespace", "", namespaceOf(id), labels, map[string]any{})
	o.SetAnnotations(map[string]string{recordField: text})
	return o
}

// rights lets the agent work in an instance's namespace, and only there.
func (d *Driver) rights(job *Job) *unstructured.Unstructured {
	return Object("rbac.authorization.k8s.io/v1", "RoleBinding", job.Namespace, rightsName, job.Labels, map[string]any{
		"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": rightsRole},
		"subjects": []any{d.self},
	})
}

// part is one object of a kind.
type part struct {
	kind   schema.GroupVersionResource
	object *unstructured.Unstructured
}

// fences are what keeps an instance within its plan and its network.
func (d *Driver) fences(job *Job, engine Engine, inForce record) []part {
	parts := []part{
		{quotas, quota(job, engine, inForce)},
		{limitRanges, limits(job)},
		{policies, policy(job, "default-deny", map[string]any{"podSelector": map[string]any{}, "policyTypes": []any{"Ingress", "Egress"}})},
		{policies, d.clientPolicy(job, engine)},
		{policies, d.memberPolicy(job, engine)},
	}
	return parts
}

// quota is what all of an instance may take: its members, and one more for the
// work on them. While it changes its size, both sizes have room, and while it is restored
// in place, what is restored and what there was. It has two Services at most;
// a request that was cut short may stay counted for minutes though nothing came of it.
func quota(job *Job, engine Engine, inForce record) *unstructured.Unstructured {
	members := int64(engine.Members(job.Want.ServiceLevel)) + 1
	if inForce.Rewind.doubled() {
		members *= 2
	}
	var beside driver.Plan
	if accompanied, ok := engine.(Accompanied); ok {
		beside = accompanied.Beside(job.Want.ServiceLevel)
	}
	cpu := (max(job.Want.Plan.CPUMillis, inForce.Plan.CPUMillis) + beside.CPUMillis) * members
	memory := (max(job.Want.Plan.MemoryMiB, inForce.Plan.MemoryMiB) + beside.MemoryMiB) * members
	storage := max(job.Want.StorageGiB, inForce.StorageGiB) * members
	hard := map[string]any{
		"requests.cpu": fmt.Sprintf("%dm", cpu), "limits.cpu": fmt.Sprintf("%dm", cpu),
		"requests.memory": fmt.Sprintf("%dMi", memory), "limits.memory": fmt.Sprintf("%dMi", memory),
		"requests.storage":       fmt.Sprintf("%dGi", storage),
		"persistentvolumeclaims": fmt.Sprint(members), "pods": fmt.Sprint(2 * members),
		"services.loadbalancers": "3", "services.nodeports": "3",
	}
	return Object("v1", "ResourceQuota", job.Namespace, quotaName, job.Labels, map[string]any{"spec": map[string]any{"hard": hard}})
}

// limits is what a container gets that does not say what it needs.
func limits(job *Job) *unstructured.Unstructured {
	size := Resources(job.Want.Plan)
	return Object("v1", "LimitRange", job.Namespace, "plan", job.Labels, map[string]any{"spec": map[string]any{"limits": []any{
		map[string]any{"type": "Container", "default": size, "defaultRequest": size},
	}}})
}

// Resources is what a container of a plan's size asks for and is held to.
func Resources(plan driver.Plan) map[string]any {
	return map[string]any{"cpu": fmt.Sprintf("%dm", plan.CPUMillis), "memory": fmt.Sprintf("%dMi", plan.MemoryMiB)}
}

func policy(job *Job, name string, spec map[string]any) *unstructured.Unstructured {
	return Object("networking.k8s.io/v1", "NetworkPolicy", job.Namespace, name, job.Labels, map[string]any{"spec": spec})
}

func ports(numbers ...int) []any {
	var out []any
	for _, n := range numbers {
		out = append(out, map[string]any{"protocol": "TCP", "port": int64(n)})
	}
	return out
}

// clientPolicy lets the allowed networks reach the service's port, and the agent, who
// tries it. Where connections do not show where they come from, the engine alone decides.
func (d *Driver) clientPolicy(job *Job, engine Engine) *unstructured.Unstructured {
	port, _ := engine.Endpoint()
	spec := map[string]any{"podSelector": map[string]any{}, "policyTypes": []any{"Ingress"}}
	from := []any{inNamespace(d.cfg.Namespace)}
	for _, network := range job.Want.AllowedNetworks {
		from = append(from, map[string]any{"ipBlock": map[string]any{"cidr": network}})
	}
	ingress := map[string]any{"ports": ports(port), "from": from}
	if job.SourceHidden && len(job.Want.AllowedNetworks) > 0 {
		delete(ingress, "from")
	}
	spec["ingress"] = []any{ingress}
	return policy(job, "clients", spec)
}

// memberPolicy lets members reach each other, names, the API server and the place
// of backups, and the operator reach them.
func (d *Driver) memberPolicy(job *Job, engine Engine) *unstructured.Unstructured {
	among, operators := engine.Policies(job.Want.ServiceLevel)
	everyone := []any{map[string]any{"podSelector": map[string]any{}}}
	ingress := []any{map[string]any{"ports": ports(among...), "from": everyone}}
	for _, namespace := range operators {
		ingress = append(ingress, map[string]any{"ports": ports(among...), "from": []any{inNamespace(namespace)}})
	}
	names := []any{map[string]any{"protocol": "UDP", "port": int64(53)}, map[string]any{"protocol": "TCP", "port": int64(53)}}
	egress := []any{
		map[string]any{"ports": ports(among...), "to": everyone},
		map[string]any{"ports": names, "to": []any{inNamespace("kube-system")}},
		map[string]any{"ports": ports(d.serverPorts()...)},
	}
	if job.Place != nil {
		egress = append(egress, map[string]any{"ports": ports(job.Place.Port)})
	}
	return policy(job, "members", map[string]any{
		"podSelector": map[string]any{}, "policyTypes": []any{"Ingress", "Egress"},
		"ingress": ingress, "egress": egress,
	})
}

func inNamespace(name string) map[string]any {
	return map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": name}}}
}

// serverPorts are where pods may find the API server.
func (d *Driver) serverPorts() []int {
	found := []int{443, 6443}
	if port := portOf(d.cfg.REST.Host); port > 0 && !slices.Contains(found, port) {
		found = append(found, port)
	}
	return found
}

// portOf is the port in a URL or in host:port, or 0.
func portOf(host string) int {
	if u, err := url.Parse(host); err == nil && u.Port() != "" {
		port, _ := strconv.Atoi(u.Port())
		return port
	}
	return 0
}

// nobody is a range of addresses that no client has.
const nobody = "255.255.255.255/32"

// readers selects the pods of an instance that only read; nil: there are none.
func readers(engine Engine, serviceLevel string) map[string]string {
	if reading, ok := engine.(ReadEngine); ok {
		return reading.Readers(serviceLevel)
	}
	return nil
}

// access is a Service that clients use: they are led to the pods selected.
func (d *Driver) access(job *Job, engine Engine, name string, pods map[string]string) *unstructured.Unstructured {
	port, _ := engine.Endpoint()
	spec := map[string]any{
		"type": d.cfg.Expose.Type, "selector": Labels(pods),
		"ports": []any{map[string]any{"name": engine.Service(), "protocol": "TCP", "port": int64(port), "targetPort": int64(port)}},
	}
	if d.cfg.Expose.Type == LoadBalancer {
		spec["externalTrafficPolicy"] = "Local" // so that the engine sees who connects
		var ranges []any
		for _, network := range job.Want.AllowedNetworks {
			ranges = append(ranges, network)
		}
		if len(ranges) == 0 {
			ranges = []any{nobody}
		}
		spec["loadBalancerSourceRanges"] = ranges
	}
	o := Object("v1", "Service", job.Namespace, name, job.Labels, map[string]any{"spec": spec})
	if d.cfg.Expose.Type == LoadBalancer && len(d.cfg.Expose.Annotations) > 0 {
		o.SetAnnotations(d.cfg.Expose.Annotations)
	}
	return o
}

// address is where clients reach a Service, or false while it has no address.
func (d *Driver) address(service *unstructured.Unstructured) (host string, port int, ok bool) {
	if service == nil {
		return "", 0, false
	}
	entries, _, _ := unstructured.NestedSlice(service.Object, "spec", "ports")
	if len(entries) == 0 {
		return "", 0, false
	}
	entry, _ := entries[0].(map[string]any)
	if d.cfg.Expose.Type == NodePort {
		port, _, _ := unstructured.NestedInt64(entry, "nodePort")
		return d.cfg.Expose.Host, int(port), port > 0
	}
	ingress, _, _ := unstructured.NestedSlice(service.Object, "status", "loadBalancer", "ingress")
	if len(ingress) == 0 {
		return "", 0, false
	}
	first, _ := ingress[0].(map[string]any)
	host, _, _ = unstructured.NestedString(first, "hostname")
	if host == "" {
		host, _, _ = unstructured.NestedString(first, "ip")
	}
	number, _, _ := unstructured.NestedInt64(entry, "port")
	return host, int(number), host != ""
}
