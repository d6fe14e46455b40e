//go:build e2e

// Package e2e runs Souk on a real Kubernetes cluster: the one that KUBECONFIG
// names. test/testbed/e2e brings one up and runs these tests on it; those whose
// names begin with TestBed, or TestSmokeBed, are of that bed itself.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// namespace is a namespace of a test's own, gone when the test ends.
type namespace struct {
	t    *testing.T
	name string
}

// newNamespace makes one in which pod security is enforced as Souk does it.
func newNamespace(t *testing.T, name string) *namespace {
	t.Helper()
	n := &namespace{t, name}
	n.apply(`{apiVersion: v1, kind: Namespace, metadata: {name: ` + name + `, labels: {pod-security.kubernetes.io/enforce: restricted}}}`)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(n.try("get", "pods,pvc,events", "-o", "wide"))
		}
		n.run("delete", "namespace", name, "--timeout=90s")
	})
	return n
}

// in runs a part of the test as a subtest.
func (n *namespace) in(name string, part func(*namespace)) {
	n.t.Run(name, func(t *testing.T) { part(&namespace{t, n.name}) })
}

// run runs kubectl in the namespace and returns what it prints.
func (n *namespace) run(args ...string) string {
	n.t.Helper()
	return n.kubectl("", args...)
}

// try is run for what may fail: it returns what is printed either way.
func (n *namespace) try(args ...string) string {
	out, _ := exec.Command("kubectl", append([]string{"-n", n.name}, args...)...).CombinedOutput()
	return string(out)
}

func (n *namespace) apply(manifest string) {
	n.t.Helper()
	n.kubectl("---\n"+manifest, "apply", "-f", "-") // what begins with a brace is taken for JSON
}

// wait waits until what is named is so, as `kubectl wait --for` writes it.
func (n *namespace) wait(what, until string) {
	n.t.Helper()
	n.run("wait", what, "--for="+until, "--timeout=300s")
}

// event waits for an event about an object of the namespace, and returns what it says.
func (n *namespace) event(object, reason string) string {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	watch := exec.CommandContext(ctx, "kubectl", "-n", n.name, "get", "events", "--watch", "--field-selector", "involvedObject.name="+object+",reason="+reason, "-o", "jsonpath={.message}{\"\\n\"}")
	out, err := watch.StdoutPipe()
	if err == nil {
		err = watch.Start()
	}
	if err != nil {
		n.t.Fatal(err)
	}
	message, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		n.t.Fatalf("no event %s about %s: %v", reason, object, err)
	}
	cancel()
	_ = watch.Wait()
	return strings.TrimSpace(message)
}

func (n *namespace) kubectl(stdin string, args ...string) string {
	n.t.Helper()
	command := exec.Command("kubectl", append([]string{"-n", n.name}, args...)...)
	var stderr bytes.Buffer
	command.Stdin, command.Stderr = strings.NewReader(stdin), &stderr
	out, err := command.Output()
	if err != nil {
		n.t.Fatalf("kubectl %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return strings.TrimSpace(string(out))
}
