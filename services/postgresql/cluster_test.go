package postgresql

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

func aJob(change func(*driver.Instance)) *kubernetes.Job {
	want := order()
	if change != nil {
		change(&want)
	}
	return &kubernetes.Job{Want: want, Namespace: "souk-" + want.ID, Labels: map[string]string{kubernetes.LabelZone: "z"}}
}

func TestRulesOfAClusterLetInWhoIsAllowed(t *testing.T) {
	rules := func(hidden bool, networks ...string) []string {
		job := aJob(func(i *driver.Instance) { i.AllowedNetworks = networks })
		job.SourceHidden = hidden
		got, err := clusterRules(job)
		if err != nil {
			t.Fatal(err)
		}
		if last := got[len(got)-1]; last != "host all all all reject" || !strings.HasPrefix(got[2], "host all souk_admin,app_owner,postgres all reject") {
			t.Errorf("%q", got)
		}
		if probe := got[3:5]; !reflect.DeepEqual(probe, []string{"hostssl postgres souk_probe all scram-sha-256", "host all souk_probe all reject"}) {
			t.Errorf("the probe: %q", probe)
		}
		return got[5 : len(got)-1]
	}
	for _, test := range []struct{ got, want []string }{
		{rules(false), []string{}},
		{rules(true), []string{}},
		{rules(false, "203.0.113.7/24", "2001:db8::1/32"), []string{"hostssl app all 203.0.113.0/24 scram-sha-256", "hostssl app all 2001:db8::/32 scram-sha-256"}},
		{rules(true, "0.0.0.0/0"), []string{"hostssl app all 0.0.0.0/0 scram-sha-256", "hostssl app all ::/0 scram-sha-256"}},
	} {
		if !reflect.DeepEqual(test.got, test.want) {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

func TestClustersRefuseWhatIsSmuggledIn(t *testing.T) {
	for name, change := range map[string]func(*driver.Instance){
		"a rule in a network":           func(i *driver.Instance) { i.AllowedNetworks = []string{"0.0.0.0/0 trust\nhost all all"} },
		"a name for a network":          func(i *driver.Instance) { i.AllowedNetworks = []string{"all"} },
		"an address with a zone":        func(i *driver.Instance) { i.AllowedNetworks = []string{"fe80::1%eth0/64"} },
		"a setting that is not offered": func(i *driver.Instance) { i.Parameters = map[string]any{"archive_command": "x"} },
		"a line end in a setting":       func(i *driver.Instance) { i.Parameters = map[string]any{"timezone": "UTC\nssl = off"} },
		"a time zone that is a path":    func(i *driver.Instance) { i.Parameters = map[string]any{"timezone": "../../etc/passwd"} },
		"a time zone that is nowhere":   func(i *driver.Instance) { i.Parameters = map[string]any{"timezone": "Europe/Atlantis"} },
		"a value of an unknown kind":    func(i *driver.Instance) { i.Parameters = map[string]any{"work_mem_mb": []any{1}} },
	} {
		var blocked *driver.BlockedError
		if _, err := (&clusterEngine{}).Main(aJob(change), false); !errors.As(err, &blocked) || blocked.BlockedBy != "you" || !blocked.Permanent {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSettingsThatDifferAreToldApart(t *testing.T) {
	mark := func(change func(*driver.Instance)) any {
		parameters, _, err := clusterSettings(aJob(change))
		if err != nil {
			t.Fatal(err)
		}
		return parameters["souk.settings"]
	}
	seen := map[any]string{}
	for name, change := range map[string]func(*driver.Instance){
		"as ordered":      nil,
		"another network": func(i *driver.Instance) { i.AllowedNetworks = []string{"203.0.113.0/24"} },
		"more memory":     func(i *driver.Instance) { i.Plan.MemoryMiB *= 2 },
		"a time zone":     func(i *driver.Instance) { i.Parameters = map[string]any{"timezone": "Europe/Zurich"} },
	} {
		m := mark(change)
		if other, taken := seen[m]; taken || m == "" {
			t.Errorf("%s looks like %s", name, other)
		}
		seen[m] = name
	}
	if mark(nil) != mark(nil) {
		t.Error("the same is told apart")
	}
}

func TestClustersByServiceLevel(t *testing.T) {
	e := &clusterEngine{config: clusterConfig{Image: "i"}}
	main := func(level string, stopped, forced bool) (*unstructured.Unstructured, map[string]string) {
		job := aJob(func(i *driver.Instance) { i.ServiceLevel = level })
		job.Forced = forced
		o, err := e.Main(job, stopped)
		if err != nil {
			t.Fatal(err)
		}
		return o, o.GetAnnotations()
	}
	for _, test := range []struct {
		level           string
		members         int64
		durable         bool
		stopped, forced bool
		hibernation     string
		fenced          bool
	}{
		{"best-effort", 1, false, false, false, "off", false},
		{guaranteed, 3, true, false, false, "off", false},
		{guaranteed, 3, true, true, false, "on", false},
		{guaranteed, 3, true, true, true, "on", true},
		{guaranteed, 3, true, false, true, "off", false},
	} {
		o, notes := main(test.level, test.stopped, test.forced)
		instances, _, _ := unstructured.NestedInt64(o.Object, "spec", "instances")
		durability, _, _ := unstructured.NestedString(o.Object, "spec", "postgresql", "synchronous", "dataDurability")
		if instances != test.members || (durability == "required") != test.durable || notes["cnpg.io/hibernation"] != test.hibernation || (notes[fencing] != "") != test.fenced {
			t.Errorf("%+v: %d members, durability %q, %v", test, instances, durability, notes)
		}
	}
}

func TestWhatAClusterIsMadeOf(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 250000000, time.UTC)
	place := &driver.BackupPlace{Endpoint: "s3.example", Port: 9000, Bucket: "zone"}
	for _, test := range []struct {
		name    string
		restore *kubernetes.Restore
		target  map[string]any
	}{
		{"nothing", nil, nil},
		{"the end of a backup", &kubernetes.Restore{From: "other", Source: "b"}, map[string]any{"backupID": "b", "targetImmediate": true}},
		{"a point in time", &kubernetes.Restore{From: "other", Source: "b", Until: at}, map[string]any{"backupID": "b", "targetTime": "2026-05-01 12:00:00.250000+00"}},
		{"a point in time after the last change", &kubernetes.Restore{From: "other", Source: "b", Until: at, Whole: true}, map[string]any{"backupID": "b"}},
	} {
		job := aJob(nil)
		job.Want.Backup, job.Place, job.Restore = &driver.BackupSettings{Key: "k"}, place, test.restore
		o, err := (&clusterEngine{}).Main(job, false)
		if err != nil {
			t.Fatal(err)
		}
		target, _, _ := unstructured.NestedMap(o.Object, "spec", "bootstrap", "recovery", "recoveryTarget")
		own, _, _ := unstructured.NestedString(o.Object, "spec", "backup", "barmanObjectStore", "destinationPath")
		_, made, _ := unstructured.NestedMap(o.Object, "spec", "bootstrap", "initdb")
		if !reflect.DeepEqual(target, test.target) || own != "s3://zone/"+job.Want.ID || made != (test.restore == nil) {
			t.Errorf("%s: of %v, to %s, anew %v", test.name, target, own, made)
		}
		if text, _ := o.MarshalJSON(); strings.Contains(string(text), `"k"`) {
			t.Errorf("%s: the key of the backups is in the Cluster", test.name)
		}
	}
	if o, err := (&clusterEngine{}).Main(aJob(nil), false); err != nil || o.Object["spec"].(map[string]any)["backup"] != nil {
		t.Errorf("without backups: %v", err)
	}
}

func TestReplicasAreReadFromAtTheirOwnAddress(t *testing.T) {
	e := &clusterEngine{}
	if e.Readers("best-effort") != nil || e.Readers(guaranteed)["cnpg.io/instanceRole"] != "replica" {
		t.Error("replicas are there at the service level guaranteed alone")
	}
	env := connection(api.Endpoint{Host: "a", Port: 1, Database: "app", ReadHost: "b", ReadPort: 2}, "me", "secret").Env
	if env["PGHOST"] != "a" || env["PGHOST_RO"] != "b" || env["PGPORT_RO"] != "2" || !strings.HasPrefix(env["POSTGRESQL_URL_RO"], "postgresql://me:secret@b:2/app?sslmode=verify-full") {
		t.Errorf("%v", env)
	}
	if env := connection(api.Endpoint{Host: "a", Port: 1}, "me", "secret").Env; len(env) != 8 {
		t.Errorf("without replicas: %v", env)
	}
}
