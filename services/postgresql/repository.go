package postgresql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"souk/internal/agent/durable"
	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/shim"
)

// pgBackRest keeps the backups: each instance has a repository of its own in the
// zone's bucket, encrypted by the instance's key.
const (
	program = "/usr/bin/pgbackrest"
	stanza  = "db" // pgBackRest's word for the one cluster of a repository
)

// The exit codes of pgBackRest that are told apart.
const (
	codeChecksum    = 26
	codeFormat      = 29
	codeFileMissing = 55
	codeCrypto      = 95
	codeBackupSet   = 75
)

// NoBackups says why no backups can be kept on this machine, or "".
func (e *engine) NoBackups() string {
	if _, err := os.Stat(program); err != nil {
		return "pgBackRest is not installed on the zone's machine (Debian: apt-get install pgbackrest). Its operator has to act."
	}
	return ""
}

// Snapshots implements process.BackupEngine.
func (e *engine) Snapshots() bool { return false }

// repositoryConfig is what pgBackRest has to know to reach the backups of an
// instance; ca is where the authority's certificate lies, and locks a folder that
// keeps two from working on them at once.
func repositoryConfig(place *driver.BackupPlace, of driver.BackupSource, ca, locks string, more ...string) []byte {
	lines := []string{
		"# Written by Souk; changes are lost.", "[global]",
		"repo1-type=s3", "repo1-path=/" + place.Folder(of.InstanceID),
		"repo1-s3-bucket=" + place.Bucket, "repo1-s3-endpoint=" + place.Endpoint, "repo1-s3-region=" + place.Region,
		"repo1-s3-key=" + place.AccessKey, "repo1-s3-key-secret=" + place.SecretKey, "repo1-s3-uri-style=path",
		"repo1-storage-port=" + strconv.Itoa(place.Port), "repo1-storage-ca-file=" + ca,
		"repo1-cipher-type=aes-256-cbc", "repo1-cipher-pass=" + of.Key,
		"repo1-bundle=y", "compress-type=zst", "compress-level=3", "start-fast=y", "expire-auto=n", "io-timeout=10", "job-retry-interval=5",
		"log-level-console=warn", "log-level-stderr=off", "log-level-file=off", "lock-path=" + locks, "spool-path=" + locks,
	}
	return []byte(strings.Join(append(lines, more...), "\n") + "\n")
}

// command is a call of pgBackRest with the configuration at a path.
func command(config string, arguments ...string) []string {
	return append([]string{program, "--config=" + config, "--stanza=" + stanza}, arguments...)
}

// Backups lists what the repository of an instance holds, oldest first.
func (e *engine) Backups(ctx context.Context, repo *process.Repository) ([]driver.Backup, error) {
	held, err := e.held(ctx, repo)
	if err != nil {
		return nil, err
	}
	backups := make([]driver.Backup, len(held))
	for i, b := range held {
		backups[i] = b.backup()
	}
	return backups, nil
}

// ExpireBackup removes one backup, and the changes that only it needed. With the only
// one it removes the whole repository, which the next backup prepares anew.
func (e *engine) ExpireBackup(ctx context.Context, repo *process.Repository, id string, _ bool) error {
	held, err := e.held(ctx, repo)
	if err != nil {
		return err
	}
	config, err := repoFiles(repo)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(held, func(b heldBackup) bool { return b.Annotation.ID == id })
	switch {
	case i < 0:
		return nil
	case len(held) == 1:
		return inWords(repo.Place, removeParts(config, func(argv []string) ([]byte, error) { return repo.Run(ctx, argv, environment()) }))
	}
	left := strconv.Itoa(len(held) - 1) // all that stay keep the changes after them
	_, err = repo.Run(ctx, command(config, "--set="+held[i].Label, "--repo1-retention-archive-type=full", "--repo1-retention-archive="+left, "expire"), environment())
	return inWords(repo.Place, err)
}

