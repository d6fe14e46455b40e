package postgresql

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/shim"
)

const (
	restoreConfigFile = shim.ConfFolder + "/restore.conf" // there until the server has recovered
	restoreCAFile     = shim.ConfFolder + "/restore-ca.pem"
	recoveryFile      = clusterFolder + "/postgresql.auto.conf"
)

// restore brings the files of a backup into the unfinished cluster. What an
// attempt that was cut short has brought already is kept.
func (w *work) restore(ctx context.Context) error {
	from := w.Want.Restore
	place, err := w.PlaceOf(from.From)
	if err != nil {
		return err
	}
	if place == nil {
		return driver.NothingToRestoreFrom()
	}
	ca := shim.File{Path: restoreCAFile, Mode: 0o600, Data: []byte(place.CAPEM)}
	config := shim.File{Path: restoreConfigFile, Mode: 0o600, Data: repositoryConfig(place, from.From, w.Path(restoreCAFile), w.Path(shim.RunFolder+"/restore"),
		"["+stanza+"]", "pg1-path="+w.Path(clusterFolder))}
	if err := w.WriteIfChanged(ctx, ca, config); err != nil {
		return err
	}
	label, err := w.findBackup(ctx, from.BackupID)
	if err != nil {
		return err
	}
	return w.bring(ctx, label, w.recoveryTarget(from))
}

// Bring brings the files of a backup beside the cluster.
func (e *engine) Bring(ctx context.Context, job *process.Job) error {
	return (&work{Job: job, engine: e}).restore(ctx)
}

// DataFolders are where the cluster lies, and where it is made.
func (e *engine) DataFolders() (data, brought string) { return clusterFolder, unfinished }

// recoveryTarget is until where the changes after a backup are applied, and how
// they are got once the cluster has its name. No client gets in before.
func (w *work) recoveryTarget(from *driver.Restore) []string {
	get := strings.Join(command(w.Path(restoreConfigFile), "archive-get"), " ") + ` %f "%p"`
	// What came after the backup is followed on the line of time that it was taken in:
	// a restore in place begins another one.
	options := []string{"--recovery-option=recovery_target_timeline=current", "--target-action=promote", "--recovery-option=hot_standby=off", "--recovery-option=restore_command=" + get}
	if from.Time.IsZero() {
		return append(options, "--type=immediate")
	}
	return append(options, "--type=time", "--target="+from.Time.UTC().Format("2006-01-02 15:04:05.999999+00"))
}

// findBackup finds what pgBackRest calls a backup.
func (w *work) findBackup(ctx context.Context, id string) (string, error) {
	output, err := w.pgbackrest(ctx, "info", "--output=json")
	if err != nil {
		return "", inWords(w.Want.Restore.From.Place, err)
	}
	held, err := parseInfo(w.Want.Restore.From.Place, output)
	if err != nil {
		return "", err
	}
	for _, b := range held {
		if b.Annotation.ID == id {
			return b.Label, nil
		}
	}
	return "", unusable("The backup is not there any more. Restore from another one.", nil)
}

func (w *work) bring(ctx context.Context, label string, target []string) error {
	begun, err := w.Exists(ctx, unfinished+"/backup.manifest")
	if err != nil {
		return err
	}
	if !begun {
		if err := w.Remove(ctx, unfinished); err != nil {
			return err
		}
	}
	delta := "--delta"
	if !begun {
		delta = "--no-delta"
	}
	_, err = w.pgbackrest(ctx, append([]string{"--set=" + label, "--pg1-path=" + w.Path(unfinished), delta, "restore"}, target...)...)
	var exit *shim.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	switch exit.Code {
	case codeChecksum, codeFormat, codeFileMissing, codeCrypto, codeBackupSet:
		return unusable("The backup is damaged and cannot be restored. Restore from another one, and tell the zone's operator.", err)
	}
	return inWords(w.Want.Restore.From.Place, err)
}

func missingChanges() *driver.BlockedError {
	return unusable("Some of the changes before this point in time are missing: they were not kept, or are lost. Restore to another point in time, or to the end of a backup.", nil)
}

// unusable says that this backup will never do.
func unusable(message string, err error) *driver.BlockedError {
	return &driver.BlockedError{Message: message, BlockedBy: "you", Permanent: true, Err: err}
}

