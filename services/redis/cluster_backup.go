package redis

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/step"
)

// A backup is taken by a pod of its own, a task, which fetches the server's data as a
// replica does and has restic keep it. It goes on without the agent.

var (
	stepBackupBegun = step.New("redis-cluster/backup-begun")
	stepBackupNoted = step.New("redis-cluster/backup-noted")
)

// backupTask names the task, and the Secret with what it needs.
const backupTask = "backup"

// backupLogin is the log-in by which a backup is taken. It may fetch all of the data, and
// do nothing else.
const backupLogin = "souk_backup"

var backupRights = []string{"resetkeys", "resetchannels", "-@all", "+ping", "+sync", "+psync", "+replconf"}

// Bounds of a backup. The data takes less room on disk than in memory, and less than the
// plan's memory there; restic takes some beside it for what is on its way.
const (
	backupWithin   = 11 * time.Hour
	backupSpareMiB = 256
)

var (
	//go:embed backup.sh
	backupScript string
	//go:embed restore.sh
	restoreScript []byte
)

var (
	secretsKind = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	podsKind    = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
)

var _ kubernetes.BackupEngine = (*clusterEngine)(nil)

// Snapshots implements kubernetes.BackupEngine.
func (e *clusterEngine) Snapshots() bool { return true }

// Archived says nothing: there are snapshots, and no points in time between them.
func (e *clusterEngine) Archived(context.Context, *kubernetes.Job, string, *driver.BackupReport) error {
	return nil
}

// Flush has nothing to do: what changes between snapshots is not kept.
func (e *clusterEngine) Flush(context.Context, *kubernetes.Job, string) error { return nil }

// TakeBackup has the server's data kept as of one moment, unless it is.
func (e *clusterEngine) TakeBackup(ctx context.Context, job *kubernetes.Job, primary string, order driver.BackupOrder) error {
	repo := job.Repository()
	there, err := repo.Noted(ctx, order.ID)
	if err != nil {
		return job.Place.Unusable(err.Error(), err)
	}
	if there {
		return endBackup(ctx, job)
	}
	if err := e.beginBackup(ctx, job, repo, primary, order.ID); err != nil {
		return err
	}
	stepBackupBegun.Done()
	done, err := job.AwaitTask(ctx, backupTask)
	var blocked *driver.BlockedError
	if err != nil && !errors.As(err, &blocked) {
		return err // it goes on
	}
	if err == nil && done.Failed {
		err = whyNot(job.Place, done)
	}
	if err == nil {
		err = note(ctx, job.Place, repo, order, done)
		if err != nil && !errors.Is(err, errNothingKept) {
			return err // what is kept can be noted later
		}
	}
	if err != nil {
		return errors.Join(err, endBackup(ctx, job), clearAway(ctx, repo, order.ID))
	}
	stepBackupNoted.Done()
	return endBackup(ctx, job)
}

// beginBackup begins the backup unless it is under way. What another that was given up
// has left, or an attempt before, is cleared away first.
func (e *clusterEngine) beginBackup(ctx context.Context, job *kubernetes.Job, repo *kubernetes.Repository, primary, id string) error {
	left, err := job.FindTask(ctx, backupTask)
	if err != nil || left != nil && left.For == id && !left.Failed {
		return err
	}
	gone := []string{id}
	if left != nil {
		if err := job.EndTask(ctx, backupTask); err != nil {
			return err
		}
		gone = append(gone, left.For)
	}
	for _, id := range gone {
		if err := clearAway(ctx, repo, id); err != nil {
			return job.Place.Unusable(err.Error(), err)
		}
	}
	server, err := job.Get(ctx, podsKind, primary)
	if err == nil && job.Want.ServiceLevel == driver.Guaranteed {
		server, err = e.readFrom(ctx, job, server)
	}
	if err != nil {
		return err
	}
	address := ""
	if server != nil {
		address, _, _ = unstructured.NestedString(server.Object, "status", "podIP")
	}
	if address == "" {
		return fmt.Errorf("the pod %s has no address", primary)
	}
	files := resticFiles(job.Place, repo, id, job.Want.Backup.Key)
	files["password"] = []byte(clusterPassword(job, backupLogin))
	if err := job.Apply(ctx, secretsKind, kubernetes.Secret(job.Namespace, backupTask, job.Labels, files)); err != nil {
		return err
	}
	return job.BeginTask(ctx, backupTask, id, e.backupPod(job, address), backupWithin)
}

// endBackup takes away what a backup needed in the cluster.
func endBackup(ctx context.Context, job *kubernetes.Job) error {
	if err := job.EndTask(ctx, backupTask); err != nil {
		return err
	}
	return job.Delete(ctx, secretsKind, backupTask)
}

// resticFiles are the files by which restic reaches the repository of one backup.
func resticFiles(place *driver.BackupPlace, repo *kubernetes.Repository, id, key string) map[string][]byte {
	return map[string][]byte{
		"repository": []byte(locationOf(place, repo.Key(repositoryFolder+id))),
		"key":        []byte(key), "account": []byte(accountOf(place)), "ca.crt": []byte(place.CAPEM), "region": []byte(place.Region),
	}
}

