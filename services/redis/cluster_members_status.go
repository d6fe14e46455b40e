package redis

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// member is what is seen of one.
type member struct {
	pod corev1.Pod
	// leads: clients are led to it; since when. well: it is the primary, or has what the
	// primary has. current: it is as it was last described.
	leads         bool
	since         time.Time
	well, current bool
}

// membersOf are those of an instance, by name.
func membersOf(v kubernetes.View, set appsv1.StatefulSet) []member {
	var all []member
	for _, o := range v.Pods {
		m := member{leads: kubernetes.Ready(o)}
		read(o, &m.pod)
		for _, c := range m.pod.Status.Conditions {
			if c.Type == corev1.PodReady {
				m.since = c.LastTransitionTime.Time
			}
		}
		server, sentinel := containerOf(m.pod, serverName), containerOf(m.pod, sentinelName)
		m.current = m.pod.Labels[appsv1.StatefulSetRevisionLabel] == set.Status.UpdateRevision
		m.well = m.pod.DeletionTimestamp == nil && v.NodeAnswers(m.pod.Spec.NodeName) &&
			server.State.Running != nil && server.Started != nil && *server.Started && sentinel.Ready
		all = append(all, m)
	}
	return all
}

// leading is the pod that clients are led to, or "": of two that say that they are the
// primary, the one that became it last.
func leading(all []member) (name string) {
	var since time.Time
	for _, m := range all {
		if m.leads && (name == "" || m.since.After(since)) {
			name, since = m.pod.Name, m.since
		}
	}
	return name
}

// lookAtMembers is Look at an instance with three members.
func (e *clusterEngine) lookAtMembers(v kubernetes.View) kubernetes.Seen {
	var set appsv1.StatefulSet
	read(v.Main, &set)
	var seen kubernetes.Seen
	seen.Stopping = set.Spec.Replicas != nil && *set.Spec.Replicas == 0
	caughtUp := set.Status.ObservedGeneration >= set.Generation
	seen.Stopped = seen.Stopping && caughtUp && set.Status.Replicas == 0 && len(v.Pods) == 0
	all := membersOf(v, set)
	seen.Primary = leading(all)
	seen.Serving = seen.Primary != ""
	well, current, run := 0, 0, ""
	var lost []string
	for _, m := range all {
		is := driver.Member{Name: m.pod.Name, Role: driver.RoleReplica, FailureDomain: v.NodeDomain(m.pod.Spec.NodeName), Ready: m.well}
		server := statusOf(m.pod)
		if m.pod.Name == seen.Primary {
			is.Role = driver.RolePrimary
		}
		if m.well {
			well++
			run += server.ContainerID + "\n"
		} else if what := lostOf(server); what != "" {
			lost = append(lost, m.pod.Name+": "+what)
		} else if why := unrestoredOf(server); why != nil {
			seen.Unrestored = why
		}
		if m.current {
			current++
		}
		seen.Members = append(seen.Members, is)
	}
	seen.Run = runOf(corev1.ContainerStatus{ContainerID: run}, v.Certificate)
	if len(lost) == guaranteedMembers {
		seen.Lost = strings.Join(lost, "; ")
	}
	seen.Whole = seen.Serving && caughtUp && well == guaranteedMembers && current == guaranteedMembers && !seen.Stopping
	if !seen.Whole && !seen.Stopped {
		seen.Message, seen.BlockedBy = explainMembers(v, seen, well)
	}
	return seen
}

// explainMembers says why an instance is not as it should be, and who has to act.
func explainMembers(v kubernetes.View, seen kubernetes.Seen, well int) (message, who string) {
	cause, who := kubernetes.Obstacle(v)
	switch {
	case seen.Lost != "":
		return "The data of all members is gone: " + seen.Lost + ". Nothing was begun anew in its place.", "operator"
	case seen.Serving && well < 2:
		return "It answers reads, and refuses writes until a replica has them too. " + cmp.Or(cause, seen.Absent()), who
	case seen.Serving && well < guaranteedMembers:
		return fmt.Sprintf("It serves, with %d of %d members. %s", well, guaranteedMembers, cmp.Or(cause, seen.Absent())), who
	case seen.Serving:
		return cmp.Or(cause, "It serves, and is being brought to what is wanted."), who
	case len(seen.Members) > 0:
		return "The server does not answer. " + cmp.Or(cause, "It is being started, or another member takes over, which takes some seconds."), who
	}
	return cause, who
}
