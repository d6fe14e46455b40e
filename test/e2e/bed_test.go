//go:build e2e

package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// restricted is what pod security "restricted" asks of a container and its pod.
const (
	restrictedPod       = `securityContext: {runAsNonRoot: true, runAsUser: 1000, fsGroup: 2000, seccompProfile: {type: RuntimeDefault}}, terminationGracePeriodSeconds: 1`
	restrictedContainer = `securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}`
)

func TestSmokeBed(t *testing.T) {
	n := newNamespace(t, "e2e-bed")
	n.in("pods on every node talk by address and by name", podsTalk)
	n.in("a claim gets a volume that is gone with it", claims)
	n.in("a claim that shall grow stays as it was", growth)
	n.in("a missing image is said", missingImage)
	n.in("a database answers outside the cluster over TLS", database)
}

func podsTalk(n *namespace) {
	n.apply(`
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {` + restrictedPod + `, containers: [{name: web, image: "registry.testbed/busybox:1", ` + restrictedContainer + `,
      command: [sh, -c, "hostname >/tmp/index.html; exec httpd -f -p 8080 -h /tmp"], readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}}]}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}}
`)
	n.run("rollout", "status", "daemonset/web", "--timeout=120s")
	pods := strings.Fields(n.run("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.name}"))
	addresses := strings.Fields(n.run("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].status.podIP}"))
	if nodes := nodeCount(n); len(pods) != nodes {
		n.t.Fatalf("%d pods on %d nodes", len(pods), nodes)
	}
	for _, from := range pods {
		for i, to := range addresses {
			if got := n.run("exec", from, "--", "wget", "-qO-", "http://"+to+":8080"); got != pods[i] {
				n.t.Errorf("%s at %s says to %s that it is %q, want %q", pods[i], to, from, got, pods[i])
			}
		}
		if got := n.run("exec", from, "--", "wget", "-qO-", "http://web.e2e-bed.svc.cluster.local"); !strings.HasPrefix(got, "web-") {
			n.t.Errorf("the service says %q to %s", got, from)
		}
		if got := n.run("exec", from, "--", "nslookup", "host.testbed"); !strings.Contains(got, "10.211.0.1") {
			n.t.Errorf("host.testbed is not this machine: %s", got)
		}
		if got := n.try("exec", from, "--", "nslookup", "example.com"); !strings.Contains(got, "NXDOMAIN") {
			n.t.Errorf("a name outside resolves: %s", got)
		}
	}
	port := n.run("get", "service", "web", "-o", "jsonpath={.spec.ports[0].nodePort}")
	for _, node := range nodeAddresses(n) {
		if out, err := exec.CommandContext(n.t.Context(), "bash", "-c", `exec 3<>/dev/tcp/`+node+`/`+port+` && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && cat <&3`).CombinedOutput(); err != nil || !strings.Contains(string(out), "web-") {
			n.t.Errorf("from the host, node %s does not answer at port %s: %v %s", node, port, err, out)
		}
	}
}

// writer is a pod without privileges that writes to a claim of its name.
func writer(name, class string) string {
	return `
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: ` + name + `}, spec: {storageClassName: ` + class + `, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: ` + name + `}
spec: {` + restrictedPod + `, volumes: [{name: data, persistentVolumeClaim: {claimName: ` + name + `}}],
  containers: [{name: writer, image: "registry.testbed/busybox:1", ` + restrictedContainer + `, command: [sh, -c, "echo kept >/data/file && exec sleep 1d"],
    volumeMounts: [{name: data, mountPath: /data}], readinessProbe: {exec: {command: [test, -s, /data/file]}, periodSeconds: 1}}]}
`
}

func claims(n *namespace) {
	n.apply(writer("standard", "standard"))
	n.wait("pod/standard", "condition=Ready")
	volume := n.run("get", "pvc", "standard", "-o", "jsonpath={.spec.volumeName}")
	path := n.run("get", "pv", volume, "-o", "jsonpath={.spec.local.path}")
	if got, err := os.ReadFile(filepath.Join(path, "file")); err != nil || string(got) != "kept\n" {
		n.t.Errorf("the volume holds %q: %v", got, err)
	}
	if got := n.try("patch", "pvc", "standard", "-p", `{"spec": {"resources": {"requests": {"storage": "2Gi"}}}}`); !strings.Contains(got, "forbidden") {
		n.t.Errorf("a claim that cannot grow is let grow: %s", got)
	}
	n.run("delete", "pod/standard", "pvc/standard", "--timeout=60s")
	n.wait("pv/"+volume, "delete")
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		n.t.Errorf("the volume's folder is still there: %v", err)
	}
}

