package redis

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// firstMembers are those of an instance that was never restored in place.
var firstMembers = (&clusterEngine{}).memberNames()

// aMember is a pod of an instance with three members; ready is when it became so, or "".
func aMember(n int, ready string, well bool, more ...func(map[string]any)) *unstructured.Unstructured {
	server := map[string]any{"name": serverName, "containerID": "c", "started": well, "state": map[string]any{"running": map[string]any{}}}
	for _, change := range more {
		change(server)
	}
	status, since := "True", ready
	if ready == "" {
		status, since = "False", "2026-03-02T12:00:00Z"
	}
	return kubernetes.Object("v1", "Pod", "n", firstMembers[n], map[string]string{"controller-revision-hash": "r2"}, map[string]any{
		"spec": map[string]any{"nodeName": []string{"node-1", "node-2", "node-3"}[n]},
		"status": map[string]any{
			"conditions":        []any{map[string]any{"type": "Ready", "status": status, "lastTransitionTime": since}},
			"containerStatuses": []any{server, map[string]any{"name": sentinelName, "ready": well}},
		},
	})
}

func TestWhatIsSeenOfThreeMembers(t *testing.T) {
	const first, later = "2026-03-02T12:00:00Z", "2026-03-02T12:00:09Z"
	gone := func(c map[string]any) {
		delete(c["state"].(map[string]any), "running")
		c["lastState"] = map[string]any{"terminated": map[string]any{"message": "DATA LOST: the volume is empty\n"}}
	}
	old := aMember(1, "", true)
	old.SetLabels(map[string]string{"controller-revision-hash": "r1"})
	for _, test := range []struct {
		name           string
		pods           []*unstructured.Unstructured
		dead           string // a node
		serving, whole bool
		primary        string
		says, who      string
		lost           string
	}{
		{name: "as it should be", pods: []*unstructured.Unstructured{aMember(0, first, true), aMember(1, "", true), aMember(2, "", true)}, serving: true, whole: true, primary: "redis-0"},
		{name: "one is as it was before", pods: []*unstructured.Unstructured{aMember(0, first, true), old, aMember(2, "", true)}, serving: true, primary: "redis-0", says: "brought to what is wanted"},
		{name: "a replica that lacks something", pods: []*unstructured.Unstructured{aMember(0, first, true), aMember(1, "", false), aMember(2, "", true)}, serving: true, primary: "redis-0", says: "2 of 3 members. Not ready: redis-1 in zone-2."},
		{name: "a replica's node gone", dead: "node-3", pods: []*unstructured.Unstructured{aMember(0, first, true), aMember(1, "", true), aMember(2, "", true)}, serving: true, primary: "redis-0", says: "Not ready: redis-2 in zone-3."},
		{name: "no replica", pods: []*unstructured.Unstructured{aMember(0, first, true), aMember(1, "", false)}, serving: true, primary: "redis-0", says: "refuses writes"},
		{name: "another took over", pods: []*unstructured.Unstructured{aMember(0, first, true), aMember(1, "", true), aMember(2, later, true)}, serving: true, whole: true, primary: "redis-2"},
		{name: "nobody leads", pods: []*unstructured.Unstructured{aMember(0, "", false), aMember(1, "", true), aMember(2, "", true)}, says: "another member takes over"},
		{name: "the data of one is gone", pods: []*unstructured.Unstructured{aMember(0, "", false, gone), aMember(1, "", true), aMember(2, first, true)}, serving: true, primary: "redis-2", says: "redis-0 in zone-1"},
		{name: "the data of all is gone", pods: []*unstructured.Unstructured{aMember(0, "", false, gone), aMember(1, "", false, gone), aMember(2, "", false, gone)}, says: "of all members", who: "operator", lost: "redis-0: the volume is empty; redis-1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			seen := (&clusterEngine{}).Look(kubernetes.View{
				Main: aSet(3, 2, 2, 3), Pods: test.pods, Want: driver.Instance{ServiceLevel: driver.Guaranteed},
				NodeDomain:  func(node string) string { return strings.Replace(node, "node", "zone", 1) },
				NodeAnswers: func(node string) bool { return node != test.dead },
			})
			if seen.Serving != test.serving || seen.Whole != test.whole || seen.Primary != test.primary || !strings.HasPrefix(seen.Lost, test.lost) || (test.lost == "") != (seen.Lost == "") {
				t.Errorf("%+v", seen)
			}
			if !strings.Contains(seen.Message, test.says) || (test.says == "") != (seen.Message == "") || seen.BlockedBy != test.who {
				t.Errorf("it says %q, %q", seen.Message, seen.BlockedBy)
			}
		})
	}
}

