package kubernetes

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Ready says whether a pod answers, as far as its node was heard of.
func Ready(pod *unstructured.Unstructured) bool {
	c := condition(pod, "Ready")
	return c["status"] == "True" && pod.GetDeletionTimestamp() == nil
}

func condition(o *unstructured.Unstructured, kind string) map[string]any {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == kind {
			return c
		}
	}
	return nil
}

// Obstacle says in plain words what keeps the pods and volumes of an instance
// from being as they should be, and who has to act; nothing where nothing does,
// or where it goes on by itself.
func Obstacle(v View) (message, who string) {
	for _, look := range []func(View) (string, string){imageObstacle, volumeObstacle, roomObstacle, crashObstacle, quotaObstacle} {
		if message, who = look(v); message != "" {
			return message, who
		}
	}
	return "", ""
}

// waitingReasons are why containers of a pod wait, with the image of each.
func waitingReasons(pod *unstructured.Unstructured) map[string]string {
	out := map[string]string{}
	for _, kind := range []string{"initContainerStatuses", "containerStatuses"} {
		statuses, _, _ := unstructured.NestedSlice(pod.Object, "status", kind)
		for _, s := range statuses {
			status, _ := s.(map[string]any)
			reason, _, _ := unstructured.NestedString(status, "state", "waiting", "reason")
			image, _, _ := unstructured.NestedString(status, "image")
			if reason != "" {
				out[reason] = image
			}
		}
	}
	return out
}

func imageObstacle(v View) (string, string) {
	for _, pod := range v.Pods {
		waiting := waitingReasons(pod)
		for _, reason := range []string{"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"} {
			if image, ok := waiting[reason]; ok {
				return fmt.Sprintf("The zone cannot fetch the image %s. The operator of the zone has to put it into the registry, or correct its name.", image), "operator"
			}
		}
	}
	return "", ""
}

func crashObstacle(v View) (string, string) {
	for _, pod := range v.Pods {
		if _, ok := waitingReasons(pod)["CrashLoopBackOff"]; ok {
			return fmt.Sprintf("%s ends again and again after it was started. The operator of the zone finds the reason in its log.", pod.GetName()), "operator"
		}
	}
	return "", ""
}

// volumeObstacle says why a volume cannot be made. Waiting for its first pod is
// no obstacle.
func volumeObstacle(v View) (string, string) {
	pending := slices.ContainsFunc(v.Volumes, func(c *unstructured.Unstructured) bool { return PhaseOf(c) == "Pending" })
	if !pending || v.Warnings == nil {
		return "", ""
	}
	for _, warning := range slices.Backward(v.Warnings()) {
		reason, _, _ := strings.Cut(warning, ":")
		switch reason {
		case "ProvisioningFailed", "FailedBinding":
			return "The zone's storage cannot make a volume for it. The operator of the zone finds the reason in the events of the instance's namespace.", "operator"
		case "ExternalProvisioning":
			return "The zone's storage does not make a volume for it. The operator of the zone has to look whether the provisioner of its storage class runs; it then goes on by itself.", "operator"
		}
	}
	return "", ""
}

// quotaObstacle says that something may not be made, where all that is there is
// as it should be or nothing is there.
func quotaObstacle(v View) (string, string) {
	ailing := slices.ContainsFunc(v.Pods, func(pod *unstructured.Unstructured) bool { return PhaseOf(pod) != "Succeeded" && !Ready(pod) })
	if ailing || v.Warnings == nil {
		return "", ""
	}
	for _, warning := range slices.Backward(v.Warnings()) {
		if strings.Contains(warning, "exceeded quota") {
			return quotaUsedUp, "capacity"
		}
	}
	return "", ""
}

// roomObstacle says why a pod finds no node.
func roomObstacle(v View) (string, string) {
	for _, pod := range v.Pods {
		c := condition(pod, "PodScheduled")
		if c["status"] != "False" || c["reason"] != "Unschedulable" {
			continue
		}
		reason, _ := c["message"].(string)
		for _, what := range []string{"memory", "cpu"} {
			if strings.Contains(reason, "Insufficient "+what) {
				return fmt.Sprintf("No node of the zone has room for %s: there is not enough %s. The operator of the zone has to add capacity; it then goes on by itself.", pod.GetName(), map[string]string{"memory": "memory", "cpu": "processor time"}[what]), "capacity"
			}
		}
		switch {
		case strings.Contains(reason, "persistentvolumeclaim") && strings.Contains(reason, "not found"):
			continue // it is being made
		case strings.Contains(reason, "unbound immediate PersistentVolumeClaims"):
			return "The zone's storage has no volume for it. The operator of the zone has to look at the storage class.", "operator"
		case strings.Contains(reason, "volume node affinity"), strings.Contains(reason, "untolerated taint"), strings.Contains(reason, "unschedulable"):
			return fmt.Sprintf("%s waits for the node that has its data. The operator of the zone has to bring the node back.", pod.GetName()), "operator"
		case strings.Contains(reason, "anti-affinity"):
			return fmt.Sprintf("%s waits for a node in a failure domain of its own. The operator of the zone has to add one, or bring one back.", pod.GetName()), "operator"
		}
		return fmt.Sprintf("No node of the zone takes %s. The operator of the zone finds the reason in the pod's events.", pod.GetName()), "operator"
	}
	return "", ""
}