func growth(n *namespace) {
	n.apply(writer("expandable", "expandable"))
	n.wait("pod/expandable", "condition=Ready")
	n.run("patch", "pvc", "expandable", "-p", `{"spec": {"resources": {"requests": {"storage": "2Gi"}}}}`)
	n.event("expandable", "ExternalExpanding")
	if got := n.run("get", "pvc", "expandable", "-o", "jsonpath={.status.capacity.storage}"); got != "1Gi" {
		n.t.Errorf("the volume has %s, and there is nothing that could make it larger", got)
	}
}

func missingImage(n *namespace) {
	n.apply(`{apiVersion: v1, kind: Pod, metadata: {name: missing}, spec: {` + restrictedPod + `, containers: [{name: missing, image: "registry.testbed/missing:1", ` + restrictedContainer + `}]}}`)
	n.wait("pod/missing", "jsonpath={.status.containerStatuses[0].state.waiting.reason}=ErrImagePull")
}

func database(n *namespace) {
	instances := min(nodeCount(n), 3)
	n.apply(`
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: db}
spec:
  instances: ` + strconv.Itoa(instances) + `
  imageName: registry.testbed/postgresql:15
  bootstrap: {initdb: {database: app, owner: app}}
  storage: {size: 1Gi}
  resources: {requests: {memory: 128Mi, cpu: 50m}, limits: {memory: 384Mi, cpu: "1"}}
  affinity: {podAntiAffinityType: required, topologyKey: topology.kubernetes.io/zone}
  certificates: {serverAltDNSNames: [db.example]}
  managed: {services: {additional: [{selectorType: rw, serviceTemplate: {metadata: {name: db-outside}, spec: {type: NodePort}}}]}}
`)
	n.wait("cluster.postgresql.cnpg.io/db", "condition=Ready")
	n.wait("cluster.postgresql.cnpg.io/db", "jsonpath={.status.readyInstances}="+strconv.Itoa(instances))
	authority := filepath.Join(n.t.TempDir(), "ca.crt")
	certificate := n.run("get", "secret", "db-ca", "-o", `go-template={{index .data "ca.crt" | base64decode}}`)
	if err := os.WriteFile(authority, []byte(certificate), 0o600); err != nil {
		n.t.Fatal(err)
	}
	port := n.run("get", "service", "db-outside", "-o", "jsonpath={.spec.ports[0].nodePort}")
	listens(n, nodeAddresses(n)[0]+":"+port)
	psql := exec.CommandContext(n.t.Context(), "psql", "-At", "-c", "create table t (i int); insert into t values (1), (2); select sum(i) from t")
	psql.Env = append(os.Environ(), "PGCONNECT_TIMEOUT=10", "PGHOST=db.example", "PGHOSTADDR="+nodeAddresses(n)[0], "PGSSLMODE=verify-full", "PGSSLROOTCERT="+authority,
		"PGPORT="+port, "PGDATABASE=app", "PGUSER=app",
		"PGPASSWORD="+n.run("get", "secret", "db-app", "-o", "go-template={{.data.password | base64decode}}"))
	if out, err := psql.CombinedOutput(); err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "3") {
		n.t.Errorf("the primary does not answer: %v\n%s", err, out)
	}
}

// listens waits until a node lets connections in at a port: kube-proxy opens it
// a moment after the pod behind it is ready, and tells nobody when.
func listens(n *namespace, address string) {
	n.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(end) {
			n.t.Fatal(err)
		}
	}
}

// TestBedNodeLoses its power: it is seen to be away, and comes back.
func TestBedNodeLosesPower(t *testing.T) {
	n := newNamespace(t, "e2e-power")
	bed := os.Getenv("SOUK_TESTBED")
	run := func(command string) {
		if out, err := exec.CommandContext(t.Context(), filepath.Join(bed, command), "3").CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	run("node-kill")
	n.wait("node/node-3", "condition=Ready=Unknown")
	run("node-start")
	n.wait("node/node-3", "condition=Ready")
}

func nodeCount(n *namespace) int { return len(nodeAddresses(n)) }

func nodeAddresses(n *namespace) []string {
	return strings.Fields(n.run("get", "nodes", "-o", `jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}`))
}
