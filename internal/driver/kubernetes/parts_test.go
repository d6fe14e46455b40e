package kubernetes

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"souk/internal/driver"
)

func TestSectionsThatAreRefusedNameTheField(t *testing.T) {
	good := `{"type":"kubernetes","zone":"k8s","expose":{"type":"NodePort","host":"n"},"engines":{"postgresql":{}}}`
	if s, err := ParseSection([]byte(good)); err != nil || s.Namespace != "souk-system" || s.TopologyKey != "topology.kubernetes.io/zone" {
		t.Fatalf("%+v, %v", s, err)
	}
	for field, change := range map[string][2]string{
		"driver.zone":        {`"zone":"k8s"`, `"zone":"K 8"`},
		"driver.expose.type": {`"NodePort"`, `"Ingress"`},
		"driver.expose.host": {`,"host":"n"`, ``},
		"driver.engines":     {`"postgresql":{}`, ``},
		"unknown field":      {`"zone"`, `"zones":1,"zone"`},
	} {
		if _, err := ParseSection([]byte(strings.Replace(good, change[0], change[1], 1))); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func refusal(code int32, reason metav1.StatusReason, message string) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Code: code, Reason: reason, Message: message}}
}

func TestRefusalsInPlainWords(t *testing.T) {
	for _, test := range []struct {
		name, who, says string
		err             error
	}{
		{"a webhook that does not answer", "operator", "webhook", refusal(http.StatusInternalServerError, metav1.StatusReasonInternalError, `Internal error occurred: failed calling webhook "m.cnpg.io": no endpoints available`)},
		{"a webhook that refuses", "operator", "refuses", refusal(http.StatusForbidden, metav1.StatusReasonForbidden, `admission webhook "x" denied the request: no`)},
		{"a policy that refuses", "operator", "refuses", refusal(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, `clusters.postgresql.cnpg.io "db" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no`)},
		{"a quota that is used up", "capacity", "quota", refusal(http.StatusForbidden, metav1.StatusReasonForbidden, `pods "x" is forbidden: exceeded quota: plan`)},
		{"a right that is missing", "operator", "right", refusal(http.StatusForbidden, metav1.StatusReasonForbidden, `secrets is forbidden: User "x" cannot list resource "secrets"`)},
		{"a kind that is not there", "operator", "CloudNativePG is not installed", refusal(http.StatusNotFound, metav1.StatusReasonNotFound, `the server could not find the requested resource`)},
		{"an object that is not accepted", "operator", "accept", refusal(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, `spec.x: bad`)},
	} {
		var blocked *driver.BlockedError
		if err := plain(test.err, "CloudNativePG"); !errors.As(err, &blocked) || blocked.BlockedBy != test.who || !strings.Contains(blocked.Message, test.says) {
			t.Errorf("%s: %v", test.name, err)
		} else if strings.Contains(blocked.Message, "cnpg.io") || strings.Contains(blocked.Message, "User ") {
			t.Errorf("%s: the inside leaks: %s", test.name, blocked.Message)
		}
	}
	for _, err := range []error{nil, errors.New("connection refused"), driver.ErrDataLost} {
		if got := plain(err, "x"); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}

func TestOnlyTheInstancesOwnQuotaIsTriedAgain(t *testing.T) {
	for quota, want := range map[string]bool{"plan": true, "planned": false, "none": false} {
		err := refusal(http.StatusForbidden, metav1.StatusReasonForbidden, `services "access" is forbidden: exceeded quota: `+quota+`, requested: services.nodeports=1`)
		if overtaken(err) != want {
			t.Errorf("%s: %v", quota, !want)
		}
	}
	if overtaken(nil) {
		t.Error("no error is tried again")
	}
}

func pod(status map[string]any) *unstructured.Unstructured {
	return Object("v1", "Pod", "n", "db-1", nil, map[string]any{"status": status})
}

func waiting(reason string) map[string]any {
	return map[string]any{"containerStatuses": []any{map[string]any{"image": "img:1", "state": map[string]any{"waiting": map[string]any{"reason": reason}}}}}
}

func unschedulable(message string) map[string]any {
	return map[string]any{"conditions": []any{map[string]any{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}}}
}

func told(warnings ...string) func() []string { return func() []string { return warnings } }

func TestObstaclesInPlainWords(t *testing.T) {
	claim := Object("v1", "PersistentVolumeClaim", "n", "db-1", nil, map[string]any{"status": map[string]any{"phase": "Pending"}})
	for _, test := range []struct {
		name, who, says string
		view            View
	}{
		{"nothing", "", "", View{Pods: []*unstructured.Unstructured{pod(map[string]any{})}}},
		{"an image that cannot be fetched", "operator", "img:1", View{Pods: []*unstructured.Unstructured{pod(waiting("ImagePullBackOff"))}}},
		{"a server that ends again and again", "operator", "again and again", View{Pods: []*unstructured.Unstructured{pod(waiting("CrashLoopBackOff"))}}},
		{"no memory", "capacity", "memory", View{Pods: []*unstructured.Unstructured{pod(unschedulable("0/3 nodes are available: 3 Insufficient memory."))}}},
		{"no processor time", "capacity", "processor time", View{Pods: []*unstructured.Unstructured{pod(unschedulable("0/3 nodes are available: 3 Insufficient cpu."))}}},
		{"a node that is away with the data", "operator", "node that has its data", View{Pods: []*unstructured.Unstructured{pod(unschedulable("1 node(s) had untolerated taint, 2 node(s) had volume node affinity conflict"))}}},
		{"no failure domain of its own", "operator", "failure domain", View{Pods: []*unstructured.Unstructured{pod(unschedulable("3 node(s) didn't match pod anti-affinity rules"))}}},
		{"a claim that is not there yet", "", "", View{Pods: []*unstructured.Unstructured{pod(unschedulable(`persistentvolumeclaim "db-1" not found`))}}},
		{"a volume that cannot be made", "operator", "volume", View{Volumes: []*unstructured.Unstructured{claim}, Warnings: told("ProvisioningFailed: no")}},
		{"a storage that does not answer", "operator", "provisioner", View{Volumes: []*unstructured.Unstructured{claim}, Warnings: told("ExternalProvisioning: waiting")}},
		{"a quota, with nothing made yet", "capacity", "quota", View{Volumes: []*unstructured.Unstructured{claim}, Warnings: told("FailedCreate: exceeded quota: x")}},
		{"an old warning, and a pod that starts", "", "", View{Pods: []*unstructured.Unstructured{pod(map[string]any{})}, Warnings: told("FailedCreate: exceeded quota: x")}},
		{"a volume that waits for its pod", "", "", View{Volumes: []*unstructured.Unstructured{claim}}},
	} {
		message, who := Obstacle(test.view)
		if who != test.who || !strings.Contains(message, test.says) || (test.says == "") != (message == "") {
			t.Errorf("%s: %q, %q", test.name, message, who)
		}
	}
}

func TestSubjects(t *testing.T) {
	if s := subject("system:serviceaccount:souk-system:souk-agent"); s["kind"] != "ServiceAccount" || s["namespace"] != "souk-system" || s["name"] != "souk-agent" {
		t.Errorf("%v", s)
	}
	if s := subject("jane"); s["kind"] != "User" || s["name"] != "jane" {
		t.Errorf("%v", s)
	}
}

func TestQuotaHasRoomForBothSizesWhileTheyChange(t *testing.T) {
	d := &Driver{cfg: Config{Section: Section{Zone: "z"}}}
	job := d.job(driver.Instance{ID: "i", Plan: driver.Plan{CPUMillis: 250, MemoryMiB: 2048}, StorageGiB: 10})
	q := quota(job, oneMember{}, record{Plan: driver.Plan{CPUMillis: 1000, MemoryMiB: 512}, StorageGiB: 5})
	hard, _, _ := unstructured.NestedStringMap(q.Object, "spec", "hard")
	for name, want := range map[string]string{"limits.cpu": "2000m", "limits.memory": "4096Mi", "requests.storage": "20Gi", "services.loadbalancers": "3"} {
		if hard[name] != want {
			t.Errorf("%s is %s, want %s", name, hard[name], want)
		}
	}
}

// oneMember is an engine of which only the size matters.
type oneMember struct{ Engine }

func (oneMember) Service() string                   { return "one" }
func (oneMember) Members(string) int                { return 1 }
func (oneMember) Endpoint() (int, string)           { return 5432, "app" }
func (oneMember) Clients() map[string]string        { return map[string]string{"a": "b"} }
func (oneMember) Policies(string) ([]int, []string) { return []int{5432, 8000}, []string{"operators"} }
func (oneMember) Kind() schema.GroupVersionResource {
	return schema.GroupVersionResource{Resource: "ones"}
}

func TestNetworkPoliciesDenyByDefaultAndLetInWhatIsAllowed(t *testing.T) {
	d := &Driver{cfg: Config{REST: &rest.Config{Host: "https://10.0.0.1:36443"}}}
	d.cfg.Expose.Type, d.cfg.Namespace = LoadBalancer, "souk-system"
	ingress := func(networks ...string) []any {
		job := d.job(driver.Instance{ID: "i", AllowedNetworks: networks})
		in, _, _ := unstructured.NestedSlice(d.clientPolicy(job, oneMember{}).Object, "spec", "ingress")
		return in
	}
	agent := inNamespace("souk-system")
	let := func(networks ...string) []any {
		in := ingress(networks...)
		rule := in[0].(map[string]any)
		if port := rule["ports"].([]any)[0].(map[string]any); len(in) != 1 || port["port"] != int64(5432) {
			t.Errorf("%v", in)
		}
		return rule["from"].([]any)
	}
	if from := let(); !reflect.DeepEqual(from, []any{agent}) {
		t.Errorf("nobody is allowed, and the policy lets in %v", from)
	}
	if from := let("203.0.113.0/24"); !reflect.DeepEqual(from, []any{agent, map[string]any{"ipBlock": map[string]any{"cidr": "203.0.113.0/24"}}}) {
		t.Errorf("%v", from)
	}
	var deny *unstructured.Unstructured
	for _, p := range d.fences(d.job(driver.Instance{ID: "i"}), oneMember{}, record{}) {
		if p.object.GetName() == "default-deny" {
			deny = p.object
		}
	}
	types, _, _ := unstructured.NestedStringSlice(deny.Object, "spec", "policyTypes")
	if len(types) != 2 {
		t.Errorf("the default denies %v", types)
	}
}

func TestServicesForNobodyHaveNoRangeOfClients(t *testing.T) {
	d := &Driver{cfg: Config{REST: &rest.Config{Host: "https://10.0.0.1:36443"}}}
	d.cfg.Expose.Type = LoadBalancer
	ranges, _, _ := unstructured.NestedStringSlice(d.access(d.job(driver.Instance{ID: "i"}), oneMember{}, accessName, nil).Object, "spec", "loadBalancerSourceRanges")
	if len(ranges) != 1 || ranges[0] != nobody { // an empty list would mean everybody
		t.Errorf("%v", ranges)
	}
}

func TestNodePortsRefuseAListOfNetworks(t *testing.T) {
	d := &Driver{cfg: Config{REST: &rest.Config{Host: "https://10.0.0.1:36443"}}}
	d.cfg.Expose.Type = NodePort
	for _, networks := range [][]string{nil, {"0.0.0.0/0", "::/0"}} {
		if err := d.acceptable(oneMember{}, driver.Instance{AllowedNetworks: networks}); err != nil {
			t.Errorf("%v: %v", networks, err)
		}
	}
	var blocked *driver.BlockedError
	if err := d.acceptable(oneMember{}, driver.Instance{AllowedNetworks: []string{"203.0.113.0/24"}}); !errors.As(err, &blocked) || blocked.BlockedBy != "you" {
		t.Errorf("%v", err)
	}
}

func TestStates(t *testing.T) {
	ran := record{Initialised: true}
	for _, test := range []struct {
		rec  record
		seen Seen
		want driver.State
	}{
		{record{}, Seen{Serving: true, Whole: true}, driver.StateCreating},
		{ran, Seen{Serving: true, Whole: true}, driver.StateRunning},
		{ran, Seen{Serving: true}, driver.StateDegraded},
		{ran, Seen{}, driver.StateDegraded},
		{record{Initialised: true, Stopped: true}, Seen{Stopped: true}, driver.StateStopped},
		{record{Initialised: true, Stopped: true}, Seen{}, driver.StateDegraded},
	} {
		if got := stateOf(test.rec, test.seen); got != test.want {
			t.Errorf("%+v, %+v: %s, want %s", test.rec, test.seen, got, test.want)
		}
	}
}

func TestADegradedInstanceAlwaysSaysWhy(t *testing.T) {
	d := &Driver{}
	for _, seen := range []Seen{{}, {Stopped: true}, {Message: "because"}} {
		got := d.observation(oneMember{}, "i", record{Initialised: true}, seen, nil)
		if got.State != driver.StateDegraded || got.Message == "" || seen.Message != "" && got.Message != seen.Message {
			t.Errorf("%+v: %s, %q", seen, got.State, got.Message)
		}
	}
}

func TestWaitersWakeAtTheNextChange(t *testing.T) {
	var w waiters
	looked := make(chan int, 10)
	n := 0
	done := make(chan error, 1)
	go func() {
		done <- w.until(t.Context(), "a", func() (bool, error) { n++; looked <- n; return n == 2, nil })
	}()
	<-looked
	w.wake("b")
	select {
	case <-looked:
		t.Fatal("another instance's change woke it")
	case <-time.After(10 * time.Millisecond):
	}
	w.wake("a")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
