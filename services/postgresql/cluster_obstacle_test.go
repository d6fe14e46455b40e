//go:build e2e

package postgresql

import (
	"context"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

var (
	storageClasses = schema.GroupVersionResource{Group: "storage.k8s.io", Version: "v1", Resource: "storageclasses"}
	rules          = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicies"}
	bindings       = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicybindings"}
	webhooks       = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"}
)

const silentClass = `{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: e2e-silent}, provisioner: nobody.example/silent}`

// TestClusterObstacles: what keeps a new instance from being made is said in
// plain words, with who has to act, and what was begun can be removed.
func TestClusterObstacles(t *testing.T) {
	for _, test := range []struct {
		name, zone, says, who string
		config                func(*kubernetes.Config, *clusterConfig)
		prepare               func(p *place, want *driver.Instance)
	}{
		{
			name: "an image that is not there", zone: "fault-image", says: "image registry.testbed/absent:15", who: "operator",
			config: func(_ *kubernetes.Config, e *clusterConfig) { e.Image = "registry.testbed/absent:15" },
		}, {
			name: "no node with room", zone: "fault-room", says: "not enough memory", who: "capacity",
			prepare: func(_ *place, want *driver.Instance) { want.Plan.MemoryMiB = 1 << 20 },
		}, {
			name: "a storage class that is not there", zone: "fault-class", says: "storage", who: "operator",
			config: func(c *kubernetes.Config, _ *clusterConfig) { c.StorageClass = "absent" },
		}, {
			name: "a storage that does not answer", zone: "fault-silent", says: "provisioner", who: "operator",
			config:  func(c *kubernetes.Config, _ *clusterConfig) { c.StorageClass = "e2e-silent" },
			prepare: func(p *place, _ *driver.Instance) { p.make(storageClasses, "", silentClass) },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var config []func(*kubernetes.Config, *clusterConfig)
			if test.config != nil {
				config = append(config, test.config)
			}
			p := newPlace(t, test.zone, config...)
			want := p.order()
			if test.prepare != nil {
				test.prepare(p, want)
			}
			p.until(want, func(seen driver.Observation, err error) bool {
				if err != nil || seen.State != driver.StateCreating {
					t.Fatalf("%s, %v", seen.State, err)
				}
				return strings.Contains(seen.Message, test.says) && seen.BlockedBy == test.who
			})
			if seen, err := p.Observe(t.Context(), want.ID); err != nil || !strings.Contains(seen.Message, test.says) || seen.BlockedBy != test.who {
				t.Errorf("a look at it says %q, %q, %v", seen.Message, seen.BlockedBy, err)
			}
		})
	}
}

// TestClusterQuota: a quota that somebody set on an instance's namespace is
// named, and without it the instance goes on by itself.
func TestClusterQuota(t *testing.T) {
	p := newPlace(t, "fault-quota")
	want := p.order()
	p.namespaceFor(want, "fault-quota")
	namespace := "souk-" + want.ID
	p.make(core("resourcequotas"), namespace, `{apiVersion: v1, kind: ResourceQuota, metadata: {name: none}, spec: {hard: {pods: "0"}}}`)
	p.until(want, func(seen driver.Observation, err error) bool {
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(seen.Message, "quota") && seen.BlockedBy == "capacity"
	})
	p.gone(core("resourcequotas"), namespace, "none")
	p.running(want)
}

// TestClusterRules: what the cluster's own rules refuse is said in plain words,
// and goes on once they do not.
func TestClusterRules(t *testing.T) {
	const zone = "fault-rules"
	p := newPlace(t, zone)
	const selector = `namespaceSelector: {matchLabels: {souk/zone: ` + zone + `}}`
	const what = `{apiGroups: [postgresql.cnpg.io], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: [clusters]}`
	for _, test := range []struct {
		name, says string
		set        func(p *place)
		lift       func(p *place)
	}{
		{
			"a rule that refuses", "refuses",
			func(p *place) {
				p.make(rules, "", `{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, metadata: {name: e2e-refuses}, spec: {matchConstraints: {resourceRules: [`+what+`]}, validations: [{expression: "false", message: "no"}]}}`)
				p.make(bindings, "", `{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: {name: e2e-refuses}, spec: {policyName: e2e-refuses, validationActions: [Deny], matchResources: {`+selector+`}}}`)
			},
			func(p *place) { p.gone(bindings, "", "e2e-refuses"); p.gone(rules, "", "e2e-refuses") },
		}, {
			"a webhook that does not answer", "does not answer",
			func(p *place) {
				p.make(webhooks, "", `{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: e2e-silent}, webhooks: [{name: silent.example.com, sideEffects: None, admissionReviewVersions: [v1], timeoutSeconds: 1, clientConfig: {url: "https://127.0.0.1:1"}, rules: [`+what+`], `+selector+`}]}`)
			},
			func(p *place) { p.gone(webhooks, "", "e2e-silent") },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := p.on(t)
			want := p.order()
			p.namespaceFor(want, zone)
			test.set(p)
			p.refused(want)
			blocked := p.blocked(want)
			if !strings.Contains(blocked.Message, test.says) || blocked.BlockedBy != "operator" || blocked.Permanent {
				t.Errorf("it says %+v", blocked)
			}
			test.lift(p)
			p.until(want, func(seen driver.Observation, err error) bool { return err == nil && seen.State == driver.StateCreating })
		})
	}
}

// refused waits until the cluster's rules are in force: a Cluster is refused.
func (p *place) refused(want *driver.Instance) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	for {
		probe := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": map[string]any{"name": "probe"},
			"spec": map[string]any{"instances": int64(1), "storage": map[string]any{"size": "1Gi"}},
		}}
		_, err := p.client.Resource(clusters).Namespace("souk-"+want.ID).Create(ctx, probe, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil {
			return
		}
		select {
		case <-ctx.Done():
			p.t.Fatal("the rule does not come into force")
		case <-time.After(100 * time.Millisecond):
		}
	}
}
