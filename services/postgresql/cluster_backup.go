package postgresql

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// CloudNativePG has barman-cloud, of the server's image, keep the backups. That is its
// built-in way (up to 1.27), not its plugin, which needs another operator, cert-manager, and a
// container beside each server; both write the same.

// clusterBackups is the kind of object by which one backup is ordered.
var clusterBackups = schema.GroupVersionResource{Group: "postgresql.cnpg.io", Version: "v1", Resource: "backups"}

var _ kubernetes.BackupEngine = (*clusterEngine)(nil)

// source names the place of what a cluster is restored from.
const source = "source"

// addBackups adds where the cluster keeps its backups, and what it is made of.
func (e *clusterEngine) addBackups(spec map[string]any, job *kubernetes.Job) {
	if job.Place == nil {
		return
	}
	if job.Want.Backup != nil {
		store := objectStore(job.Place, job.Want.ID, archive(e.cluster()))
		store["data"] = map[string]any{"compression": "gzip", "immediateCheckpoint": true, "jobs": int64(1)}
		store["wal"] = map[string]any{"compression": "gzip"}
		spec["backup"] = map[string]any{"barmanObjectStore": store, "target": "primary"}
	}
	from := job.Restore
	if from == nil {
		return
	}
	of, label := sourced(from.Source)
	target := map[string]any{"backupID": label}
	switch {
	case from.Whole:
	case from.Until.IsZero():
		target["targetImmediate"] = true
	default:
		// Not in the form that ends in Z: the server cannot read that yet when it starts.
		target["targetTime"] = from.Until.UTC().Format("2006-01-02 15:04:05.000000+00")
	}
	spec["bootstrap"] = map[string]any{"recovery": map[string]any{"source": source, "database": database, "owner": owner, "recoveryTarget": target}}
	spec["externalClusters"] = []any{map[string]any{"name": source, "barmanObjectStore": objectStore(job.Place, from.From, of)}}
}

// objectStore is where the backups of an instance are that an archive has.
func objectStore(place *driver.BackupPlace, instanceID string, of archive) map[string]any {
	key := func(name string) map[string]any {
		return map[string]any{"name": kubernetes.BackupSecret, "key": name}
	}
	return map[string]any{
		"destinationPath": "s3://" + place.Bucket + "/" + instanceID, "serverName": string(of),
		"endpointURL": "https://" + place.Endpoint + ":" + strconv.Itoa(place.Port), "endpointCA": key("ca.crt"),
		"s3Credentials": map[string]any{"accessKeyId": key("accessKey"), "secretAccessKey": key("secretKey"), "region": key("region")},
	}
}

// Snapshots implements kubernetes.BackupEngine: changes between backups are kept.
func (e *clusterEngine) Snapshots() bool { return false }

// archivingTime is how long the server may take to put its last changes away before
// a backup begins.
const archivingTime = time.Minute

// TakeBackup takes a whole backup of the running server, unless it is there.
func (e *clusterEngine) TakeBackup(ctx context.Context, job *kubernetes.Job, primary string, order driver.BackupOrder) error {
	repo := job.Repository()
	if there, err := repo.Noted(ctx, order.ID); there || err != nil {
		return cannotUse(err)
	}
	size, err := e.beforeBackup(ctx, job, primary)
	if err != nil {
		return err
	}
	name := "souk-" + order.ID
	taken, err := e.orderBackup(ctx, job, name)
	if err != nil {
		return err
	}
	n, err := noteOf(taken, order, size)
	if err != nil {
		return err
	}
	if err := keepNote(ctx, repo, n); err != nil {
		return cannotUse(err)
	}
	return job.Delete(ctx, clusterBackups, name)
}