// backupPod is of the size of a member, for which the instance's quota has room, and
// connects to the server by its pod's address: its certificate is verified by the zone's
// authority.
func (e *clusterEngine) backupPod(job *kubernetes.Job, server string) map[string]any {
	size := kubernetes.Resources(job.Want.Plan)
	value := func(name, value string) map[string]any { return map[string]any{"name": name, "value": value} }
	mount := func(name, path string, readOnly bool) map[string]any {
		return map[string]any{"name": name, "mountPath": path, "readOnly": readOnly}
	}
	secret := func(name, secret string) map[string]any {
		return map[string]any{"name": name, "secret": map[string]any{"secretName": secret, "defaultMode": int64(0o440)}}
	}
	return map[string]any{
		"restartPolicy": "Never", "automountServiceAccountToken": false, "enableServiceLinks": false, "terminationGracePeriodSeconds": int64(5),
		"securityContext": e.podSecurity(),
		"containers": []any{map[string]any{
			"name": backupTask, "image": e.config.Image, "command": []any{"sh", "-c", backupScript},
			"env": []any{
				value("SERVER", server), value("PORT", strconv.Itoa(serverPort)), value("LOGIN", backupLogin), value("REGION", job.Place.Region),
				value("TMPDIR", "/spool"), value("AWS_SHARED_CREDENTIALS_FILE", "/backup/account"),
				map[string]any{"name": "REDISCLI_AUTH", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": backupTask, "key": "password"}}},
			},
			"resources": map[string]any{"requests": size, "limits": size}, "securityContext": containerSecurity(),
			"volumeMounts": []any{mount("backup", "/backup", true), mount("server", "/server", true), mount("spool", "/spool", false)},
		}},
		"volumes": []any{
			secret("backup", backupTask), secret("server", kubernetes.ServerCASecret),
			map[string]any{"name": "spool", "emptyDir": map[string]any{"sizeLimit": fmt.Sprintf("%dMi", job.Want.Plan.MemoryMiB+backupSpareMiB)}},
		},
	}
}

// whyNot says in plain words why a backup could not be taken, by the last words of its
// pod.
func whyNot(place *driver.BackupPlace, done kubernetes.Done) error {
	what, said, _ := strings.Cut(done.Said, ": ")
	err := fmt.Errorf("the pod of a backup has failed: %s %s", done.Why, done.Said)
	blocked := func(who, message string) error {
		return &driver.BlockedError{Message: message, BlockedBy: who, Err: err}
	}
	switch {
	case what == "place":
		return place.Unusable(said, err)
	case what == "server" && strings.Contains(said, "No space left on device"), strings.Contains(done.Why, "Evicted"):
		return blocked("operator", "The node that the backup was taken on has no room for it on its disk. It is tried again; if this goes on, the zone's operator has to act.")
	case what == "server":
		return blocked("you", "The server did not hand its data over for a backup: it ended meanwhile, or its memory is full. It is tried again; if this goes on, choose a larger plan, or delete data.")
	case what == "image":
		return blocked("operator", withoutRestic)
	case strings.Contains(done.Why, "OOMKilled"):
		return blocked("you", "The plan's memory is not enough to take a backup. Choose a larger plan.")
	}
	return blocked("operator", "The pod that took the backup was ended by the zone's cluster. It is tried again; if this goes on, the zone's operator has to act.")
}

// Source is the backup's own ID, as long as it is there.
func (e *clusterEngine) Source(ctx context.Context, repo *kubernetes.Repository, id string) (string, error) {
	all, err := e.Backups(ctx, repo)
	if err != nil {
		return "", err
	}
	for _, b := range all {
		if b.ID == id {
			return id, nil
		}
	}
	return "", goneBackup(nil)
}

func goneBackup(err error) *driver.BlockedError {
	return &driver.BlockedError{Message: "The backup is not there any more. Restore from another one.", BlockedBy: "you", Permanent: true, Err: err}
}

// Diagnose has nothing to say: a pod that could not restore tells Look why.
func (e *clusterEngine) Diagnose(context.Context, *kubernetes.Job, *kubernetes.Repository, []byte) (kubernetes.Diagnosis, error) {
	return kubernetes.Diagnosis{}, nil
}

// restoreFiles are what a pod without data makes it of; none where it is made empty, or
// has held data.
func restoreFiles(job *kubernetes.Job) map[string][]byte {
	if job.Restore == nil || job.Want.Restore == nil || job.Want.HeldData || job.Place == nil {
		return nil
	}
	files := map[string][]byte{"restore.sh": restoreScript}
	from := &kubernetes.Repository{InstanceID: job.Restore.From}
	for name, content := range resticFiles(job.Place, from, job.Restore.Source, job.Want.Restore.From.Key) {
		files["restore."+name] = content
	}
	return files
}

// withoutRestic is what people are told where the image lacks it.
const withoutRestic = "The zone's image of Redis has no restic, by which backups are taken and restored. The zone's operator has to give the zone an image that has it."

// notRestored begins what restore.sh says of a backup that could not be restored.
const notRestored = "NOT RESTORED:"

// unrestored turns what restic said into words for users.
func unrestored(said string) *driver.BlockedError {
	err := errors.New("restic: " + said)
	switch {
	case strings.Contains(said, "unable to open config file"):
		return goneBackup(err)
	case damaged(said), strings.Contains(said, "wrong password"), strings.Contains(said, "no snapshot found"):
		return &driver.BlockedError{Message: "The backup is damaged and cannot be restored. Restore from another one, and tell the zone's operator.", BlockedBy: "you", Permanent: true, Err: err}
	case strings.Contains(said, "restic: not found"):
		return &driver.BlockedError{Message: withoutRestic, BlockedBy: "operator", Err: err}
	}
	return (*driver.BackupPlace)(nil).Unusable(said, err)
}
