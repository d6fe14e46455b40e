//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"os"
	"testing"

	"souk/test/objectstore"
)

// TestConformance proves in a cluster what PostgreSQL declares, and that Redis is backed up
// there, as their providers would: by the command, with a published result. Left out is what the bed cannot show (storage
// that grows, with scaling), and alerting, which takes ten minutes and is tried by
// TestBackupsAndFigures.
func TestConformance(t *testing.T) {
	host := cmp.Or(os.Getenv(envHost), "10.211.0.1")
	store := objectstore.At(t, host, host)
	giveBackupKey(t, store)
	z := newZone(t, "e2e-conformance", fmt.Sprintf("expose: {type: LoadBalancer}\nbackups: {endpoint: %s, port: %d, bucket: %s, region: %s, accessKey: %s, secretKeyFile: /etc/souk-backups/secretKey, caFile: /etc/souk-backups/ca.crt}",
		host, store.Place.Port, store.Place.Bucket, store.Place.Region, store.Place.AccessKey))
	run := z.Sh("souk conformance run --context operator --service postgresql --zone " + z.name + " --capability bindings,parameters,networks,logs,metrics,maintenance,backup")
	t.Log(run.Out, run.Problems)
	run.Done("backup: passed", "Restored in place within", "maintenance: passed", "metrics: passed", "Published")
	for _, iteration := range []string{"provisioning", "backup", "maintenance", "logs"} {
		z.Sh("souk services postgresql | tr -s ' '").Done(iteration + " " + z.name + " kubernetes passed")
	}
	z.Sh("souk --context operator prices publish redis -f " + file(t, "redis.yaml", redisPrices)).Done("published")
	z.Sh("souk --context operator zone offer " + z.name + " redis --price-list redis").Done("offered")
	run = z.Sh("souk conformance run --context operator --service redis --zone " + z.name + " --capability backup")
	t.Log(run.Out, run.Problems)
	run.Done("backup: passed", "Restored in place within", "Published")
	z.Sh("souk services redis | tr -s ' '").Done("backup " + z.name + " kubernetes passed")
}
