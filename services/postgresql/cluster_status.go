package postgresql

import (
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// Phases of a Cluster, as CloudNativePG names them (api/v1, cluster_types.go).
const (
	phaseHealthy       = "Cluster in healthy state"
	phaseFailingOver   = "Failing over"
	phaseSwitchover    = "Switchover in progress"
	phaseUnrecoverable = "Cluster is unrecoverable and needs manual intervention"
	phaseDiskFull      = "Not enough disk space"
)

// members are the pods that run a server.
func members(v kubernetes.View) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, pod := range v.Pods {
		if pod.GetLabels()["cnpg.io/podRole"] == "instance" {
			out = append(out, pod)
		}
	}
	return out
}

func text(o *unstructured.Unstructured, path ...string) string {
	s, _, _ := unstructured.NestedString(o.Object, path...)
	return s
}

// Look says what is true of a cluster.
func (e *clusterEngine) Look(v kubernetes.View) kubernetes.Seen {
	if v.Main == nil {
		return kubernetes.Seen{Stopped: len(v.Pods) == 0}
	}
	var seen kubernetes.Seen
	wanted := e.Members(v.Want.ServiceLevel)
	primary, phase := text(v.Main, "status", "currentPrimary"), text(v.Main, "status", "phase")
	ready := 0
	for _, pod := range members(v) {
		m := driver.Member{Name: pod.GetName(), Role: "replica", FailureDomain: v.NodeDomain(text(pod, "spec", "nodeName")), Ready: kubernetes.Ready(pod)}
		if m.Name == primary {
			m.Role = "primary"
			seen.Serving = m.Ready
		}
		if m.Ready {
			ready++
		}
		seen.Members = append(seen.Members, m)
	}
	seen.Primary = primary
	hibernation := hibernationOf(v.Main)
	seen.Stopped = hibernation == "True" && len(v.Pods) == 0 || fenced(v.Main) && ready == 0
	seen.Stopping = hibernation != ""
	seen.Whole = seen.Serving && ready >= wanted && phase == phaseHealthy
	if !seen.Whole && !seen.Stopped {
		seen.Message, seen.BlockedBy = e.explain(v, phase, seen, ready, wanted)
	}
	return seen
}

// hibernationOf is the status of a cluster's hibernation; empty where none is
// under way: only that of a healthy cluster begins.
func hibernationOf(cluster *unstructured.Unstructured) string {
	conditions, _, _ := unstructured.NestedSlice(cluster.Object, "status", "conditions")
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		if condition["type"] == "cnpg.io/hibernation" {
			status, _ := condition["status"].(string)
			return status
		}
	}
	return ""
}

// fencing is the annotation that has members end their servers and stay, for
// a cluster that is not well enough to hibernate.
const fencing = "cnpg.io/fencedInstances"

func fenced(cluster *unstructured.Unstructured) bool { return cluster.GetAnnotations()[fencing] != "" }

// explain says why a cluster is not as it should be, and who has to act; nobody
// where it goes on by itself.
func (e *clusterEngine) explain(v kubernetes.View, phase string, seen kubernetes.Seen, ready, wanted int) (message, who string) {
	var cause string
	switch phase {
	case phaseUnrecoverable:
		cause, who = "CloudNativePG cannot bring the cluster back by itself. The operator of the zone has to look at it.", "operator"
	case phaseDiskFull:
		cause, who = "The storage is full, and the server stopped. Ask for more storage.", "you"
	default:
		cause, who = kubernetes.Obstacle(v)
	}
	switch {
	case seen.Serving && ready < wanted:
		return strings.TrimSpace(fmt.Sprintf("It serves, with %d of %d members. %s", ready, wanted, orElse(cause, seen.Absent()))), who
	case phase == phaseFailingOver && cause == "":
		return "The primary was lost. Another member takes over, which takes some seconds.", ""
	case phase == phaseSwitchover && cause == "":
		return "The primary moves to another member, which takes some seconds.", ""
	case (len(seen.Members) > 0 || seen.Primary != "") && !seen.Serving:
		return strings.TrimSpace("The server does not answer. " + orElse(cause, "It is being started again, or another member takes over.")), who
	case seen.Serving:
		return orElse(cause, "It serves, and is being brought to what is wanted."), who
	}
	return cause, who
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// logEntry is a line of a member's log: JSON of the instance manager, which
// passes on what the server logs.
type logEntry struct {
	Logger string `json:"logger"`
	Record struct {
		Time     string `json:"log_time"`
		User     string `json:"user_name"`
		Database string `json:"database_name"`
		Process  string `json:"process_id"`
		Severity string `json:"error_severity"`
		Message  string `json:"message"`
		Detail   string `json:"detail"`
		Hint     string `json:"hint"`
	} `json:"record"`
}

var lineEnds = strings.NewReplacer("\n", " ", "\r", " ")

// LogLine keeps what the server itself logs.
func (e *clusterEngine) LogLine(line []byte) ([]byte, bool) {
	var entry logEntry
	if json.Unmarshal(line, &entry) != nil || entry.Logger != "postgres" || entry.Record.Message == "" {
		return nil, false
	}
	r := entry.Record
	out := fmt.Sprintf("%s [%s]", r.Time, r.Process)
	if r.User != "" {
		out += fmt.Sprintf(" %s@%s", r.User, r.Database)
	}
	out += fmt.Sprintf(" %s:  %s", r.Severity, r.Message)
	if r.Detail != "" {
		out += " DETAIL: " + r.Detail
	}
	if r.Hint != "" {
		out += " HINT: " + r.Hint
	}
	return []byte(lineEnds.Replace(out)), true
}

// LogFormat says how the lines of LogLine are written: as by a server on a machine.
func (e *clusterEngine) LogFormat() driver.LogFormat { return logFormat }
