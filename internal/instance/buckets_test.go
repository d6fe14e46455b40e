package instance_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/backup"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/problem"
	"souk/internal/store"
)

func ownBucket(name string) api.BucketCreate {
	return api.BucketCreate{Name: name, Zone: "local", Endpoint: "s3.example.com", Region: "eu-1", Bucket: "backups-of-ours", Prefix: "souk", AccessKey: "key", SecretKey: "a-secret"}
}

// keepingOwn is a world whose zone can keep backups in a bucket, with the bucket "ours".
func keepingOwn(t *testing.T) *instancetest.World {
	t.Helper()
	w := instancetest.New(t)
	w.Service.RealNow = w.Clock.Now
	w.System(t, func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE zone_agents SET info = jsonb_set(jsonb_set(info, '{engines,0,backups}', 'true'), '{engines,0,ownBuckets}', 'true')`)
		return err
	})
	if err := w.As(t, w.Acme, func(tx store.Tx) error {
		_, err := w.Service.KeepBucket(t.Context(), tx, w.Acme, ownBucket("ours"))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return w
}

// bucketID is that of "ours".
func bucketID(t *testing.T, w *instancetest.World) (id string) {
	t.Helper()
	w.System(t, func(tx store.Tx) error {
		return tx.QueryRow(t.Context(), "SELECT id::text FROM backup_buckets WHERE name = 'ours'").Scan(&id)
	})
	return id
}

func to(name string) func(*api.InstanceSpec) {
	return func(s *api.InstanceSpec) { s.Backup = &api.BackupSpec{To: name} }
}

func TestABucketOfTheCustomersIsUsedAndNotBilled(t *testing.T) {
	w := keepingOwn(t)
	v := w.Ready(t, "db1", to("ours"))
	id := bucketID(t, w)
	b := taken(w.Clock.Now().Add(-time.Hour))
	b.ID = backup.FirstID(v.ID.String(), id)
	backupFact(t, w, v, agentapi.BackupFact{Bucket: id, BackupReport: driver.BackupReport{Backups: []driver.Backup{b}, Archiving: true, ArchivedUntil: w.Clock.Now()}})
	l := list(t, w, "db1")
	if len(l.Items) != 1 || l.Items[0].Bucket != "ours" || l.From == nil || !l.OwnBuckets {
		t.Fatalf("%+v", l)
	}
	if n := w.Count(t, "backup_steps"); n != 0 {
		t.Errorf("what lies in a customer's bucket is billed: %d steps", n)
	}
	var preview api.Preview
	if err := w.As(t, w.Acme, func(tx store.Tx) (err error) {
		preview, err = w.Service.Preview(t.Context(), tx, w.Acme, instancetest.Order("db2", to("ours")))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(preview.Cost.After.ByUse) != 0 {
		t.Errorf("a price of it is shown: %+v", preview.Cost.After.ByUse)
	}

	// From now on in the zone's place: what is in the bucket stays, points in time begin anew.
	w.Act(t, "db1", w.Update(to("")))
	w.Report(t, v.ID, driver.StateRunning)
	here := taken(w.Clock.Now().Add(-time.Minute))
	backupFact(t, w, v, agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: []driver.Backup{here}, Archiving: true, ArchivedUntil: w.Clock.Now()}})
	l = list(t, w, "db1")
	if len(l.Items) != 2 || l.Items[0].State != "completed" || l.Items[1].State != "completed" || l.From == nil || !l.From.Equal(here.FinishedAt.UTC()) {
		t.Errorf("in two places: %+v", l)
	}
	if n := w.Count(t, "backup_segments WHERE superseded_at IS NULL AND to_at IS NULL AND bytes = $1", here.StoredBytes); n != 1 {
		t.Errorf("%d links for the one in the zone's place", n)
	}
	copied := w.Must(t, restore(w, api.RestoreFrom{Instance: "db1", Backup: b.ID}))
	w.Report(t, copied.ID, driver.StateRunning)
	if err := deleteOurs(t, w); problem.As(err) == nil || problem.As(err).Code != "bucket-in-use" {
		t.Errorf("deleted while a backup is in it: %v", err)
	}
	w.Must(t, deleteBackup(w, b.ID, ""))
	removed := expire(t, w)
	if len(removed) != 1 || removed[0].Of.Place == nil || removed[0].Of.Place.SecretKey != "a-secret" || removed[0].Of.Place.ID != id {
		t.Fatalf("removed: %d", len(removed))
	}
	w.Act(t, copied.Name, w.Update(to("")))
	if err := deleteOurs(t, w); err != nil {
		t.Errorf("once nothing is in it: %v", err)
	}
}

func deleteOurs(t *testing.T, w *instancetest.World) error {
	return w.As(t, w.Acme, func(tx store.Tx) error { return w.Service.DeleteBucket(t.Context(), tx, w.Acme.Organization, "ours") })
}

func TestBucketsThatAreRefused(t *testing.T) {
	for field, change := range map[string]func(*api.BucketCreate){
		"body.name":      func(b *api.BucketCreate) { b.Name = "Ours" },
		"body.endpoint":  func(b *api.BucketCreate) { b.Endpoint = "https://s3.example.com/" },
		"body.port":      func(b *api.BucketCreate) { b.Port = 70000 },
		"body.region":    func(b *api.BucketCreate) { b.Region = "" },
		"body.bucket":    func(b *api.BucketCreate) { b.Bucket = "a/b" },
		"body.prefix":    func(b *api.BucketCreate) { b.Prefix = "a/../b" },
		"body.accessKey": func(b *api.BucketCreate) { b.AccessKey = "a key\n" },
		"body.secretKey": func(b *api.BucketCreate) { b.SecretKey = "a\nrepo1-type=posix" },
		"body.ca":        func(b *api.BucketCreate) { b.CA = "none" },
	} {
		in := ownBucket("ours")
		change(&in)
		_, err := instance.CheckBucket(in)
		if p := problem.As(err); p == nil || len(p.Fields) != 1 || p.Fields[0].Location != field || strings.Contains(p.Error(), in.SecretKey) {
			t.Errorf("%s: %v", field, err)
		}
	}
	w := keepingOwn(t)
	mustRefuse(t, w, "invalid", "body.spec.backup.to", func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return w.Service.Order(ctx, tx, p, instancetest.Order("db2", to("theirs")))
	})
	w.Ready(t, "db1", to("ours"))
	if err := deleteOurs(t, w); problem.As(err) == nil || problem.As(err).Code != "bucket-in-use" {
		t.Errorf("deleted while an instance uses it: %v", err)
	}
	w.System(t, func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE zone_agents SET info = info #- '{engines,0,ownBuckets}'`)
		return err
	})
	mustRefuse(t, w, "invalid", "body.spec.backup.to", func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return w.Service.Order(ctx, tx, p, instancetest.Order("db2", to("ours")))
	})
}

func TestAZoneCannotTellOfAnothersBucket(t *testing.T) {
	w := keepingOwn(t)
	v := w.Ready(t, "db1")
	backupFact(t, w, v, agentapi.BackupFact{Bucket: uuid.NewString(), BackupReport: driver.BackupReport{Backups: []driver.Backup{taken(w.Clock.Now().Add(-time.Hour))}}})
	if l := list(t, w, "db1"); len(l.Items) != 0 {
		t.Errorf("taken in: %+v", l.Items)
	}
}