// repoFiles writes what the agent itself needs to reach a repository and returns
// the path of the configuration.
func repoFiles(repo *process.Repository) (string, error) {
	config, ca := filepath.Join(repo.Dir, "pgbackrest.conf"), filepath.Join(repo.Dir, "ca.pem")
	if err := durable.WriteFile(ca, []byte(repo.Place.CAPEM)); err != nil {
		return "", err
	}
	return config, durable.WriteFile(config, repositoryConfig(repo.Place, repo.Of, ca, filepath.Join(repo.Dir, "lock")))
}

// heldBackup is one backup as pgBackRest tells of it.
type heldBackup struct {
	Label      string `json:"label"`
	Annotation struct {
		ID   string    `json:"souk-id"`
		Kind string    `json:"souk-kind"`
		At   time.Time `json:"souk-at"`
	} `json:"annotation"`
	Error bool `json:"error"`
	Info  struct {
		Size       int64 `json:"size"`
		Repository struct {
			Size  int64 `json:"size"`
			Delta int64 `json:"delta"`
		} `json:"repository"`
	} `json:"info"`
	Timestamp struct {
		Start int64 `json:"start"` // seconds since 1970
		Stop  int64 `json:"stop"`
	} `json:"timestamp"`
}

func (b heldBackup) backup() driver.Backup {
	out := driver.Backup{
		ID: b.Annotation.ID, Kind: b.Annotation.Kind, At: b.Annotation.At, SizeBytes: b.Info.Size, StoredBytes: b.Info.Repository.Delta,
		StartedAt: time.Unix(b.Timestamp.Start, 0).UTC(), FinishedAt: time.Unix(b.Timestamp.Stop+1, 0).UTC(), // told in whole seconds
	}
	if b.Error {
		out.Problem = "Some pages of the data had wrong checksums when this backup was taken."
	}
	return out
}

// held are the backups of a repository that Souk has ordered, oldest first.
func (e *engine) held(ctx context.Context, repo *process.Repository) ([]heldBackup, error) {
	config, err := repoFiles(repo)
	if err != nil {
		return nil, err
	}
	output, err := repo.Run(ctx, command(config, "info", "--output=json"), environment())
	if err != nil {
		return nil, inWords(repo.Place, err)
	}
	return parseInfo(repo.Place, output)
}

func parseInfo(place *driver.BackupPlace, output []byte) ([]heldBackup, error) {
	held, _, err := parseRepository(place, output)
	return held, err
}

// parseRepository returns also the name of the newest file of changes that is kept.
func parseRepository(place *driver.BackupPlace, output []byte) (held []heldBackup, newest string, err error) {
	var stanzas []struct {
		Archive []struct {
			Max string `json:"max"`
		} `json:"archive"`
		Backup []heldBackup `json:"backup"`
		Repo   []struct {
			Status struct {
				Message string `json:"message"`
			} `json:"status"`
		} `json:"repo"`
		Status struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"status"`
	}
	if err := json.Unmarshal(output, &stanzas); err != nil {
		return nil, "", fmt.Errorf("read what pgbackrest says of the backups: %w", err)
	}
	for _, s := range stanzas {
		// 1 and 2: there is nothing yet; other codes come with what could be read.
		if s.Status.Code > 3 {
			said := s.Status.Message
			for _, r := range s.Repo {
				said += "\n" + r.Status.Message
			}
			return nil, "", place.Unusable(said, fmt.Errorf("pgbackrest cannot read the backups: %s", s.Status.Message))
		}
		for _, a := range s.Archive {
			newest = max(newest, a.Max)
		}
		for _, b := range s.Backup {
			if b.Annotation.ID != "" {
				held = append(held, b)
			}
		}
	}
	return held, newest, nil
}

// inWords turns what went wrong with the place of backups into words for users.
func inWords(place *driver.BackupPlace, err error) error {
	var exit *shim.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	return place.Unusable(string(exit.Output), err)
}
