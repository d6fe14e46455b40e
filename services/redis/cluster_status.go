package redis

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// dataLost begins what start.sh says of data that is gone.
const dataLost = "DATA LOST: "

// Look says what is true of an instance by its StatefulSet and pod.
func (e *clusterEngine) Look(v kubernetes.View) kubernetes.Seen {
	if v.Main == nil {
		return kubernetes.Seen{Stopped: len(v.Pods) == 0}
	}
	if v.Want.ServiceLevel == driver.Guaranteed {
		return e.lookAtMembers(v)
	}
	var set appsv1.StatefulSet
	read(v.Main, &set)
	var seen kubernetes.Seen
	seen.Stopping = set.Spec.Replicas != nil && *set.Spec.Replicas == 0
	caughtUp := set.Status.ObservedGeneration >= set.Generation
	seen.Stopped = seen.Stopping && caughtUp && set.Status.Replicas == 0 && len(v.Pods) == 0
	current := false
	for _, o := range v.Pods {
		var pod corev1.Pod
		read(o, &pod)
		m := driver.Member{Name: pod.Name, Role: driver.RolePrimary, FailureDomain: v.NodeDomain(pod.Spec.NodeName), Ready: kubernetes.Ready(o)}
		seen.Members = append(seen.Members, m)
		seen.Primary, seen.Serving = m.Name, m.Ready
		current = pod.Labels[appsv1.StatefulSetRevisionLabel] == set.Status.UpdateRevision
		container := statusOf(pod)
		seen.Run = runOf(container, v.Certificate)
		if !m.Ready {
			seen.Lost, seen.Unrestored = lostOf(container), unrestoredOf(container)
		}
	}
	seen.Whole = seen.Serving && caughtUp && current && !seen.Stopping
	if !seen.Whole && !seen.Stopped {
		seen.Message, seen.BlockedBy = explain(v, seen)
	}
	return seen
}

// read turns an object into its own type; what cannot be read stays empty.
func read(o *unstructured.Unstructured, into any) {
	_ = runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, into)
}

func statusOf(pod corev1.Pod) corev1.ContainerStatus { return containerOf(pod, serverName) }

func containerOf(pod corev1.Pod, name string) corev1.ContainerStatus {
	for _, s := range pod.Status.ContainerStatuses {
		if s.Name == name {
			return s
		}
	}
	return corev1.ContainerStatus{}
}

// runOf changes with each start of the server, which forgets what it was told, and
// with each certificate, which it has to be told of.
func runOf(s corev1.ContainerStatus, certificate []byte) string {
	sum := sha256.Sum256(append([]byte(s.ContainerID+"\n"), certificate...))
	return hex.EncodeToString(sum[:8])
}

// lostOf is what start.sh said of lost data when the container ended last, or "".
func lostOf(s corev1.ContainerStatus) string {
	for _, ended := range []*corev1.ContainerStateTerminated{s.State.Terminated, s.LastTerminationState.Terminated} {
		if ended == nil {
			continue
		}
		if what, lost := strings.CutPrefix(strings.TrimSpace(ended.Message), dataLost); lost {
			return what
		}
	}
	return ""
}

// unrestoredOf is why the backup that a pod is made of could not be restored, while no
// further attempt is under way; nil: nothing is wrong with it.
func unrestoredOf(s corev1.ContainerStatus) *driver.BlockedError {
	ended := s.State.Terminated
	if ended == nil {
		ended = s.LastTerminationState.Terminated
	}
	if ended == nil || s.State.Running != nil {
		return nil
	}
	said, failed := strings.CutPrefix(strings.TrimSpace(ended.Message), notRestored)
	if !failed {
		return nil
	}
	return unrestored(said)
}

// explain says why an instance is not as it should be, and who has to act; nobody
// where it goes on by itself.
func explain(v kubernetes.View, seen kubernetes.Seen) (message, who string) {
	cause, who := kubernetes.Obstacle(v)
	switch {
	case seen.Lost != "":
		return "A part of the data is gone: " + seen.Lost + ". Nothing was begun anew in its place.", "operator"
	case seen.Serving:
		return cmp.Or(cause, "It serves, and is being brought to what is wanted."), who
	case len(seen.Members) > 0:
		return "The server does not answer. " + cmp.Or(cause, "It is being started."), who
	}
	return cause, who
}

var lineEnds = strings.NewReplacer("\n", " ", "\r", " ")

// LogContainer implements kubernetes.Logged.
func (e *clusterEngine) LogContainer() string { return serverName }

// LogLine keeps what the server logs, and why it was not started.
func (e *clusterEngine) LogLine(line []byte) ([]byte, bool) {
	text := strings.TrimSpace(lineEnds.Replace(string(line)))
	return []byte(text), text != ""
}
