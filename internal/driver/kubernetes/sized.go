package kubernetes

import (
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver"
)

// Sized says whether all members have the plan that is wanted, in the container
// that runs the server, and all volumes the storage.
func Sized(v View, members []*unstructured.Unstructured, container string) bool {
	for _, pod := range members {
		if !hasSize(pod, container, v.Want.Plan) {
			return false
		}
	}
	for _, claim := range v.Volumes {
		text, _, _ := unstructured.NestedString(claim.Object, "status", "capacity", "storage")
		have, err := resource.ParseQuantity(text)
		if err != nil || have.Value() < v.Want.StorageGiB<<30 {
			return false
		}
	}
	return true
}

func hasSize(pod *unstructured.Unstructured, container string, plan driver.Plan) bool {
	containers, _, _ := unstructured.NestedSlice(pod.Object, "spec", "containers")
	for _, c := range containers {
		c, _ := c.(map[string]any)
		if c["name"] != container {
			continue
		}
		limits, _, _ := unstructured.NestedStringMap(c, "resources", "limits")
		cpu, err1 := resource.ParseQuantity(limits["cpu"])
		memory, err2 := resource.ParseQuantity(limits["memory"])
		return err1 == nil && err2 == nil && cpu.MilliValue() == plan.CPUMillis && memory.Value() == plan.MemoryMiB<<20
	}
	return false
}
