//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The zone whose agent's rights are tried, and where that agent would run.
const (
	rightsZone      = "rights"
	rightsNamespace = "e2e-rights"
	rightsInstance  = "7d2f0f3c-1f7a-4d0e-8a55-0123456789ab"
	rightsAgent     = "system:serviceaccount:" + rightsNamespace + ":souk-agent"
)

// attempt is something that the agent attempts: arguments of kubectl, and what it
// reads. Nothing of it is carried out but what has `real`.
type attempt struct {
	what  string
	args  string
	stdin string
	real  bool
}

func ofInstance(id, zone string) string {
	return `{apiVersion: v1, kind: Namespace, metadata: {name: souk-` + id + `, labels: {souk/zone: ` + zone + `, souk/instance: ` + id + `, pod-security.kubernetes.io/enforce: restricted}}}`
}

func binding(namespace, role, subject string) string {
	return `{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: souk-agent, namespace: ` + namespace + `}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ` + role + `}, subjects: [` + subject + `]}`
}

const (
	itself   = `{kind: ServiceAccount, name: souk-agent, namespace: ` + rightsNamespace + `}`
	somebody = `{kind: ServiceAccount, name: default, namespace: default}`
	own      = "souk-" + rightsInstance
	foreign  = "e2e-rights-foreign" // no zone's
	another  = "souk-00000000-0000-4000-8000-000000000001"
	pod      = `{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {` + restrictedPod + `, containers: [{name: c, image: registry.testbed/busybox:1, ` + restrictedContainer + `}]}}`
	apply    = "apply --server-side --field-manager souk-agent -f -"
)

const claim = `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}`

// setOf is a StatefulSet whose pods have something of their own.
func setOf(own string) string {
	return `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s}, spec: {serviceName: s, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {` + own + `, ` + restrictedPod + `, containers: [{name: c, image: registry.testbed/busybox:1, ` + restrictedContainer + `}]}}}}`
}

// taskOf is a Job whose pod has something of its own.
func taskOf(own string) string {
	return `{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {template: {spec: {restartPolicy: Never, ` + own + `, ` + restrictedPod + `, containers: [{name: c, image: registry.testbed/busybox:1, ` + restrictedContainer + `}]}}}}`
}

var agentMay = []attempt{
	{"look at namespaces, nodes, events, pods, services, claims, volumes and storage classes", "get namespaces,nodes,events,pods,services,pvc,pv,storageclasses -A", "", false},
	{"look at clusters of CloudNativePG, and whether it is installed", "get crd/clusters.postgresql.cnpg.io", "", false},
	{"look at StatefulSets", "get statefulsets -A", "", false},
	{"make the namespace of an instance of its zone", apply, ofInstance(rightsInstance, rightsZone), true},
	{"bind the role souk-instance to itself there", apply, binding(own, "souk-instance", itself), true},
	{"write Secrets there", "-n " + own + " create secret generic s", "", false},
	{"read Secrets there", "-n " + own + " get secrets", "", false},
	{"write ConfigMaps there", "-n " + own + " create configmap c", "", false},
	{"write Services there", "-n " + own + " create service clusterip s --tcp=5432", "", false},
	{"write quotas there", "-n " + own + " create quota q --hard=pods=3", "", false},
	{"write limit ranges there", "-n " + own + " " + apply, `{apiVersion: v1, kind: LimitRange, metadata: {name: l}, spec: {limits: [{type: Container, max: {cpu: "1"}}]}}`, false},
	{"write network policies there", "-n " + own + " " + apply, `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: net}, spec: {podSelector: {}}}`, false},
	{"write clusters of CloudNativePG there", "-n " + own + " " + apply, `{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: c}, spec: {instances: 1, imageName: "registry.testbed/postgresql:15", storage: {size: 1Gi}}}`, false},
	{"order backups of CloudNativePG there", "-n " + own + " " + apply, `{apiVersion: postgresql.cnpg.io/v1, kind: Backup, metadata: {name: b}, spec: {cluster: {name: c}}}`, false},
	{"write StatefulSets there, of pods without an account", "-n " + own + " " + apply, setOf("automountServiceAccountToken: false"), false},
	{"write Jobs there, of pods without an account", "-n " + own + " " + apply, taskOf("automountServiceAccountToken: false"), false},
	{"make claims there, and have them grow", "-n " + own + " " + apply, claim, false},
	{"write its own Lease", "-n " + rightsNamespace + " " + apply, `{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: souk-agent-` + rightsZone + `}, spec: {}}`, true},
	{"write the Secret with its zone's authority", "-n " + rightsNamespace + " " + apply, `{apiVersion: v1, kind: Secret, metadata: {name: souk-zone-authority}}`, true},
	{"read the Secret with its zone's authority", "-n " + rightsNamespace + " get secret souk-zone-authority", "", false},
	{"ask who it is", "auth whoami", "", false},
}

