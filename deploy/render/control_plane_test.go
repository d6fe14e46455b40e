package main

import (
	"strings"
	"testing"
)

const (
	controlPlaneChart = "../charts/souk"
	public            = "publicURL: https://souk.example\n"
	elsewhere         = public + "record: {create: false, host: db.example, caSecret: db-ca, passwords: {owner: o, app: a, system: s}}\n"
)

func TestControlPlaneValues(t *testing.T) {
	for _, c := range []struct {
		name, values string
		has, hasNot  []string
	}{
		{"least", public,
			[]string{"kind: Cluster\n", "replicas: 2\n", "host=souk-record-rw ", "agentURL: https://souk-agents.souk.svc:8443", "- souk-agents.souk.svc", "name: souk-migrate-first\n", "kind: PodDisruptionBudget", "maxUnavailable: 0", "dataDurability: required", "agentImage: souk:0.1.0", "keyring: "},
			[]string{"kind: Ingress", "kind: ServiceMonitor", "helm.sh/hook", "mail:"}},
		{"a record of one's own", elsewhere,
			[]string{"host=db.example ", "secretName: db-ca", "secretName: o,", "helm.sh/hook: pre-install,pre-upgrade", "name: souk-migrate\n"},
			[]string{"kind: Cluster\n", "migrate-first", "souk-record"}},
		{"one replica", public + "replicas: 1", nil, []string{"kind: PodDisruptionBudget"}},
		{"a small record", public + "record: {instances: 2}", []string{"dataDurability: preferred"}, nil},
		{"the smallest record", public + "record: {instances: 1}", nil, []string{"synchronous:"}},
		{"agents from outside", public + "agents: {url: 'https://agents.example:9443', names: [agents.example], service: {type: LoadBalancer, port: 9443}}",
			[]string{"agentURL: https://agents.example:9443", "- agents.example\n", "type: LoadBalancer", "port: 9443"}, nil},
		{"a proxy", public + "ingress: {enabled: true, host: souk.example, tlsSecret: tls, className: nginx}\nconfig: {trustedProxies: [10.0.0.0/8]}",
			[]string{"kind: Ingress", "secretName: tls", "ingressClassName: nginx", "- 10.0.0.0/8"}, nil},
		{"mail", public + "mail: {config: {host: mail.example, from: souk@souk.example}, passwordSecret: mail-password}",
			[]string{"passwordFile: /etc/souk/mail/password", "secretName: mail-password", "host: mail.example"}, nil},
		{"a keyring of one's own", public + "keyring: {secret: keys}", []string{"secretName: keys,"}, []string{"souk-keyring"}},
		{"time to stop", public + "stopDelaySeconds: 20", []string{"stopDelaySeconds: 20", "terminationGracePeriodSeconds: 45"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := Render(controlPlaneChart, []byte(c.values), "souk", "souk")
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.has {
				if !strings.Contains(text, want) {
					t.Errorf("there is no %q in\n%s", want, text)
				}
			}
			for _, not := range c.hasNot {
				if strings.Contains(text, not) {
					t.Errorf("there is a %q in\n%s", not, text)
				}
			}
		})
	}
}

// What serves has no way to the owner's password, and no configuration holds a secret.
func TestControlPlaneKeepsSecretsApart(t *testing.T) {
	text, err := Render(controlPlaneChart, []byte(public+"mail: {config: {host: mail.example}, passwordSecret: mail-password}"), "souk", "souk")
	if err != nil {
		t.Fatal(err)
	}
	for object := range strings.SplitSeq(text, "---\n") {
		if strings.Contains(object, "kind: Deployment\n") && strings.Contains(object, "owner") {
			t.Errorf("what serves gets something of the owner:\n%s", object)
		}
		if strings.Contains(object, "kind: ConfigMap\n") && (strings.Contains(object, "password=") || strings.Contains(object, "keys")) {
			t.Errorf("a secret in\n%s", object)
		}
	}
}

func TestControlPlaneValuesRefused(t *testing.T) {
	for _, c := range []struct{ name, values, says string }{
		{"nothing", "", "/publicURL"},
		{"path in the URL", "publicURL: https://souk.example/portal", "/publicURL"},
		{"unknown key", public + "replica: 3", "replica"},
		{"no replica", public + "replicas: 0", "/replicas"},
		{"a record of nobody", public + "record: {create: false}", "/record/host"},
		{"no password of a record", public + "record: {create: false, host: db.example}", "/record/passwords"},
		{"agents without names", public + "agents: {url: https://agents.example}", "/agents/names"},
		{"ingress without a host", public + "ingress: {enabled: true}", "/ingress/host"},
		{"a password in the values", public + "mail: {config: {host: m, passwordFile: /x}}", "/mail/config"},
		{"another configuration", public + "config: {listen: '0.0.0.0:1'}", "listen"},
		{"demonstration data", public + "config: {demo: {}}", "demo"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Render(controlPlaneChart, []byte(c.values), "souk", "souk")
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}