// What members are brought to is brought to them anew when one of them starts, or is back.
func TestRunsOfMembersAreToldApart(t *testing.T) {
	look := func(container string, well bool) string {
		return (&clusterEngine{}).Look(kubernetes.View{
			Main: aSet(3, 2, 2, 3), Want: driver.Instance{ServiceLevel: driver.Guaranteed},
			Pods:       []*unstructured.Unstructured{aMember(0, "2026-03-02T12:00:00Z", true), aMember(1, "", well, func(c map[string]any) { c["containerID"] = container })},
			NodeDomain: func(string) string { return "" }, NodeAnswers: func(string) bool { return true },
		}).Run
	}
	if look("a", true) != look("a", true) || look("a", true) == look("b", true) || look("a", true) == look("a", false) {
		t.Error("runs are not told apart, or one is not the same")
	}
}

func TestHowFarReplicasAre(t *testing.T) {
	own, replicas := offsets("role:master\r\nconnected_slaves:2\r\nslave0:ip=10.0.0.1,port=6379,state=online,offset=90,lag=0\r\nslave1:ip=10.0.0.2,port=6379,state=wait_bgsave,offset=0,lag=0\r\nmaster_repl_offset:100\r\n")
	if own != 100 || !slices.Equal(replicas, []int64{90}) {
		t.Errorf("%d, %v", own, replicas)
	}
}

// Members are in failure domains of their own, each with a volume that is its own, and no
// secret is in their description; the template of volumes stays as it was made.
func TestThreeMembersOfAnInstance(t *testing.T) {
	e := &clusterEngine{config: clusterConfig{Image: "i", UserID: 7, GroupID: 8}}
	want := order()
	want.ServiceLevel, want.StorageGiB = driver.Guaranteed, 9
	template := map[string]any{"spec": map[string]any{"resources": map[string]any{"requests": map[string]any{"storage": "5Gi"}}}}
	before := kubernetes.Object("apps/v1", "StatefulSet", "n", "redis", nil, map[string]any{"spec": map[string]any{"volumeClaimTemplates": []any{template}}})
	job := &kubernetes.Job{Want: want, TopologyKey: "zone", Main: before, Addresses: map[string]string{"redis-0": "10.0.0.1", "redis-1": "10.0.0.2", "redis-2": "10.0.0.3"}}
	set := e.memberSet(job, kubernetes.Object("apps/v1", "StatefulSet", "n", "redis", nil, map[string]any{"spec": map[string]any{
		"replicas": int64(1), "template": map[string]any{"spec": e.pod(job)},
	}}))
	pod, _, _ := unstructured.NestedMap(set.Object, "spec", "template", "spec")
	text, err := set.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"replicas":3`, `"type":"OnDelete"`, `"topologyKey":"zone"`, `"value":"10.0.0.1 10.0.0.2 10.0.0.3"`, `"storage":"5Gi"`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("%s is not in %s", part, text)
		}
	}
	if len(pod["containers"].([]any)) != 2 || strings.Contains(string(text), `"claimName"`) {
		t.Errorf("%s", text)
	}
	var sizes []string
	for _, claim := range e.Claims(job) {
		size, _, _ := unstructured.NestedString(claim.Object, "spec", "resources", "requests", "storage")
		sizes = append(sizes, claim.GetName()+" "+size)
	}
	if !reflect.DeepEqual(sizes, []string{"data-redis-0 9Gi", "data-redis-1 9Gi", "data-redis-2 9Gi"}) {
		t.Errorf("%v", sizes)
	}
}

// One member alone has nothing of what three have.
func TestOneMemberIsAsItWas(t *testing.T) {
	e := &clusterEngine{config: clusterConfig{Image: "i"}}
	job := &kubernetes.Job{Want: order()}
	if e.Addresses(job) != nil || e.Beside("best-effort") != (driver.Plan{}) || len(e.Claims(job)) != 1 || e.Members("best-effort") != 1 {
		t.Error("it has more than before")
	}
	if ports, _ := e.Policies("best-effort"); len(ports) != 1 {
		t.Errorf("%v", ports)
	}
}

// saying is a redis-cli whose answers are files, by what it is asked where.
const saying = `#!/bin/sh
while [ "$1" != -e ]; do
	case $1 in -h) at=$2 ;; -p) port=$2 ;; esac
	shift
