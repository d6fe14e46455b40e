package redis

import (
	"errors"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/bucket"
	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/test/objectstore"
)

// aRepository is that of an instance with backups, as their pods leave them.
func aRepository(t *testing.T, ids ...string) *kubernetes.Repository {
	t.Helper()
	b, err := bucket.Open(objectstore.New(t).Place)
	if err != nil {
		t.Fatal(err)
	}
	repo := &kubernetes.Repository{Bucket: b, InstanceID: uuid.NewString()}
	began := time.Date(2026, 5, 1, 2, 0, 0, 0, time.UTC)
	for i, id := range ids {
		for _, name := range []string{"config", "keys/k", "data/00/a", "index/i", "snapshots/s"} {
			if err := repo.Put(t.Context(), folderOf(repo, id)+name, []byte(name)); err != nil {
				t.Fatal(err)
			}
		}
		at := began.AddDate(0, 0, i)
		done := kubernetes.Done{From: at, Until: at, Said: "100"}
		if err := note(t.Context(), &driver.BackupPlace{}, repo, driver.BackupOrder{ID: id, Kind: "scheduled", At: at}, done); err != nil {
			t.Fatal(err)
		}
	}
	return repo
}

func backupsIn(t *testing.T, repo *kubernetes.Repository) (ids []string) {
	t.Helper()
	all, err := (&clusterEngine{}).Backups(t.Context(), repo)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		if b.SizeBytes != 100 || b.StoredBytes == 0 || b.Kind != "scheduled" || !b.FinishedAt.After(b.StartedAt) {
			t.Errorf("%+v", b)
		}
		ids = append(ids, b.ID)
	}
	return ids
}

func keysIn(t *testing.T, repo *kubernetes.Repository) (keys []string) {
	t.Helper()
	if err := repo.List(t.Context(), repo.Key(""), func(o bucket.Object) bool { keys = append(keys, o.Key); return true }); err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestASnapshotInABucketExpiresAlone(t *testing.T) {
	first, second := uuid.NewString(), uuid.NewString()
	e, repo := &clusterEngine{}, aRepository(t, first, second)
	if got := backupsIn(t, repo); !slices.Equal(got, []string{first, second}) {
		t.Fatalf("there are %v", got)
	}
	for range 2 {
		if err := e.ExpireBackup(t.Context(), repo, first, false); err != nil {
			t.Fatal(err)
		}
	}
	if got := backupsIn(t, repo); !slices.Equal(got, []string{second}) {
		t.Errorf("there are left %v", got)
	}
	for _, key := range keysIn(t, repo) {
		if strings.Contains(key, first) {
			t.Errorf("%s is left", key)
		}
	}
	if id, err := e.Source(t.Context(), repo, second); err != nil || id != second {
		t.Errorf("the other is %q, %v", id, err)
	}
	var blocked *driver.BlockedError
	if _, err := e.Source(t.Context(), repo, first); !errors.As(err, &blocked) || !blocked.Permanent {
		t.Errorf("the expired one: %v", err)
	}
	for range 2 {
		if err := e.ExpireBackup(t.Context(), repo, second, true); err != nil {
			t.Fatal(err)
		}
	}
	if left := keysIn(t, repo); len(left) != 0 {
		t.Errorf("after the last there is left %q", left)
	}
}

// What a pod that was cut short has left is no backup, and is cleared away before the next.
func TestASnapshotThatWasCutShortIsNone(t *testing.T) {
	whole, cut := uuid.NewString(), uuid.NewString()
	repo := aRepository(t, whole)
	if err := repo.Put(t.Context(), folderOf(repo, cut)+"config", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for said, folder := range map[string]string{"100": cut, "": whole} {
		if err := note(t.Context(), &driver.BackupPlace{}, repo, driver.BackupOrder{ID: folder}, kubernetes.Done{Said: said}); !errors.Is(err, errNothingKept) {
			t.Errorf("%q of %s is noted: %v", said, folder, err)
		}
	}
	for _, id := range []string{whole, cut} {
		if err := clearAway(t.Context(), repo, id); err != nil {
			t.Fatal(err)
		}
	}
	if got := backupsIn(t, repo); !slices.Equal(got, []string{whole}) {
		t.Errorf("there are %v", got)
	}
	if i := slices.IndexFunc(keysIn(t, repo), func(key string) bool { return strings.Contains(key, cut) }); i >= 0 {
		t.Error("what was cut short is left")
	}
}

// A backup whose files somebody has deleted is not listed.
func TestALostSnapshotInABucketIsNotListed(t *testing.T) {
	lost, other := uuid.NewString(), uuid.NewString()
	repo := aRepository(t, lost, other)
	if err := repo.DeleteAll(t.Context(), folderOf(repo, lost)); err != nil {
		t.Fatal(err)
	}
	if got := backupsIn(t, repo); !slices.Equal(got, []string{other}) {
		t.Errorf("there are %v", got)
	}
}

func TestWhyASnapshotWasNotTaken(t *testing.T) {
	place := &driver.BackupPlace{}
	for says, done := range map[string]kubernetes.Done{
		"place for backups": {Said: "place: Fatal: create repository at s3:https://inside/b failed: connection refused"},
		"larger plan":       {Said: "server: SYNC with master failed: -ERR"},
		"room for it":       {Said: "server: Error writing data to file: No space left on device"},
		"no restic":         {Said: "image: there is no restic in it"},
		"memory is not":     {Why: "OOMKilled"},
		"ended by the":      {Why: "DeadlineExceeded"},
		"on its disk":       {Why: "Evicted Error"},
	} {
		var blocked *driver.BlockedError
		if err := whyNot(place, done); !errors.As(err, &blocked) || blocked.Permanent || blocked.BlockedBy == "" || !strings.Contains(blocked.Message, says) || strings.Contains(blocked.Message, "inside") {
			t.Errorf("%+v: %v", done, err)
		}
	}
}

// A backup's pod has no account in the cluster, no secret in its description, and bounds.
func TestThePodOfASnapshot(t *testing.T) {
	want := order()
	want.Backup = &driver.BackupSettings{Key: "the-key"}
	job := &kubernetes.Job{Want: want, Place: &driver.BackupPlace{Endpoint: "s3.example", Port: 443, Bucket: "b", Region: "r", AccessKey: "a", SecretKey: "the-secret"}}
	e := &clusterEngine{config: clusterConfig{Image: "i", UserID: 7, GroupID: 8}}
	pod := kubernetes.Object("v1", "Pod", "n", "p", nil, e.backupPod(job, "10.0.0.1"))
	text, err := pod.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []string{`"automountServiceAccountToken":false`, `"restartPolicy":"Never"`, `"sizeLimit":"768Mi"`, `"memory":"512Mi"`, `"readOnlyRootFilesystem":true`} {
		if !strings.Contains(string(text), wanted) {
			t.Errorf("%s is not in %s", wanted, text)
		}
	}
	for _, secret := range []string{"the-key", "the-secret"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%s is in %s", secret, text)
		}
	}
	repo := &kubernetes.Repository{InstanceID: want.ID}
	files := resticFiles(job.Place, repo, "id", want.Backup.Key)
	if got := string(files["repository"]); got != "s3:https://s3.example:443/b/"+path.Join(want.ID, "redis", "id") {
		t.Errorf("the repository is %s", got)
	}
}