// beforeBackup sees to it that what comes after the backup will be kept, and returns
// what the data takes.
func (e *clusterEngine) beforeBackup(ctx context.Context, job *kubernetes.Job, primary string) (size int64, err error) {
	admin, err := enterPod(ctx, job, primary, "postgres")
	if err != nil {
		return 0, err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	limited, cancel := context.WithTimeout(ctx, archivingTime)
	defer cancel()
	if err := admin.flush(limited); err != nil {
		return 0, err
	}
	err = admin.QueryRow(ctx, "SELECT sum(pg_database_size(oid))::int8 FROM pg_database").Scan(&size)
	return size, err
}

// orderBackup has the operator take a backup, and returns it once it is whole. One
// that failed is taken anew.
func (e *clusterEngine) orderBackup(ctx context.Context, job *kubernetes.Job, name string) (taken *unstructured.Unstructured, err error) {
	before, err := job.Get(ctx, clusterBackups, name)
	if err != nil {
		return nil, err
	}
	if before != nil && kubernetes.PhaseOf(before) == "completed" {
		return before, nil
	}
	if before != nil && (backupFailed(before) || text(before, "spec", "cluster", "name") != e.cluster()) {
		if err := job.Delete(ctx, clusterBackups, name); err != nil {
			return nil, err
		}
	}
	o := kubernetes.Object("postgresql.cnpg.io/v1", "Backup", job.Namespace, name, job.Labels, map[string]any{"spec": map[string]any{
		"cluster": map[string]any{"name": e.cluster()}, "method": "barmanObjectStore", "target": "primary",
	}})
	if err := job.Apply(ctx, clusterBackups, o); err != nil {
		return nil, err
	}
	err = job.Watch(ctx, clusterBackups, name, func(o *unstructured.Unstructured) (bool, error) {
		if backupFailed(o) {
			return false, fmt.Errorf("the operator's backup: %s", text(o, "status", "error"))
		}
		taken = o
		return kubernetes.PhaseOf(o) == "completed", nil
	})
	if err != nil && ctx.Err() == nil {
		return nil, cannotUse(err)
	}
	return taken, err
}

func backupFailed(o *unstructured.Unstructured) bool {
	phase := kubernetes.PhaseOf(o)
	return phase == "failed" || phase == "walArchivingFailing"
}

// cannotUse turns what went wrong with the place of backups into words for users.
func cannotUse(err error) error {
	if err == nil {
		return nil
	}
	return &driver.BlockedError{Message: "The zone's place for backups cannot be used at the moment, or the server's image has no programs to do so. It is tried again; if this goes on, the zone's operator has to act.", BlockedBy: "operator", Err: err}
}

// Archived says how far the server's log of changes is kept.
func (e *clusterEngine) Archived(ctx context.Context, job *kubernetes.Job, primary string, report *driver.BackupReport) error {
	admin, err := enterPod(ctx, job, primary, "postgres")
	if err != nil {
		return err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	return admin.archived(ctx, report)
}

// Flush has everything that the server has changed until now put away.
func (e *clusterEngine) Flush(ctx context.Context, job *kubernetes.Job, primary string) error {
	admin, err := enterPod(ctx, job, primary, "postgres")
	if err != nil {
		return err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	return admin.flush(ctx)
}

// Source is what barman calls a backup.
func (e *clusterEngine) Source(ctx context.Context, repo *kubernetes.Repository, id string) (string, error) {
	notes, err := notesOf(ctx, repo)
	if err != nil {
		return "", err
	}
	for _, n := range notes {
		if n.ID == id {
			return n.source(), nil
		}
	}
	return "", unusable("The backup is not there any more. Restore from another one.", nil)
}

var appliedInPod = regexp.MustCompile(`restored log file \\*"([0-9A-F]{24})\\*" from archive`)

// Diagnose tells a point in time that no change came after from what cannot be restored.
func (e *clusterEngine) Diagnose(ctx context.Context, job *kubernetes.Job, repo *kubernetes.Repository, log []byte) (kubernetes.Diagnosis, error) {
	if !strings.Contains(string(log), notReached) {
		return kubernetes.Diagnosis{Blocked: &driver.BlockedError{
			Message:   "The backup could not be restored. The zone's place for backups cannot be used, or the backup is damaged; it is tried again. If this goes on, the zone's operator has to act, who finds the reason in the log of the instance's pod.",
			BlockedBy: "operator", Err: errors.New("restore: the pod has failed"),
		}}, nil
	}
	of, _ := sourced(job.Restore.Source)
	newest, err := newestWAL(ctx, repo, of)
	if err != nil {
		return kubernetes.Diagnosis{}, err
	}
	last := ""
	for _, found := range appliedInPod.FindAllSubmatch(log, -1) {
		last = max(last, string(found[1]))
	}
	if last < newest {
		return kubernetes.Diagnosis{Blocked: missingChanges()}, nil
	}
	return kubernetes.Diagnosis{Exhausted: true}, nil
}