done
shift
cat "$ANSWERS/$at-$port-$1" 2>/dev/null
`

// TestMembersThatStart: a server begins as what enough Sentinels say, with whole data or
// none, and never with less than the instance held where it would be the primary.
func TestMembersThatStart(t *testing.T) {
	says := func(ip, epoch string, flags ...string) string {
		return "name\nprimary\nip\n" + ip + "\nport\n6379\nrunid\n\nflags\n" + strings.Join(append([]string{"master"}, flags...), ",") + "\nconfig-epoch\n" + epoch + "\n"
	}
	const files = "data/redis/appendonlydir/"
	whole := map[string]string{files + "appendonly.aof.manifest": "file appendonly.aof.1.incr.aof seq 1 type i\n", files + "appendonly.aof.1.incr.aof": "x"}
	for name, test := range map[string]struct {
		sentinels []string // what those of the members say
		there     []map[string]string
		begins    string // with this; empty: not at all
		says      string
	}{
		"a new replica":                    {[]string{says("10.0.0.2", "0"), says("10.0.0.2", "0")}, []map[string]string{{"answers/10.0.0.2-6379-ROLE": "master\n5\n"}}, "--replica-announce-ip 10.0.0.1 --replica-priority 0 --replicaof 10.0.0.2 6379", ""},
		"a new replica before its primary": {[]string{says("10.0.0.2", "0"), says("10.0.0.2", "0")}, nil, "", ""},
		"the first primary of a backup":    {[]string{says("10.0.0.1", "0"), says("10.0.0.1", "0")}, []map[string]string{{"conf/restore.sh": "mkdir -p redis.new && echo restored"}}, "--replica-announce-ip 10.0.0.1", "restored"},
		"a new primary":                    {[]string{says("10.0.0.1", "0"), says("10.0.0.1", "0")}, nil, "--replica-announce-ip 10.0.0.1", ""},
		"a former primary":                 {[]string{says("10.0.0.1", "0"), says("10.0.0.2", "1")}, []map[string]string{whole}, "--replica-announce-ip 10.0.0.1 --replicaof 10.0.0.2 6379", ""},
		"too few know":                     {[]string{says("10.0.0.1", "0")}, []map[string]string{whole}, "", ""},
		"another is just taking over":      {[]string{says("10.0.0.1", "0", "failover_in_progress"), says("10.0.0.1", "0")}, []map[string]string{whole}, "", ""},
		"a replica without its data":       {[]string{says("10.0.0.2", "1"), says("10.0.0.2", "1")}, []map[string]string{{"conf/held": "y", "answers/10.0.0.2-6379-ROLE": "master\n5\n"}}, "--replica-announce-ip 10.0.0.1 --replica-priority 0 --replicaof 10.0.0.2 6379", ""},
		"a replica whose copy was cut":     {[]string{says("10.0.0.2", "1"), says("10.0.0.2", "1")}, []map[string]string{whole, {"data/unsynced": "", "answers/10.0.0.2-6379-ROLE": "master\n5\n"}}, "--replica-announce-ip 10.0.0.1 --replica-priority 0 --replicaof 10.0.0.2 6379", ""},
		"a primary without its data":       {[]string{says("10.0.0.1", "1"), says("10.0.0.1", "1")}, []map[string]string{{"conf/held": "y"}}, "", "DATA LOST: the volume is empty"},
		"a primary without a file":         {[]string{says("10.0.0.1", "1"), says("10.0.0.1", "1")}, []map[string]string{{files + "appendonly.aof.manifest": "file a seq 1 type i\n"}}, "", "DATA LOST: a is gone"},
		"all without data":                 {nil, []map[string]string{{"conf/held": "y"}}, "", "DATA LOST: the volume is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for i, text := range test.sentinels {
				write(t, filepath.Join(root, "answers", []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}[i]+"-26379-SENTINEL"), text)
			}
			for _, files := range test.there {
				for path, text := range files {
					write(t, filepath.Join(root, path), text)
				}
			}
			write(t, filepath.Join(root, "data", "lost+found"), "")
			write(t, filepath.Join(root, "bin", "redis-cli"), saying)
			if err := os.Chmod(filepath.Join(root, "bin", "redis-cli"), 0o700); err != nil {
				t.Fatal(err)
			}
			out, err := startMember(t, root, "server", "10.0.0.1 10.0.0.2 10.0.0.3")
			if test.begins != "" && !strings.HasSuffix(strings.TrimSpace(out), "/conf/redis.conf "+test.begins) || test.begins == "" && strings.Contains(out, "begins") {
				t.Errorf("%v: %q", err, out)
			}
			if !strings.Contains(out, test.says) {
				t.Errorf("it says %q", out)
			}
		})
	}
}

// startMember runs a command of member.sh in a root of its own, where time does not pass; it is
// ended where it would wait for ever.
func startMember(t *testing.T, root, what, members string) (string, error) {
	t.Helper()
	script := strings.NewReplacer("/data", root+"/data", "/conf/", root+"/conf/", "/dev/termination-log", root+"/said", "/run/redis/", root+"/run/", "/tls/tls.crt", root+"/tls.crt",
		"exec redis-server", "echo begins", "sleep 1", "waited=$((${waited:-0} + 1)); [ $waited -lt 50 ] || exit 2").Replace(string(memberScript))
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script, "member.sh", what)
	cmd.Env = append(os.Environ(), "PATH="+root+"/bin:"+os.Getenv("PATH"), "ANSWERS="+root+"/answers", "NAME=redis-0", "MEMBERS="+members)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestSentinelsThatStart: a Sentinel begins with the first member, or as what others know
// where there was data, and again with what it knew itself.
func TestSentinelsThatStart(t *testing.T) {
	root := t.TempDir()
	for _, name := range firstMembers {
		write(t, filepath.Join(root, "conf", name), "id-of-"+name)
	}
	write(t, filepath.Join(root, "conf", "sentinel.conf"), "port 0\n")
	write(t, filepath.Join(root, "tls.crt"), "certificate")
	if err := os.Chmod(filepath.Join(root, "tls.crt"), 0o440); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "data", "lost+found"), "")
	write(t, filepath.Join(root, "run", "x"), "")
	state := filepath.Join(root, "data", "sentinel", "sentinel.conf")
	start := func(primary string) {
		t.Helper()
		out, err := startMember(t, root, "sentinel", "10.0.0.1 10.0.0.2 10.0.0.3")
		text, _ := os.ReadFile(state)
		for _, line := range []string{
			"sentinel monitor primary " + primary + " 6379 2", "sentinel myid id-of-redis-0", "sentinel announce-ip 10.0.0.1",
			"sentinel known-sentinel primary 10.0.0.2 26379 id-of-redis-1", "sentinel known-sentinel primary 10.0.0.3 26379 id-of-redis-2", "port 0",
		} {
			if strings.Count("\n"+string(text), "\n"+line+"\n") != 1 {
				t.Errorf("%q is not there once: %s\n%s, %v", line, text, out, err)
			}
		}
		if strings.Count(string(text), "known-replica") != 2 || strings.Contains(string(text), "known-replica primary "+primary+" ") {
			t.Errorf("%s", text)
		}
	}
	start("10.0.0.1")
	start("10.0.0.1")
	write(t, state, "sentinel myid another\nport 0\nsentinel monitor primary 10.0.0.3 6379 2\nsentinel config-epoch primary 7\nsentinel known-replica primary 10.9.9.9 6379\n")
	start("10.0.0.3")
	if text, _ := os.ReadFile(state); !strings.Contains(string(text), "sentinel config-epoch primary 7\n") {
		t.Errorf("%s", text)
	}
	if err := os.Remove(state); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "conf", "held"), "yes")
	write(t, filepath.Join(root, "bin", "redis-cli"), saying)
	if err := os.Chmod(filepath.Join(root, "bin", "redis-cli"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "answers", "10.0.0.3-26379-SENTINEL"), "name\nprimary\nip\n10.0.0.2\nflags\nmaster\nconfig-epoch\n3\n")
	start("10.0.0.2")
}
