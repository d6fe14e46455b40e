//go:build e2e

package e2e

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"souk/test/objectstore"
)

// TestBackupsAndFigures has an instance in a cluster backed up and restored to a second,
// and watched: the same commands, figures and alerts as in any other zone.
func TestBackupsAndFigures(t *testing.T) {
	host := cmp.Or(os.Getenv(envHost), "10.211.0.1")
	store := objectstore.At(t, host, host)
	giveBackupKey(t, store)
	z := newZone(t, "e2e-backup", fmt.Sprintf("expose: {type: LoadBalancer}\nbackups: {endpoint: %s, port: %d, bucket: %s, region: %s, accessKey: %s, secretKeyFile: /etc/souk-backups/secretKey, caFile: /etc/souk-backups/ca.crt}",
		host, store.Place.Port, store.Place.Bucket, store.Place.Region, store.Place.AccessKey))
	z.Sh("souk order postgresql db1 --zone " + z.name + " --allow " + here() + " --wait").Done("is ready at")
	z.Psql("db1", "create table t as select generate_series(1, 1000) n").Done()
	z.Sh("souk backup db1 --wait").Done("is completed")
	moment := strings.TrimSpace(z.Sh("sleep 2; date -u +%Y-%m-%dT%H:%M:%SZ; sleep 2").Done().Out)
	z.Psql("db1", "drop table t").Done()
	z.Sh("souk restore db1 --time " + moment + " --to db2 --wait").Done("is ready at")
	z.Psql("db2", "select count(*), sum(n) from t").Prints(rows)
	z.Sh("souk get backups db1").Done("completed")
	z.Eventually("the figures are there", func() error {
		r := z.Sh("souk metrics db1")
		for _, name := range []string{"Processor", "Memory", "Storage", "Connections", "Transactions"} {
			if !strings.Contains(r.Out, name) {
				return errors.New(r.Out + r.Problems)
			}
		}
		return nil
	})
	z.Eventually("the storage in use is measured", func() error {
		if i := z.Instance("db1"); i.Status.StorageUsedBytes == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	// A server that is kept from running is told of like one that runs as a process.
	n := z.namespaceOf("db1")
	n.run("annotate", "clusters.postgresql.cnpg.io", "db", `cnpg.io/fencedInstances=["*"]`)
	z.within(6*time.Minute, "the alert comes", func() error {
		if r := z.Sh("souk get alerts"); !strings.Contains(r.Out, "not-answering") {
			return errors.New(r.Out + r.Problems)
		}
		return nil
	})
	n.run("annotate", "clusters.postgresql.cnpg.io", "db", "cnpg.io/fencedInstances-")
	z.within(3*time.Minute, "the server answers again", func() error {
		if r := z.Psql("db1", "select 1"); r.Code != 0 {
			return errors.New(r.Problems)
		}
		return nil
	})
}

// giveBackupKey makes the Secret that an operator gives the agent.
func giveBackupKey(t *testing.T, store *objectstore.Store) {
	n := &namespace{t, "souk-system"}
	n.try("create", "namespace", n.name)
	n.try("delete", "secret", "souk-agent-backups")
	n.run("create", "secret", "generic", "souk-agent-backups", "--from-literal=secretKey="+store.Place.SecretKey, "--from-literal=ca.crt="+store.Place.CAPEM)
	t.Cleanup(func() { n.run("delete", "secret", "souk-agent-backups") })
}
