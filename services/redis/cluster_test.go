package redis

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

func TestSectionsOfClustersThatAreRefused(t *testing.T) {
	if e, err := KubernetesEngine([]byte(`{"image": "redis:7", "version": "7.0.15"}`)); err != nil || e.Version().Version != "7.0.15" {
		t.Fatalf("%+v, %v", e, err)
	}
	for section, says := range map[string]string{
		`{}`: "image and version", `{"image": "i"}`: "image and version",
		`{"image": "i", "version": "6.0"}`:           "7 or newer",
		`{"image": "i", "version": "7", "tag": "x"}`: "tag",
	} {
		if _, err := KubernetesEngine([]byte(section)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", section, err)
		}
	}
}

func TestClustersRefuseWhatRedisCannotDo(t *testing.T) {
	e := &clusterEngine{}
	if err := e.Accept(order()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*driver.Instance){
		"some networks":                 func(i *driver.Instance) { i.AllowedNetworks = []string{"203.0.113.0/24"} },
		"a setting that is not offered": func(i *driver.Instance) { i.Parameters = map[string]any{"dir": "/tmp"} },
		"a line end in a setting":       func(i *driver.Instance) { i.Parameters = map[string]any{"maxmemory-policy": "x\ndir /tmp"} },
		"a log-in of Souk's":            func(i *driver.Instance) { i.Credentials[0].Login = podLogin },
		"a point in time":               func(i *driver.Instance) { i.Restore = &driver.Restore{Time: time.Now()} },
	} {
		want := order()
		change(&want)
		var blocked *driver.BlockedError
		if err := e.Accept(want); !errors.As(err, &blocked) || !blocked.Permanent || blocked.Message == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Where nobody may connect the log-ins of users are off; Souk's own are not.
func TestServersInPodsLetInWhoIsAllowed(t *testing.T) {
	for _, test := range []struct {
		networks []string
		open     bool
	}{{nil, false}, {[]string{"0.0.0.0/0"}, true}} {
		want := order()
		want.AllowedNetworks = test.networks
		live, open, err := clusterSettings(want)
		if err != nil || open != test.open || live["maxmemory"] == "" {
			t.Errorf("%v: %v, %v, %v", test.networks, live, open, err)
		}
		all, err := logins(want.Credentials, func(string) string { return "secret" })
		if err != nil {
			t.Fatal(err)
		}
		turnOff(want, all)
		if off := slices.Contains(all["alice"], "off"); off == test.open || slices.Contains(all[administrator], "off") {
			t.Errorf("%v: %v", test.networks, all)
		}
	}
}

// A pod is of the plan's size, has no account in the cluster and no secret in its
// description.
func TestPodsOfAnInstance(t *testing.T) {
	want := order()
	pod := (&clusterEngine{config: clusterConfig{Image: "i", UserID: 7, GroupID: 8}}).pod(&kubernetes.Job{Want: want})
	container := pod["containers"].([]any)[0].(map[string]any)
	limits := container["resources"].(map[string]any)["limits"].(map[string]any)
	security := pod["securityContext"].(map[string]any)
	if limits["memory"] != "512Mi" || limits["cpu"] != "1000m" || pod["automountServiceAccountToken"] != false || security["runAsUser"] != int64(7) || security["fsGroup"] != int64(8) {
		t.Errorf("%v", pod)
	}
}

func TestLinesOfAPodsLog(t *testing.T) {
	for line, want := range map[string]string{
		"1:M 22 Nov 2026 02:40:35.582 * Ready to accept connections\n": "1:M 22 Nov 2026 02:40:35.582 * Ready to accept connections",
		"a\rb": "a b", "": "", "  \n": "",
	} {
		if got, ok := (&clusterEngine{}).LogLine([]byte(line)); string(got) != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", line, got, ok)
		}
	}
}

// TestDataThatIsNotWhole: a pod's server begins with whole data, or with none where
// there never was any.
func TestDataThatIsNotWhole(t *testing.T) {
	const files = "data/redis/appendonlydir/"
	whole := map[string]string{
		files + "appendonly.aof.manifest":   "file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.1.incr.aof seq 1 type h\nfile appendonly.aof.2.incr.aof seq 2 type i\n",
		files + "appendonly.aof.2.base.rdb": "x", files + "appendonly.aof.2.incr.aof": "x",
	}
	without := func(name string) map[string]string {
		some := map[string]string{}
		for k, v := range whole {
			if k != files+name {
				some[k] = v
			}
		}
		return some
	}
	for name, test := range map[string]struct {
		there map[string]string
		says  string // empty: the server begins
	}{
		"a new volume":                    {nil, ""},
		"a volume whose making was cut":   {map[string]string{"data/redis.new/appendonlydir/x": ""}, ""},
		"whole data":                      {whole, ""},
		"an empty volume that held data":  {map[string]string{"conf/held": "yes"}, "DATA LOST: the volume is empty"},
		"without the list of its files":   {without("appendonly.aof.manifest"), "DATA LOST: the list"},
		"without a file":                  {without("appendonly.aof.2.base.rdb"), "DATA LOST: appendonly.aof.2.base.rdb is gone"},
		"without the one written to last": {without("appendonly.aof.2.incr.aof"), "DATA LOST: appendonly.aof.2.incr.aof is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for path, text := range test.there {
				write(t, filepath.Join(root, path), text)
			}
			write(t, filepath.Join(root, "data", "lost+found"), "")
			script := strings.NewReplacer("/data", root+"/data", "/conf/", root+"/conf/", "/dev/termination-log", root+"/said", "exec redis-server", "echo begins").Replace(string(startScript))
			for range 2 { // it may end and start again at any time
				out, err := exec.CommandContext(t.Context(), "sh", "-c", script).CombinedOutput()
				if (err == nil) != (test.says == "") || !strings.Contains(string(out), test.says) {
					t.Fatalf("%v: %s", err, out)
				}
			}
			if text, err := os.ReadFile(filepath.Join(root, files, "appendonly.aof.manifest")); test.says == "" && (err != nil || len(text) == 0) {
				t.Errorf("the manifest: %q, %v", text, err)
			}
			if text, _ := os.ReadFile(filepath.Join(root, "said")); test.says != "" && !strings.HasPrefix(string(text), test.says) {
				t.Errorf("the cluster is told %q", text)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
