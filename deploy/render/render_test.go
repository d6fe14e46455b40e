package main

import (
	"os"
	"strings"
	"testing"
)

const (
	agentChart  = "../charts/souk-agent"
	agentValues = "../manifests/agent.values.yaml"
)

func file(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The plain manifests are what the chart makes; scripts/generate.sh writes them.
func TestPlainManifestsAreTheChart(t *testing.T) {
	text, err := Render(agentChart, []byte(file(t, agentValues)), "souk-agent", "souk-system")
	if err != nil {
		t.Fatal(err)
	}
	if text != file(t, "../manifests/agent.yaml") {
		t.Error("deploy/manifests/agent.yaml is not what the chart makes: run make generate")
	}
}

const given = `
zone: geneva
server: https://souk.example:8443
serverCA: "-----BEGIN CERTIFICATE-----"
`

func TestAgentValues(t *testing.T) {
	for _, c := range []struct {
		name, values string
		has          []string
	}{
		{"least", given, []string{"image: \"souk:", "port: 8443", "name: souk-instance", "optional: true"}},
		{"standard port", strings.Replace(given, ":8443", "", 1), []string{"- {protocol: TCP, port: 443}"}},
		{"digest", given + "image: {repository: r/souk, tag: 'sha256:" + strings.Repeat("a", 64) + "'}", []string{"r/souk@sha256:aaa"}},
		{"node port", given + "driver: {expose: {type: NodePort, host: db.example}}", []string{"host: db.example", "type: NodePort", "topologyKey: topology.kubernetes.io/zone"}},
		{"timeouts", given + "agent: {timeouts: {resync: 1m}}", []string{"resync: 1m", "type: kubernetes"}},
		{"where things are", given + "networkPolicy: {apiServerCIDRs: [192.0.2.0/24], controlPlaneCIDRs: ['2001:db8::/32']}", []string{`cidr: "192.0.2.0/24"`, `cidr: "2001:db8::/32"`}},
		{"placed", given + "nodeSelector: {a: b}\ntolerations: [{key: c}]\npriorityClassName: high\npersistence: {storageClass: fast, size: 2Gi}", []string{"a: b", "key: c", "priorityClassName: high", "storageClassName: fast", "storage: 2Gi"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := Render(agentChart, []byte(c.values), "souk-agent", "souk-system")
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.has {
				if !strings.Contains(text, want) {
					t.Errorf("there is no %q in\n%s", want, text)
				}
			}
		})
	}
}

func TestAgentValuesRefused(t *testing.T) {
	for _, c := range []struct{ name, values, says string }{
		{"nothing", "", "/zone"},
		{"zone", strings.Replace(given, "geneva", "Geneva!", 1), "/zone"},
		{"plain http", strings.Replace(given, "https:", "http:", 1), "/server"},
		{"authority", strings.Replace(given, "BEGIN", "", 1), "/serverCA"},
		{"unknown key", given + "zome: x", "zome"},
		{"unknown key below", given + "image: {repo: x}", "repo"},
		{"type of the driver", given + "driver: {type: process}", "/driver"},
		{"node port without a host", given + "driver: {expose: {type: NodePort}}", "/driver/expose"},
		{"way of exposing", given + "driver: {expose: {type: Ingress}}", "/driver/expose/type"},
		{"engine without an image", given + "driver: {engines: {mariadb: {version: '10'}}}", "/driver/engines/mariadb"},
		{"size", given + "persistence: {size: big}", "/persistence/size"},
		{"network", given + "networkPolicy: {apiServerCIDRs: [here]}", "/networkPolicy/apiServerCIDRs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Render(agentChart, []byte(c.values), "souk-agent", "souk-system")
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A second zone in a cluster shares nothing with the first but the role that both
// bind.
func TestTwoZonesInOneCluster(t *testing.T) {
	names := func(values, namespace string) map[string]bool {
		text, err := Render(agentChart, []byte(values), "souk-agent", namespace)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for object := range strings.SplitSeq(text, "\n---\n") {
			var key []string
			for _, field := range []string{"\nkind: ", "\n  name: ", "\n  namespace: "} {
				_, rest, _ := strings.Cut(object, field)
				value, _, _ := strings.Cut(rest, "\n")
				key = append(key, value)
			}
			found[strings.Join(key, "/")] = true
		}
		return found
	}
	first := names(given, "souk-system")
	for name := range names(given+"clusterName: second\ninstanceRole: {create: false}", "souk-second") {
		if first[name] {
			t.Errorf("both have %s", name)
		}
	}
}
