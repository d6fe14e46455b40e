package postgresql

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// What a restore in place makes has a name and an archive of its own, and clients are
// led to it; what there was before all of them is as ever.
func TestClustersThatRestoresInPlaceMake(t *testing.T) {
	engine := &clusterEngine{}
	job := aJob(nil)
	job.Want.Backup, job.Place = &driver.BackupSettings{Key: "k"}, &driver.BackupPlace{Endpoint: "s3.example", Port: 9000, Bucket: "zone"}
	for made, name := range map[int64]string{0: "db", 1: "db-r1", 12: "db-r12"} {
		job.Restore = &kubernetes.Restore{From: job.Want.ID, Source: "db-r9/20260501T020000"}
		of := engine.MadeBy(made)
		o, err := of.Main(job, false)
		if err != nil {
			t.Fatal(err)
		}
		server, _, _ := unstructured.NestedString(o.Object, "spec", "backup", "barmanObjectStore", "serverName")
		label, _, _ := unstructured.NestedString(o.Object, "spec", "bootstrap", "recovery", "recoveryTarget", "backupID")
		from, _, _ := unstructured.NestedSlice(o.Object, "spec", "externalClusters")
		restored, _, _ := unstructured.NestedString(from[0].(map[string]any), "barmanObjectStore", "serverName")
		if o.GetName() != name || server != name || label != "20260501T020000" || restored != "db-r9" {
			t.Errorf("%s: %s, kept as %s, of %s in %s", name, o.GetName(), server, label, restored)
		}
		if of.Clients()["cnpg.io/cluster"] != name || of.ServerNames("n")[0] != name+"-rw" {
			t.Errorf("%s: %v, %v", name, of.Clients(), of.ServerNames("n"))
		}
		member := &unstructured.Unstructured{}
		member.SetKind("Pod")
		member.SetLabels(map[string]string{"cnpg.io/cluster": name})
		other := engine.MadeBy(made + 1)
		if !of.Owns(o) || !of.Owns(member) || other.Owns(o) || other.Owns(member) {
			t.Errorf("%s: what is whose is mistaken", name)
		}
	}
}
