package postgresql

import (
	"encoding/json"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// aCluster is a Cluster as CloudNativePG leaves it.
func aCluster(phase, primary, hibernation string, annotations map[string]string) *unstructured.Unstructured {
	status := map[string]any{"phase": phase, "currentPrimary": primary}
	if hibernation != "" {
		status["conditions"] = []any{map[string]any{"type": "cnpg.io/hibernation", "status": hibernation}}
	}
	o := kubernetes.Object("postgresql.cnpg.io/v1", "Cluster", "n", "db", nil, map[string]any{"status": status})
	o.SetAnnotations(annotations)
	return o
}

func member(name, node string, ready bool) *unstructured.Unstructured {
	status := map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": map[bool]string{true: "True", false: "False"}[ready]}}}
	return kubernetes.Object("v1", "Pod", "n", name, map[string]string{"cnpg.io/podRole": "instance"}, map[string]any{"spec": map[string]any{"nodeName": node}, "status": status})
}

func TestWhatIsSeenOfACluster(t *testing.T) {
	one, three := driver.Instance{}, driver.Instance{ServiceLevel: guaranteed}
	allOf := func(ready ...bool) (pods []*unstructured.Unstructured) {
		for i, r := range ready {
			pods = append(pods, member("db-"+string(rune('1'+i)), "node-"+string(rune('1'+i)), r))
		}
		return pods
	}
	for _, test := range []struct {
		name                                string
		want                                driver.Instance
		main                                *unstructured.Unstructured
		pods                                []*unstructured.Unstructured
		serving, whole, stopped, isStopping bool
		says, who                           string
	}{
		{name: "nothing there", want: one, stopped: true},
		{name: "being made", want: one, main: aCluster("Setting up primary", "", "", nil)},
		{name: "healthy", want: one, main: aCluster(phaseHealthy, "db-1", "", nil), pods: allOf(true), serving: true, whole: true},
		{name: "healthy, says the operator, and a member is not ready", want: three, main: aCluster(phaseHealthy, "db-1", "", nil), pods: allOf(true, true, false), serving: true, says: "2 of 3 members. Not ready: db-3 in zone-3."},
		{name: "a member is missing", want: three, main: aCluster("Creating a new replica", "db-1", "", nil), pods: allOf(true, true), serving: true, says: "2 of 3 members. The others are being made."},
		{name: "its only pod gone", want: one, main: aCluster(phaseHealthy, "db-1", "", nil), says: "does not answer"},
		{name: "its only pod not ready", want: one, main: aCluster(phaseHealthy, "db-1", "", nil), pods: allOf(false), says: "does not answer"},
		{name: "healthy again in a moment", want: one, main: aCluster("Waiting for the instances to become active", "db-1", "", nil), pods: allOf(true), serving: true, says: "It serves"},
		{name: "failing over", want: three, main: aCluster(phaseFailingOver, "db-1", "", nil), pods: allOf(false, true, true), says: "The primary was lost."},
		{name: "failed over, and the old primary's node is away", want: three, main: aCluster(phaseFailingOver, "db-2", "", nil), pods: allOf(false, true, true), serving: true, says: "2 of 3 members. Not ready: db-1 in zone-1."},
		{name: "switching over", want: three, main: aCluster(phaseSwitchover, "db-2", "", nil), pods: allOf(true, true, true), serving: true, says: "The primary moves"},
		{name: "full", want: one, main: aCluster(phaseDiskFull, "db-1", "", nil), pods: allOf(false), says: "storage is full", who: "you"},
		{name: "beyond repair", want: one, main: aCluster(phaseUnrecoverable, "db-1", "", nil), pods: allOf(false), says: "by itself", who: "operator"},
		{name: "hibernation begun", want: one, main: aCluster(phaseHealthy, "db-1", "False", nil), pods: allOf(false), isStopping: true, says: "does not answer"},
		{name: "hibernated, a pod still ending", want: one, main: aCluster(phaseHealthy, "db-1", "True", nil), pods: allOf(false), isStopping: true, says: "does not answer"},
		{name: "hibernated", want: one, main: aCluster(phaseHealthy, "db-1", "True", nil), stopped: true, isStopping: true},
		{name: "fenced, a server still ending", want: three, main: aCluster("x", "db-1", "", map[string]string{fencing: `["*"]`}), pods: allOf(true, false), serving: true, says: "1 of 3"},
		{name: "fenced", want: three, main: aCluster("x", "db-1", "", map[string]string{fencing: `["*"]`}), pods: allOf(false, false), stopped: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := &clusterEngine{}
			seen := e.Look(kubernetes.View{Main: test.main, Pods: test.pods, Want: test.want, NodeDomain: func(node string) string { return strings.Replace(node, "node", "zone", 1) }})
			if seen.Serving != test.serving || seen.Whole != test.whole || seen.Stopped != test.stopped || seen.Stopping != test.isStopping {
				t.Errorf("%+v", seen)
			}
			if !strings.Contains(seen.Message, test.says) || (test.says == "") != (seen.Message == "") || seen.BlockedBy != test.who {
				t.Errorf("it says %q, %q", seen.Message, seen.BlockedBy)
			}
			if len(seen.Members) != len(test.pods) {
				t.Errorf("members %+v", seen.Members)
			}
			for _, m := range seen.Members {
				if (m.Role == driver.RolePrimary) != (m.Name == seen.Primary) || m.FailureDomain != "zone-"+m.Name[3:] {
					t.Errorf("%+v", m)
				}
			}
		})
	}
}

// a log line that the server passes on, one of the instance manager, and what is
// none at all.
var logLines = []struct{ line, want string }{
	{`{"level":"info","logger":"postgres","record":{"log_time":"2026-01-02 03:04:05.678 UTC","user_name":"alice","database_name":"app","process_id":"7","error_severity":"ERROR","message":"relation \"x\" does not exist"}}`,
		`2026-01-02 03:04:05.678 UTC [7] alice@app ERROR:  relation "x" does not exist`},
	{`{"logger":"postgres","record":{"log_time":"t","process_id":"7","error_severity":"FATAL","message":"two\nlines","detail":"d\nd","hint":"h"}}`, `t [7] FATAL:  two lines DETAIL: d d HINT: h`},
	{`{"level":"info","logger":"instance-manager","msg":"x"}`, ""},
	{`{"logger":"postgres","msg":"no record"}`, ""},
	{`{"logger":"postgres","record":"text"}`, ""},
	{`not JSON`, ""},
	{``, ""},
}

func TestLinesOfAMembersLog(t *testing.T) {
	for _, test := range logLines {
		got, ok := (&clusterEngine{}).LogLine([]byte(test.line))
		if string(got) != test.want || ok != (test.want != "") {
			t.Errorf("%s: %q, want %q", test.line, got, test.want)
		}
	}
}

func FuzzLinesOfAMembersLog(f *testing.F) {
	for _, test := range logLines {
		f.Add(test.line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got, ok := (&clusterEngine{}).LogLine([]byte(line))
		if ok && strings.ContainsAny(string(got), "\n\r") {
			t.Errorf("%q is more than a line", got)
		}
		if !ok && got != nil {
			t.Errorf("%q is left out and returned", got)
		}
		if ok && !json.Valid([]byte(line)) {
			t.Errorf("%q was read", line)
		}
	})
}