var agentMayNot = []attempt{
	{"read Secrets of all namespaces", "get secrets -A", "", false},
	{"read Secrets of kube-system", "-n kube-system get secrets", "", false},
	{"read other Secrets of its own namespace", "-n " + rightsNamespace + " get secret souk-agent-token", "", false},
	{"read the Secret with the key of the zone's backups, which it is given as a file", "-n " + rightsNamespace + " get secret souk-agent-backups", "", false},
	{"order backups of CloudNativePG in a namespace of another zone, even with the role bound there", "-n " + another + " " + apply, `{apiVersion: postgresql.cnpg.io/v1, kind: Backup, metadata: {name: b}, spec: {cluster: {name: c}}}`, false},
	{"have CloudNativePG take backups on a schedule of its own", "-n " + own + " " + apply, `{apiVersion: postgresql.cnpg.io/v1, kind: ScheduledBackup, metadata: {name: b}, spec: {schedule: "0 0 0 * * *", cluster: {name: c}}}`, false},
	{"read ConfigMaps elsewhere", "-n kube-system get configmaps", "", false},
	{"make pods", "-n default create -f -", pod, false},
	{"make pods in an instance's namespace", "-n " + own + " create -f -", pod, false},
	{"make deployments in an instance's namespace", "-n " + own + " create deployment d --image=registry.testbed/busybox:1", "", false},
	{"write StatefulSets of pods with an account", "-n " + own + " " + apply, setOf("serviceAccountName: default"), false},
	{"write StatefulSets of pods with another account", "-n " + own + " " + apply, setOf("automountServiceAccountToken: false, serviceAccountName: other"), false},
	{"write StatefulSets of pods with a token", "-n " + own + " " + apply, setOf("automountServiceAccountToken: false, volumes: [{name: t, projected: {sources: [{serviceAccountToken: {path: t}}]}}]"), false},
	{"write StatefulSets elsewhere", "-n default " + apply, setOf("automountServiceAccountToken: false"), false},
	{"write StatefulSets in a namespace of another zone, even with the role bound there", "-n " + another + " " + apply, setOf("automountServiceAccountToken: false"), false},
	{"write Jobs of pods with an account", "-n " + own + " " + apply, taskOf("serviceAccountName: default"), false},
	{"write Jobs of pods with a token", "-n " + own + " " + apply, taskOf("automountServiceAccountToken: false, volumes: [{name: t, projected: {sources: [{serviceAccountToken: {path: t}}]}}]"), false},
	{"write Jobs elsewhere", "-n default " + apply, taskOf("automountServiceAccountToken: false"), false},
	{"write Jobs in a namespace of another zone, even with the role bound there", "-n " + another + " " + apply, taskOf("automountServiceAccountToken: false"), false},
	{"have Jobs made on a schedule", "-n " + own + " " + apply, `{apiVersion: batch/v1, kind: CronJob, metadata: {name: j}, spec: {schedule: "0 0 * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, automountServiceAccountToken: false, containers: [{name: c, image: registry.testbed/busybox:1}]}}}}}}`, false},
	{"make claims elsewhere", "-n default " + apply, claim, false},
	{"make accounts in an instance's namespace", "-n " + own + " create serviceaccount s", "", false},
	{"get tokens of accounts", "-n kube-system create token default", "", false},
	{"write in kube-system", "-n kube-system create configmap c", "", false},
	{"write in a namespace that is no zone's", "-n " + foreign + " create configmap c", "", false},
	{"write in a namespace of another zone, even with the role bound there", "-n " + another + " create configmap c", "", false},
	{"write Secrets in a namespace of another zone, even with the role bound there", "-n " + another + " create secret generic s", "", false},
	{"delete what is another zone's, even with the role bound there", "-n " + another + " delete configmap mine", "", false},
	{"forward ports of another zone's pods, even with the role bound there", "create --raw /api/v1/namespaces/" + another + "/pods/p/portforward -f -", "{}", false},
	{"make other Secrets in its own namespace", "-n " + rightsNamespace + " create secret generic s", "", false},
	{"write other Leases in its own namespace", "-n " + rightsNamespace + " " + apply, `{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: souk-agent-another}, spec: {}}`, false},
	{"write Leases elsewhere", "-n kube-system " + apply, `{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: kube-scheduler}, spec: {}}`, false},
	{"delete its Secret with the zone's authority", "-n " + rightsNamespace + " delete secret souk-zone-authority", "", false},
	{"make a namespace with another name", apply, strings.Replace(ofInstance(rightsInstance, rightsZone), "name: souk-", "name: other-", 1), false},
	{"make a namespace of another zone", apply, ofInstance("00000000-0000-4000-8000-000000000002", "another"), false},
	{"make a namespace of no zone", "create namespace souk-00000000-0000-4000-8000-000000000003", "", false},
	{"make a namespace for another instance than its name says", apply, strings.Replace(ofInstance(rightsInstance, rightsZone), "name: souk-7", "name: souk-8", 1), false},
	{"make a namespace that lets pods do more", apply, strings.Replace(ofInstance("00000000-0000-4000-8000-000000000004", rightsZone), "enforce: restricted", "enforce: privileged", 1), false},
	{"let pods do more in a namespace of its own", "label namespace " + own + " --overwrite pod-security.kubernetes.io/enforce=privileged", "", false},
	{"label a foreign namespace as its own", "label namespace " + foreign + " souk/zone=" + rightsZone, "", false},
	{"label kube-system as its own", "label namespace kube-system souk/zone=" + rightsZone, "", false},
	{"take over a namespace of another zone", "label namespace " + another + " --overwrite souk/zone=" + rightsZone, "", false},
	{"take its label off a namespace", "label namespace " + own + " souk/zone-", "", false},
	{"give a namespace to another zone", "label namespace " + own + " --overwrite souk/zone=another", "", false},
	{"delete a foreign namespace", "delete namespace " + foreign, "", false},
	{"delete kube-system", "delete namespace kube-system", "", false},
	{"delete a namespace of another zone", "delete namespace " + another, "", false},
	{"bind cluster-admin to itself in a namespace of its own", apply, strings.Replace(binding(own, "cluster-admin", itself), "name: souk-agent, namespace: souk-", "name: more, namespace: souk-", 1), false},
	{"bind another role to itself", apply, strings.Replace(binding(own, "view", itself), "name: souk-agent, namespace: souk-", "name: more, namespace: souk-", 1), false},
	{"bind its role to somebody else", apply, strings.Replace(binding(own, "souk-instance", somebody), "name: souk-agent, namespace: souk-", "name: more, namespace: souk-", 1), false},
	{"bind its role to somebody else beside itself", apply, strings.Replace(binding(own, "souk-instance", itself+", "+somebody), "name: souk-agent, namespace: souk-", "name: more, namespace: souk-", 1), false},
	{"bind its role to itself in a foreign namespace", apply, binding(foreign, "souk-instance", itself), false},
	{"bind its role to itself in kube-system", apply, binding("kube-system", "souk-instance", itself), false},
	{"bind its role to itself in a namespace of another zone", apply, strings.Replace(binding(another, "souk-instance", itself), "name: souk-agent, namespace: souk-", "name: more, namespace: souk-", 1), false},
	{"bind cluster-admin to itself everywhere", "create clusterrolebinding e2e-rights-more --clusterrole=cluster-admin --serviceaccount=" + rightsNamespace + ":souk-agent", "", false},
	{"make roles of the cluster", "create clusterrole e2e-rights-more --verb=get --resource=secrets", "", false},
	{"change its own role", "patch clusterrole souk-instance --type=merge -p {}", "", false},
	{"make roles in a namespace of its own", "-n " + own + " create role r --verb=get --resource=pods", "", false},
	{"change the policy that binds it", "patch validatingadmissionpolicy e2e-rights --type=merge -p {}", "", false},
	{"delete the policy that binds it", "delete validatingadmissionpolicybinding e2e-rights", "", false},
	{"make webhooks", apply, `{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: e2e-rights}, webhooks: []}`, false},
	{"make definitions of resources", "patch crd clusters.postgresql.cnpg.io --type=merge -p {}", "", false},
	{"run commands in pods of its own namespaces", "create --raw /api/v1/namespaces/" + own + "/pods/p/exec?command=sh -f -", "{}", false},
	{"run commands in foreign pods", "create --raw /api/v1/namespaces/kube-system/pods/p/exec?command=sh -f -", "{}", false},
	{"forward ports of foreign pods", "create --raw /api/v1/namespaces/kube-system/pods/p/portforward -f -", "{}", false},
	{"read logs of foreign pods", "get --raw /api/v1/namespaces/kube-system/pods/p/log", "", false},
	{"delete foreign pods", "-n kube-system delete pod p", "", false},
	{"reach nodes through the API server", "get --raw /api/v1/nodes/NODE/proxy/pods", "", false},
	{"change nodes", "label node NODE a=b", "", false},
	{"delete volumes", "delete pv p", "", false},
	{"delete claims of its own namespaces", "-n " + own + " delete pvc p", "", false},
	{"act as somebody else", "--as=admin --as-group=system:masters get secrets -A", "", false},
	{"ask what others may do", "create -f -", `{apiVersion: authorization.k8s.io/v1, kind: SubjectAccessReview, spec: {user: admin, resourceAttributes: {verb: get, resource: secrets}}}`, false},
}

