package postgresql

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/bucket"
	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/test/objectstore"
)

// repositoryWith is one that barman has filled: two backups and the changes around them.
func repositoryWith(t *testing.T) (*kubernetes.Repository, []note) {
	t.Helper()
	store := objectstore.New(t)
	b, err := bucket.Open(store.Place)
	if err != nil {
		t.Fatal(err)
	}
	repo := &kubernetes.Repository{Bucket: b, InstanceID: uuid.NewString()}
	put := func(name string) {
		if err := repo.Put(t.Context(), repo.Key(name), []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		put(fmt.Sprintf("db/wals/0000000100000000/00000001%016X.gz", i))
	}
	put("db/wals/00000002.history.gz")
	var notes []note
	began := time.Date(2026, 5, 1, 2, 0, 0, 0, time.UTC)
	for i, label := range []string{"20260501T020000", "20260502T020000"} {
		put("db/base/" + label + "/data.tar.gz")
		put("db/base/" + label + "/backup.info")
		at := began.AddDate(0, 0, i)
		n := note{Backup: driver.Backup{ID: uuid.NewString(), Kind: "scheduled", At: at, StartedAt: at, FinishedAt: at.Add(time.Minute), SizeBytes: 100}, Label: label, FirstWAL: fmt.Sprintf("00000001%016X", 1+2*i)}
		if err := keepNote(t.Context(), repo, n); err != nil {
			t.Fatal(err)
		}
		notes = append(notes, n)
	}
	return repo, notes
}

func held(t *testing.T, repo *kubernetes.Repository) (keys []string) {
	t.Helper()
	if err := repo.List(t.Context(), repo.Key(""), func(o bucket.Object) bool {
		keys = append(keys, o.Key[len(repo.InstanceID)+1:])
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return keys
}

func idsOf(t *testing.T, repo *kubernetes.Repository) (ids []string) {
	t.Helper()
	all, err := (&clusterEngine{}).Backups(t.Context(), repo)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		if b.StoredBytes == 0 || b.FinishedAt.IsZero() {
			t.Errorf("%+v", b)
		}
		ids = append(ids, b.ID)
	}
	return ids
}

func TestAnExpiredBackupGoesWithTheChangesThatOnlyItNeeded(t *testing.T) {
	e := &clusterEngine{}
	repo, notes := repositoryWith(t)
	if got := idsOf(t, repo); !slices.Equal(got, []string{notes[0].ID, notes[1].ID}) {
		t.Fatalf("there are %v", got)
	}
	for range 2 { // the second time there is nothing to do
		if err := e.ExpireBackup(t.Context(), repo, notes[0].ID, false); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"db/base/20260502T020000/backup.info", "db/base/20260502T020000/data.tar.gz",
		"db/wals/0000000100000000/000000010000000000000003.gz", "db/wals/0000000100000000/000000010000000000000004.gz", "db/wals/0000000100000000/000000010000000000000005.gz",
		"db/wals/00000002.history.gz", "souk/" + notes[1].ID + ".json",
	}
	if got := held(t, repo); !slices.Equal(got, want) {
		t.Errorf("there is left %q", got)
	}
	if label, err := e.Source(t.Context(), repo, notes[1].ID); err != nil || label != "20260502T020000" {
		t.Errorf("the other is %q, %v", label, err)
	}
	if _, err := e.Source(t.Context(), repo, notes[0].ID); err == nil {
		t.Error("the expired one is found")
	}
	if err := e.ExpireBackup(t.Context(), repo, notes[1].ID, true); err != nil {
		t.Fatal(err)
	}
	if got := held(t, repo); len(got) != 0 {
		t.Errorf("after the last there is left %q", got)
	}
	if err := e.ExpireBackup(t.Context(), repo, notes[1].ID, true); err != nil {
		t.Errorf("of nothing: %v", err)
	}
}

func TestTheLastBackupOfAnInstanceThatLivesLeavesItsChanges(t *testing.T) {
	e := &clusterEngine{}
	repo, notes := repositoryWith(t)
	for _, n := range notes {
		if err := e.ExpireBackup(t.Context(), repo, n.ID, false); err != nil {
			t.Fatal(err)
		}
	}
	if got := idsOf(t, repo); len(got) != 0 {
		t.Errorf("there are %v", got)
	}
}

// A backup whose files somebody has deleted is not listed, and its note goes with the next expiry.
func TestALostBackupIsNotListed(t *testing.T) {
	e := &clusterEngine{}
	repo, notes := repositoryWith(t)
	if err := repo.DeleteAll(t.Context(), repo.Key("db/base/"+notes[0].Label+"/")); err != nil {
		t.Fatal(err)
	}
	if got := idsOf(t, repo); !slices.Equal(got, []string{notes[1].ID}) {
		t.Errorf("there are %v", got)
	}
	if err := e.ExpireBackup(t.Context(), repo, notes[0].ID, false); err != nil {
		t.Fatal(err)
	}
	if got := held(t, repo); slices.Contains(got, "souk/"+notes[0].ID+".json") {
		t.Errorf("there is left %q", got)
	}
}

// A point in time after the last change is told from one before which changes are missing.
func TestWhyARestoreDidNotEnd(t *testing.T) {
	repo, _ := repositoryWith(t)
	line := func(i int) string {
		return fmt.Sprintf(`{"record":{"message":"restored log file \"00000001%016X\" from archive"}}`+"\n", i)
	}
	for name, test := range map[string]struct {
		log       string
		exhausted bool
		who       string
	}{
		"all changes applied":  {line(4) + line(5) + notReached, true, ""},
		"one in between lost":  {line(2) + line(3) + notReached, false, "you"},
		"something else wrong": {"could not connect to the endpoint URL", false, "operator"},
	} {
		got, err := (&clusterEngine{}).Diagnose(t.Context(), &kubernetes.Job{Restore: &kubernetes.Restore{Source: "20260502T020000"}}, repo, []byte(test.log))
		who := ""
		if got.Blocked != nil {
			who = got.Blocked.BlockedBy
		}
		if err != nil || got.Exhausted != test.exhausted || who != test.who {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// Each restore in place begins another archive: backups are found in theirs, and the
// changes of an archive go with its last backup once there is one after it.
func TestBackupsFromBeforeAndAfterARestoreInPlace(t *testing.T) {
	e := &clusterEngine{}
	repo, notes := repositoryWith(t)
	after := note{Archive: "db-r1", Label: "20260503T020000", FirstWAL: "000000020000000000000007"}
	after.Backup = driver.Backup{ID: uuid.NewString(), StartedAt: notes[1].StartedAt.AddDate(0, 0, 1), FinishedAt: notes[1].FinishedAt.AddDate(0, 0, 1)}
	for _, name := range []string{"base/20260503T020000/data.tar.gz", "base/20260503T020000/backup.info", "wals/0000000200000000/000000020000000000000007.gz"} {
		if err := repo.Put(t.Context(), repo.Key("db-r1/"+name), []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := keepNote(t.Context(), repo, after); err != nil {
		t.Fatal(err)
	}
	if got := idsOf(t, repo); !slices.Equal(got, []string{notes[0].ID, notes[1].ID, after.ID}) {
		t.Errorf("there are %v", got)
	}
	for id, want := range map[string]string{notes[1].ID: "20260502T020000", after.ID: "db-r1/20260503T020000"} {
		source, err := e.Source(t.Context(), repo, id)
		if of, label := sourced(source); err != nil || source != want || (note{Archive: of, Label: label}).source() != want {
			t.Errorf("%q is in %q, %v", want, source, err)
		}
	}
	for _, n := range notes {
		if err := e.ExpireBackup(t.Context(), repo, n.ID, false); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"db-r1/base/20260503T020000/backup.info", "db-r1/base/20260503T020000/data.tar.gz", "db-r1/wals/0000000200000000/000000020000000000000007.gz", "souk/" + after.ID + ".json"}
	if got := held(t, repo); !slices.Equal(got, want) {
		t.Errorf("there is left %q", got)
	}
	if err := e.ExpireBackup(t.Context(), repo, after.ID, true); err != nil {
		t.Fatal(err)
	}
	if got := held(t, repo); len(got) != 0 {
		t.Errorf("after the last there is left %q", got)
	}
}

// The last backup of an archive that is still written to leaves its changes.
func TestTheChangesAfterTheLastBackupOfTheNewestArchiveStay(t *testing.T) {
	e := &clusterEngine{}
	repo, notes := repositoryWith(t)
	for _, n := range notes {
		if err := e.ExpireBackup(t.Context(), repo, n.ID, false); err != nil {
			t.Fatal(err)
		}
	}
	if got := held(t, repo); !slices.Contains(got, "db/wals/0000000100000000/000000010000000000000005.gz") {
		t.Errorf("there is left %q", got)
	}
}
