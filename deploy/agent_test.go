package deploy

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

func geneva() Agent {
	return Agent{Zone: "geneva", Server: "https://souk.example:9443", CA: pem, Token: "once", Image: "registry.example:5000/souk:v1"}
}

// objects of a manifest, by kind and name.
func objects(t *testing.T, manifest string) map[string]map[string]any {
	t.Helper()
	found := map[string]map[string]any{}
	for text := range strings.SplitSeq(strings.TrimPrefix(manifest, "---\n"), "\n---\n") {
		var o map[string]any
		if err := yaml.Unmarshal([]byte(text), &o); err != nil {
			t.Fatal(err)
		}
		found[o["kind"].(string)+"/"+o["metadata"].(map[string]any)["name"].(string)] = o
	}
	return found
}

func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			v = v.(map[string]any)[p]
		case int:
			v = v.([]any)[p]
		}
	}
	return v
}

// The agent may connect to the place of backups where it is given one, and nowhere else.
func TestManifestOpensTheWayToBackups(t *testing.T) {
	a := geneva()
	ways := func() int {
		text, err := a.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		return len(at(objects(t, text)["NetworkPolicy/souk-agent"], "spec", "egress").([]any))
	}
	without := ways()
	a.Driver = map[string]any{"backups": map[string]any{"endpoint": "s3.example", "port": float64(9000)}}
	if with := ways(); with != without+1 {
		t.Errorf("%d ways out of the agent, and %d with backups", without, with)
	}
	text, _ := a.Manifest()
	if !strings.Contains(text, "port: 9000") {
		t.Error("the port is not open")
	}
}

func TestManifestIsFilledIn(t *testing.T) {
	a := geneva()
	a.Driver = map[string]any{"storageClass": "fast", "expose": map[string]any{"type": "NodePort", "host": "db.example"}}
	text, err := a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{"the-zone", "the-control-plane", "the-image", "the-version", "the-one-time-token", "65443"} {
		if strings.Contains(text, left) {
			t.Errorf("it still holds %q", left)
		}
	}
	o := objects(t, text)
	for _, c := range []struct {
		what string
		got  any
		want any
	}{
		{"image", at(o["StatefulSet/souk-agent"], "spec", "template", "spec", "containers", 0, "image"), a.Image},
		{"token", at(o["Secret/souk-agent-token"], "stringData", "token"), "once"},
		{"authority", at(o["ConfigMap/souk-agent"], "data", "server-ca.pem"), pem},
		{"namespace", at(o["Namespace/souk-system"], "metadata", "labels", "pod-security.kubernetes.io/enforce"), "restricted"},
		{"lease", at(o["Role/souk-agent"], "rules", 1, "resourceNames", 0), "souk-agent-geneva"},
		{"policy", at(o["ValidatingAdmissionPolicy/souk-agent"], "spec", "variables", 0, "expression"), "'geneva'"},
		{"port", at(o["NetworkPolicy/souk-agent"], "spec", "egress", 2, "ports", 0, "port"), 9443.0},
	} {
		if c.got != c.want {
			t.Errorf("%s is %v, not %v", c.what, c.got, c.want)
		}
	}
	var config map[string]any
	if err := yaml.Unmarshal([]byte(at(o["ConfigMap/souk-agent"], "data", "agent.yaml").(string)), &config); err != nil {
		t.Fatal(err)
	}
	driver := config["driver"].(map[string]any)
	if config["server"] != a.Server || driver["zone"] != "geneva" || driver["type"] != "kubernetes" || driver["storageClass"] != "fast" || at(driver, "expose", "host") != "db.example" || driver["topologyKey"] != "topology.kubernetes.io/zone" {
		t.Errorf("the configuration is %v", config)
	}
	other := geneva()
	other.Token = "another"
	text2, err := other.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	annotation := []any{"spec", "template", "metadata", "annotations", "souk/configuration"}
	if at(o["StatefulSet/souk-agent"], annotation...) == at(objects(t, text2)["StatefulSet/souk-agent"], annotation...) {
		t.Error("another configuration would not restart the agent")
	}
}

func TestValues(t *testing.T) {
	for image, want := range map[string][2]string{
		"registry.example:5000/souk:v1":          {"registry.example:5000/souk", "v1"},
		"souk:v1":                                {"souk", "v1"},
		"souk@sha256:" + strings.Repeat("a", 64): {"souk", "sha256:" + strings.Repeat("a", 64)},
		"registry.example/souk:v1@sha256:" + strings.Repeat("a", 64): {"registry.example/souk", "sha256:" + strings.Repeat("a", 64)},
	} {
		a := geneva()
		a.Image = image
		text, err := a.Values()
		if err != nil {
			t.Fatal(err)
		}
		var v map[string]any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if at(v, "image", "repository") != want[0] || at(v, "image", "tag") != want[1] || v["zone"] != "geneva" || v["serverCA"] != pem || v["token"] != "once" {
			t.Errorf("%s: %v", image, v)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Agent)
		says   string
	}{
		"zone":       {func(a *Agent) { a.Zone = "a'b" }, "zone"},
		"no server":  {func(a *Agent) { a.Server = "" }, "agentURL"},
		"plain http": {func(a *Agent) { a.Server = "http://souk.example" }, "agentURL"},
		"no CA":      {func(a *Agent) { a.CA = "" }, "authority"},
		"no image":   {func(a *Agent) { a.Image = "" }, "REPOSITORY:TAG"},
		"no tag":     {func(a *Agent) { a.Image = "registry.example:5000/souk" }, "REPOSITORY:TAG"},
	} {
		t.Run(name, func(t *testing.T) {
			a := geneva()
			c.change(&a)
			for _, f := range []func() (string, error){a.Values, a.Manifest} {
				if _, err := f(); err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}