func (w *work) pgbackrest(ctx context.Context, arguments ...string) ([]byte, error) {
	return w.Run(ctx, shim.Command{Argv: command(w.Path(restoreConfigFile), arguments...), Env: environment()})
}

// notReached is what a server says whose log ends before the point in time.
const notReached = "recovery ended before configured recovery target was reached"

// reconnectRecovering waits for the server. One that is restored to a point in
// time after its last change stops for want of more: then that change was the
// last one before, and everything that there is belongs to the point in time.
func (w *work) reconnectRecovering(ctx context.Context) error {
	failed := w.reconnect(ctx)
	if failed == nil {
		return nil
	}
	recovering, err := w.Exists(ctx, restoreConfigFile)
	if err != nil || !recovering {
		return errors.Join(failed, err)
	}
	rest, wants, err := w.withoutTarget(ctx)
	if err != nil || !wants {
		return errors.Join(failed, err)
	}
	log, err := w.Read(ctx, shim.LogFile)
	if err != nil || !strings.Contains(string(log), notReached) {
		return errors.Join(failed, err)
	}
	if err := w.wholeLog(ctx, log); err != nil {
		return err
	}
	if err := w.Write(ctx, shim.File{Path: recoveryFile, Mode: 0o600, Data: []byte(rest)}); err != nil {
		return err
	}
	if err := w.Restart(ctx, w.command(), w.engine.StopSignal()); err != nil {
		return fmt.Errorf("start again to recover what there is: %w", err)
	}
	return w.reconnect(ctx)
}

// withoutTarget is what the recovery goes by but for its point in time, and
// whether it has one.
func (w *work) withoutTarget(ctx context.Context) (rest string, has bool, err error) {
	text, err := w.Read(ctx, recoveryFile)
	if err != nil {
		return "", false, err
	}
	var kept strings.Builder
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "recovery_target_time ") {
			has = true
			continue
		}
		kept.WriteString(line)
	}
	return kept.String(), has, nil
}

var applied = regexp.MustCompile(`restored log file "([0-9A-F]{24})" from archive`)

// wholeLog says that the server has applied the newest file of changes that is
// kept. Where it has not, one in between is missing, and what comes after it cannot
// be had.
func (w *work) wholeLog(ctx context.Context, log []byte) error {
	output, err := w.pgbackrest(ctx, "info", "--output=json")
	if err != nil {
		return inWords(w.Want.Restore.From.Place, err)
	}
	_, newest, err := parseRepository(w.Want.Restore.From.Place, output)
	if err != nil {
		return err
	}
	last := ""
	for _, found := range applied.FindAllSubmatch(log, -1) {
		last = string(found[1])
	}
	if last != "" && !strings.HasPrefix(newest, last[:timelineDigits]) {
		if newest, err = w.newestOf(ctx, last[:timelineDigits]); err != nil {
			return err
		}
	}
	if last < newest {
		return missingChanges()
	}
	return nil
}

// timelineDigits begin the name of a file of changes: a restore in place goes on with a
// number of its own.
const timelineDigits = 8

// newestOf is the newest file of changes that is kept of one line of time.
func (w *work) newestOf(ctx context.Context, timeline string) (newest string, err error) {
	name := timeline + "[0-9A-F]{16}"
	output, err := w.Run(ctx, shim.Command{Argv: []string{program, "--config=" + w.Path(restoreConfigFile), "repo-ls", "--recurse", "--filter=/" + name + "-", "archive/" + stanza}, Env: environment()})
	if err != nil {
		return "", inWords(w.Want.Restore.From.Place, err)
	}
	for _, file := range regexp.MustCompile(name).FindAllString(string(output), -1) {
		newest = max(newest, file)
	}
	return newest, nil
}

// recovered forgets where the server was restored from, once it serves.
func (w *work) recovered(ctx context.Context) error {
	recovering, err := w.Exists(ctx, restoreConfigFile)
	if err != nil || !recovering {
		return err
	}
	if err := w.Write(ctx, shim.File{Path: recoveryFile, Mode: 0o600}); err != nil {
		return err
	}
	return w.Remove(ctx, restoreConfigFile)
}
