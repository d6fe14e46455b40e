package postgresql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"souk/internal/driver"
	"souk/internal/shim"
)

// prepareRepository has pgBackRest begin the repository of an instance that has no backup
// in it. It writes two files for that, and refuses to go on where it was killed between
// them; where there is no backup nothing of use is lost when it begins anew.
func (w *work) prepareRepository(ctx context.Context, place *driver.BackupPlace) error {
	config := w.Path(backupConfigFile)
	run := func(argv []string) ([]byte, error) {
		return w.Run(ctx, shim.Command{Argv: argv, Env: environment(), Aside: true})
	}
	_, err := run(command(config, "stanza-create"))
	if !halfPrepared(err) {
		return inWords(place, err)
	}
	output, listing := run([]string{program, "--config=" + config, "repo-ls", "--output=json", "backup/" + stanza})
	if listing != nil {
		return inWords(place, listing)
	}
	if there, reading := holdsBackups(output); there || reading != nil {
		return errors.Join(inWords(place, err), reading)
	}
	if err := removeParts(config, run); err != nil {
		return inWords(place, err)
	}
	_, err = run(command(config, "stanza-create"))
	return inWords(place, err)
}

// halfPrepared says that only one of the two files is there.
func halfPrepared(err error) bool {
	var exit *shim.ExitError
	return errors.As(err, &exit) && exit.Code == codeFileMissing && strings.Contains(string(exit.Output), "exists but")
}

// holdsBackups says whether a listing of the folder of backups has any, whole or not:
// each has a folder of its own, beside one for their history.
func holdsBackups(listing []byte) (bool, error) {
	var entries map[string]struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(listing, &entries); err != nil {
		return false, fmt.Errorf("read what pgbackrest lists: %w", err)
	}
	for name, entry := range entries {
		if entry.Type == "path" && name != "." && name != "backup.history" {
			return true, nil
		}
	}
	return false, nil
}

// removeParts removes a whole repository, the backups last: while they are there it is
// known that something is left.
func removeParts(config string, run func(argv []string) ([]byte, error)) error {
	for _, part := range []string{"archive", "backup"} {
		if _, err := run([]string{program, "--config=" + config, "repo-rm", "--recurse", part}); err != nil {
			return err
		}
	}
	return nil
}
