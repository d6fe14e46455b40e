package redis

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// aSet is a StatefulSet as its controller leaves it.
func aSet(replicas, generation, observed int64, running int64) *unstructured.Unstructured {
	o := kubernetes.Object("apps/v1", "StatefulSet", "n", "redis", nil, map[string]any{
		"spec":   map[string]any{"replicas": replicas},
		"status": map[string]any{"observedGeneration": observed, "replicas": running, "updateRevision": "r2"},
	})
	o.SetGeneration(generation)
	return o
}

func aPod(ready bool, revision string, container map[string]any) *unstructured.Unstructured {
	container["name"] = serverName
	return kubernetes.Object("v1", "Pod", "n", "redis-0", map[string]string{"controller-revision-hash": revision}, map[string]any{
		"spec": map[string]any{"nodeName": "node-1"},
		"status": map[string]any{
			"conditions":        []any{map[string]any{"type": "Ready", "status": map[bool]string{true: "True", false: "False"}[ready]}},
			"containerStatuses": []any{container},
		},
	})
}

func runs() map[string]any {
	return map[string]any{"containerID": "c1", "state": map[string]any{"running": map[string]any{}}}
}

func ended(key, message string) map[string]any {
	return map[string]any{"containerID": "c1", key: map[string]any{"terminated": map[string]any{"exitCode": int64(1), "message": message}}}
}

func TestWhatIsSeenOfAStatefulSet(t *testing.T) {
	for _, test := range []struct {
		name                                string
		main                                *unstructured.Unstructured
		pod                                 *unstructured.Unstructured
		serving, whole, stopped, isStopping bool
		says, who, lost                     string
	}{
		{name: "nothing there", stopped: true},
		{name: "being made", main: aSet(1, 1, 0, 0)},
		{name: "starting", main: aSet(1, 1, 1, 1), pod: aPod(false, "r2", runs()), says: "is being started"},
		{name: "as it should be", main: aSet(1, 2, 2, 1), pod: aPod(true, "r2", runs()), serving: true, whole: true},
		{name: "changed, and not seen yet", main: aSet(1, 3, 2, 1), pod: aPod(true, "r2", runs()), serving: true, says: "It serves"},
		{name: "changed, and not done yet", main: aSet(1, 3, 3, 1), pod: aPod(true, "r1", runs()), serving: true, says: "It serves"},
		{name: "its pod gone", main: aSet(1, 1, 1, 0)},
		{name: "stopping", main: aSet(0, 2, 2, 1), pod: aPod(false, "r2", runs()), isStopping: true, says: "does not answer"},
		{name: "stopping, and still there", main: aSet(0, 2, 1, 1), pod: aPod(true, "r2", runs()), serving: true, isStopping: true, says: "It serves"},
		{name: "to be stopped, and not seen yet", main: aSet(0, 2, 1, 0), isStopping: true},
		{name: "stopped", main: aSet(0, 2, 2, 0), stopped: true, isStopping: true},
		{name: "its data gone", main: aSet(1, 1, 1, 1), pod: aPod(false, "r2", ended("state", "DATA LOST: the volume is empty\n")), says: "the volume is empty", who: "operator", lost: "the volume is empty"},
		{name: "its data gone, and tried again", main: aSet(1, 1, 1, 1), pod: aPod(false, "r2", ended("lastState", "DATA LOST: x is gone\n")), says: "x is gone", who: "operator", lost: "x is gone"},
		{name: "its data back", main: aSet(1, 1, 1, 1), pod: aPod(true, "r2", ended("lastState", "DATA LOST: x is gone\n")), serving: true, whole: true},
		{name: "ended for another reason", main: aSet(1, 1, 1, 1), pod: aPod(false, "r2", ended("lastState", "")), says: "is being started"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := kubernetes.View{Main: test.main, NodeDomain: func(node string) string { return strings.Replace(node, "node", "zone", 1) }}
			if test.pod != nil {
				v.Pods = append(v.Pods, test.pod)
			}
			seen := (&clusterEngine{}).Look(v)
			if seen.Serving != test.serving || seen.Whole != test.whole || seen.Stopped != test.stopped || seen.Stopping != test.isStopping || seen.Lost != test.lost {
				t.Errorf("%+v", seen)
			}
			if !strings.Contains(seen.Message, test.says) || (test.says == "") != (seen.Message == "") || seen.BlockedBy != test.who {
				t.Errorf("it says %q, %q", seen.Message, seen.BlockedBy)
			}
			for _, m := range seen.Members {
				if m.Role != driver.RolePrimary || m.FailureDomain != "zone-1" || seen.Primary != "redis-0" {
					t.Errorf("%+v", m)
				}
			}
		})
	}
}

// What the server was told is brought into force anew with each of its starts and
// each certificate, and only then.
func TestRunsAreToldApart(t *testing.T) {
	look := func(container, certificate string) string {
		status := runs()
		status["containerID"] = container
		return (&clusterEngine{}).Look(kubernetes.View{
			Main: aSet(1, 1, 1, 1), Pods: []*unstructured.Unstructured{aPod(true, "r2", status)}, Certificate: []byte(certificate),
			NodeDomain: func(string) string { return "" },
		}).Run
	}
	if look("a", "x") != look("a", "x") || look("a", "x") == look("b", "x") || look("a", "x") == look("a", "y") {
		t.Error("runs are not told apart, or one is not the same")
	}
}

// What a pod says of a backup that it could not restore is told while nothing else is
// tried, and names nothing of the inside.
func TestWhyABackupWasNotRestored(t *testing.T) {
	said := func(text string) string { return notRestored + " " + text + " at https://s3.zone.example:443/bucket" }
	again := ended("lastState", said("ciphertext verification failed"))
	again["state"] = map[string]any{"running": map[string]any{}}
	for _, test := range []struct {
		name      string
		container map[string]any
		says      string // empty: nothing
		who       string
		permanent bool
	}{
		{"damaged", ended("state", said("Fatal: ciphertext verification failed")), "damaged", "you", true},
		{"damaged, and tried again", ended("lastState", said("ciphertext verification failed")), "damaged", "you", true},
		{"another attempt under way", again, "", "", false},
		{"another key", ended("state", said("Fatal: wrong password or no key found")), "damaged", "you", true},
		{"a piece of it gone", ended("state", said("Load(<data/1>) The specified key does not exist.")), "damaged", "you", true},
		{"all of it gone", ended("state", said("Fatal: unable to open config file: Stat: The specified key does not exist.")), "not there any more", "you", true},
		{"the place away", ended("state", said("Fatal: connection refused")), "place for backups", "operator", false},
		{"no restic", ended("state", said("sh: 1: restic: not found")), "no restic", "operator", false},
		{"ended for another reason", ended("state", "Killed"), "", "", false},
	} {
		v := kubernetes.View{Main: aSet(1, 1, 1, 1), Pods: []*unstructured.Unstructured{aPod(false, "r2", test.container)}, NodeDomain: func(string) string { return "" }}
		is := (&clusterEngine{}).Look(v).Unrestored
		if test.says == "" && is == nil {
			continue
		}
		if test.says == "" || is == nil || !strings.Contains(is.Message, test.says) || is.BlockedBy != test.who || is.Permanent != test.permanent || strings.Contains(is.Message, "zone.example") {
			t.Errorf("%s: %+v", test.name, is)
		}
	}
}