// The agent can do what it needs, and each thing beyond is refused, by its roles or
// by the policy. docs/operator/kubernetes.md lists the same.
func TestSmokeAgentsRights(t *testing.T) {
	n := newNamespace(t, rightsNamespace)
	installRights(n)
	kubeconfig := asAgent(n)
	node := strings.Fields(n.run("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"))[0]
	page, err := os.ReadFile("../../docs/operator/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []struct {
		name     string
		attempts []attempt
		allowed  bool
	}{{"may", agentMay, true}, {"may not", agentMayNot, false}} {
		for _, a := range set.attempts {
			t.Run(set.name+" "+a.what, func(t *testing.T) {
				if !strings.Contains(string(page), "- "+a.what+"\n") {
					t.Error("docs/operator/kubernetes.md does not say so")
				}
				out, err := a.do(t, kubeconfig, node)
				refused := err != nil && (strings.Contains(out, "orbidden") || strings.Contains(out, "denied request"))
				if set.allowed && err != nil || !set.allowed && !refused {
					t.Errorf("%v: %s", err, out)
				}
			})
		}
	}
}

// do has the agent attempt it. The API server weighs rights and policies before it
// leaves out what is only tried.
func (a attempt) do(t *testing.T, kubeconfig, node string) (string, error) {
	args := strings.Fields(strings.ReplaceAll(a.args, "NODE", node))
	dry := !a.real && !strings.Contains(a.args, "get ") && !strings.Contains(a.args, "--raw") && !strings.Contains(a.args, "whoami") && !strings.Contains(a.args, "create token")
	if dry {
		args = append(args, "--dry-run=server")
	}
	cmd := exec.CommandContext(t.Context(), "kubectl", append([]string{"--kubeconfig", kubeconfig}, args...)...)
	cmd.Stdin = bytes.NewBufferString(a.stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// installRights applies all of the chart but the agent itself, beside a namespace
// that is no zone's and one of another zone in which the agent has been given its
// role by mistake.
func installRights(n *namespace) {
	n.t.Helper()
	values := filepath.Join(n.t.TempDir(), "values.yaml")
	there := !strings.Contains(n.try("get", "clusterrole", "souk-instance"), "NotFound")
	text := "zone: " + rightsZone + "\nserver: https://host.testbed:9\nserverCA: '-----BEGIN CERTIFICATE-----'\ntoken: once\nclusterName: e2e-rights\n"
	if err := os.WriteFile(values, []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
	render := exec.CommandContext(n.t.Context(), "go", "run", "-C", "../../deploy/render", ".", "-chart", "../charts/souk-agent", "-values", values, "-name", "souk-agent", "-namespace", rightsNamespace)
	render.Stderr = os.Stderr
	out, err := render.Output()
	if err != nil {
		n.t.Fatal(err)
	}
	var objects []string
	for object := range strings.SplitSeq(string(out), "---\n") {
		if !strings.Contains(object, "\nkind: StatefulSet\n") && !(there && strings.Contains(object, "\n  name: souk-instance\n")) {
			objects = append(objects, object)
		}
	}
	n.apply(strings.Join(objects, "---\n"))
	n.t.Cleanup(func() {
		n.run("delete", "namespace", "--ignore-not-found", "--wait=false", own, another, foreign)
		n.run("delete", "--ignore-not-found", "validatingadmissionpolicybinding/e2e-rights", "validatingadmissionpolicy/e2e-rights", "clusterrolebinding/e2e-rights", "clusterrole/e2e-rights")
		if !there {
			n.run("delete", "clusterrole", "souk-instance")
		}
	})
	n.apply(`{apiVersion: v1, kind: Namespace, metadata: {name: ` + foreign + `}}`)
	n.apply(ofInstance(strings.TrimPrefix(another, "souk-"), "another"))
	(&namespace{n.t, another}).apply(binding(another, "souk-instance", itself))
	(&namespace{n.t, another}).apply(`{apiVersion: v1, kind: ConfigMap, metadata: {name: mine}}`)
	// A policy is in force some time after it was made.
	for !strings.Contains(n.try("--as", rightsAgent, "label", "namespace", foreign, "souk/zone="+rightsZone, "--dry-run=server"), "denied request") {
		if n.t.Context().Err() != nil {
			n.t.Fatal("the policy is not in force")
		}
	}
}

// asAgent writes a kubeconfig with a token of the agent's account, and returns its path.
func asAgent(n *namespace) string {
	n.t.Helper()
	path := filepath.Join(n.t.TempDir(), "kubeconfig")
	whole := n.run("config", "view", "--minify", "--flatten", "--raw", "-o", "jsonpath={.clusters[0].cluster.server} {.clusters[0].cluster.certificate-authority-data}")
	server, authority, _ := strings.Cut(whole, " ")
	token := n.run("create", "token", "souk-agent")
	text := `{apiVersion: v1, kind: Config, current-context: agent, contexts: [{name: agent, context: {cluster: it, user: agent}}], clusters: [{name: it, cluster: {server: "` + server + `", certificate-authority-data: "` + authority + `"}}], users: [{name: agent, user: {token: "` + token + `"}}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
	return path
}
