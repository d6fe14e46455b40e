package redis

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

var (
	_ kubernetes.Addressed   = (*clusterEngine)(nil)
	_ kubernetes.Accompanied = (*clusterEngine)(nil)
)

// Addresses has a Service for each member, ready or not.
func (e *clusterEngine) Addresses(job *kubernetes.Job) []*unstructured.Unstructured {
	if job.Want.ServiceLevel != driver.Guaranteed {
		return nil
	}
	port := func(name string, number int) any {
		return map[string]any{"name": name, "protocol": "TCP", "port": int64(number), "targetPort": int64(number)}
	}
	var out []*unstructured.Unstructured
	for _, name := range e.memberNames() {
		out = append(out, kubernetes.Object("v1", "Service", job.Namespace, name, job.Labels, map[string]any{"spec": map[string]any{
			"type": "ClusterIP", "selector": map[string]any{"statefulset.kubernetes.io/pod-name": name}, "publishNotReadyAddresses": true,
			"ports": []any{port("redis", serverPort), port("sentinel", sentinelPort)},
		}}))
	}
	return out
}

// Beside is what the Sentinel of a member may take.
func (e *clusterEngine) Beside(level string) driver.Plan {
	if level != driver.Guaranteed {
		return driver.Plan{}
	}
	return driver.Plan{CPUMillis: 200, MemoryMiB: 64}
}

// memberClaims are the volumes of the members. Theirs is a template of the StatefulSet's,
// so that each pod has its own; one that is gone is filled from the primary's.
func (e *clusterEngine) memberClaims(job *kubernetes.Job) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, name := range e.memberNames() {
		spec := claimSpec(job, fmt.Sprintf("%dGi", job.Want.StorageGiB))
		out = append(out, kubernetes.Object("v1", "PersistentVolumeClaim", job.Namespace, memberClaim(name), job.Labels, map[string]any{"spec": spec}))
	}
	return out
}

func claimSpec(job *kubernetes.Job, size string) map[string]any {
	spec := map[string]any{
		"accessModes": []any{"ReadWriteOnce"},
		"resources":   map[string]any{"requests": map[string]any{"storage": size}},
	}
	if job.StorageClass != "" {
		spec["storageClassName"] = job.StorageClass
	}
	return spec
}

// templateSize is the size in the StatefulSet's template, which cannot change: the claims
// themselves grow.
func templateSize(job *kubernetes.Job) string {
	if job.Main != nil {
		templates, _, _ := unstructured.NestedSlice(job.Main.Object, "spec", "volumeClaimTemplates")
		for _, t := range templates {
			t, _ := t.(map[string]any)
			if size, _, _ := unstructured.NestedString(t, "spec", "resources", "requests", "storage"); size != "" {
				return size
			}
		}
	}
	return fmt.Sprintf("%dGi", job.Want.StorageGiB)
}

// memberSet makes the StatefulSet of one member that of all.
func (e *clusterEngine) memberSet(job *kubernetes.Job, set *unstructured.Unstructured) *unstructured.Unstructured {
	spec := set.Object["spec"].(map[string]any)
	if spec["replicas"] != int64(0) {
		spec["replicas"] = int64(guaranteedMembers)
	}
	spec["updateStrategy"] = map[string]any{"type": "OnDelete"} // Tend does it, the primary last
	spec["volumeClaimTemplates"] = []any{map[string]any{
		"apiVersion": "v1", "kind": "PersistentVolumeClaim",
		"metadata": map[string]any{"name": volumeName, "labels": kubernetes.Labels(job.Labels)}, "spec": claimSpec(job, templateSize(job)),
	}}
	template := spec["template"].(map[string]any)
	e.memberPod(job, template["spec"].(map[string]any))
	return set
}

// memberPod makes the pod of one member alone that of one among others.
func (e *clusterEngine) memberPod(job *kubernetes.Job, pod map[string]any) {
	pod["affinity"] = map[string]any{"podAntiAffinity": map[string]any{"requiredDuringSchedulingIgnoredDuringExecution": []any{
		map[string]any{"topologyKey": job.TopologyKey, "labelSelector": map[string]any{"matchLabels": kubernetes.Labels(e.podLabels())}},
	}}}
	var volumes []any
	for _, v := range pod["volumes"].([]any) {
		if v.(map[string]any)["name"] != volumeName {
			volumes = append(volumes, v)
		}
	}
	pod["volumes"] = append(volumes, map[string]any{"name": "ca", "secret": map[string]any{"secretName": kubernetes.ServerCASecret, "defaultMode": int64(0o440)}})

	server := pod["containers"].([]any)[0].(map[string]any)
	server["volumeMounts"] = append(server["volumeMounts"].([]any), map[string]any{"name": "ca", "mountPath": "/ca", "readOnly": true})
	server["env"] = append(server["env"].([]any), e.memberEnv(job)...)
	sentinel := map[string]any{
		"name": sentinelName, "image": server["image"], "command": memberCommand("sentinel"), "env": server["env"],
		"volumeMounts": server["volumeMounts"], "securityContext": server["securityContext"],
		"ports": []any{map[string]any{"name": "sentinel", "containerPort": int64(sentinelPort), "protocol": "TCP"}},
		"resources": map[string]any{
			"requests": map[string]any{"cpu": "25m", "memory": "32Mi"}, "limits": kubernetes.Resources(e.Beside(driver.Guaranteed)),
		},
		"readinessProbe": probing(memberCommand("well"), 3, 3),
		"livenessProbe":  probing(memberCommand("fresh"), 10, 3),
	}
	server["command"] = memberCommand("server")
	// A replica refuses to wait for none of its own.
	server["readinessProbe"] = probing([]any{"redis-cli", "-s", podSettings["unixsocket"], "--user", podLogin, "--no-auth-warning", "-e", "WAIT", "0", "0"}, 1, 2)
	pod["containers"] = []any{server, sentinel}
}

func memberCommand(what string) []any { return []any{"sh", "/conf/member.sh", what} }

func probing(command []any, period, failures int64) map[string]any {
	return map[string]any{"exec": map[string]any{"command": command}, "periodSeconds": period, "timeoutSeconds": int64(5), "failureThreshold": failures}
}

// memberEnv tells a pod who it is among which others.
func (e *clusterEngine) memberEnv(job *kubernetes.Job) []any {
	var all []string
	for _, name := range e.memberNames() {
		all = append(all, job.Addresses[name])
	}
	env := []any{
		map[string]any{"name": "NAME", "valueFrom": map[string]any{"fieldRef": map[string]any{"apiVersion": "v1", "fieldPath": "metadata.name"}}},
		map[string]any{"name": "MEMBERS", "value": strings.Join(all, " ")},
	}
	return env
}
