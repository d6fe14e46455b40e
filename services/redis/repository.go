package redis

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

// restic keeps the snapshots: each instance has a repository of its own in the
// zone's bucket, encrypted by the instance's key. A snapshot shares pieces with those
// before it. So where something in a repository is found to be damaged another is
// begun, and what is kept from then on relies on nothing that came before.
const resticProgram = "/usr/bin/restic"

// Tags of a snapshot.
const (
	tagID     = "souk-id="
	tagKind   = "souk-kind="
	tagAt     = "souk-at="
	tagTook   = "souk-took="   // milliseconds
	tagStored = "souk-stored=" // bytes that it added where it is kept
	tagSize   = "souk-size="
)

// lookWithin is how long looking at what is kept may take: restic itself goes on
// trying for much longer.
const lookWithin = time.Minute

// NoBackups says why no backups can be kept on this machine, or "".
func (e *engine) NoBackups() string {
	if _, err := os.Stat(resticProgram); err != nil {
		return "restic is not installed on the zone's machine (Debian: apt-get install restic). Its operator has to act."
	}
	return ""
}

// Snapshots implements process.BackupEngine.
func (e *engine) Snapshots() bool { return true }

// repository is how restic reaches what is kept of an instance. Its secrets are in
// files.
type repository struct {
	place            *driver.BackupPlace
	of               driver.BackupSource
	number           int                                                           // of the instance's repositories, from 0 on
	key, account, ca string                                                        // where these files lie
	run              func(ctx context.Context, argv, env []string) ([]byte, error) // under the account that they belong to
}

// files are those that restic needs, by their paths.
func (r repository) files() map[string]string {
	return map[string]string{r.key: r.of.Key, r.ca: r.place.CAPEM, r.account: accountOf(r.place)}
}

// accountOf is the file with what a place is reached by.
func accountOf(place *driver.BackupPlace) string {
	return "[default]\naws_access_key_id = " + place.AccessKey + "\naws_secret_access_key = " + place.SecretKey + "\n"
}

// locationOf is what restic calls a repository in a place, by what its keys begin with.
func locationOf(place *driver.BackupPlace, folder string) string {
	return "s3:https://" + place.Endpoint + ":" + strconv.Itoa(place.Port) + "/" + place.Bucket + "/" + folder
}

// at is another of the instance's repositories.
func (r repository) at(number int) repository {
	r.number = number
	return r
}

// folder is what the keys of all that is in the repository begin with.
func (r repository) folder() string {
	if r.number == 0 {
		return r.place.Folder(r.of.InstanceID)
	}
	return r.place.Folder(r.of.InstanceID) + "/" + strconv.Itoa(r.number)
}

func (r repository) restic(ctx context.Context, arguments ...string) ([]byte, error) {
	argv := append([]string{
		resticProgram, "--repo", locationOf(r.place, r.folder()),
		"--password-file", r.key, "--cacert", r.ca, "--no-cache", "--quiet", "--json", "-o", "s3.bucket-lookup=path", "-o", "s3.region=" + r.place.Region,
	}, arguments...)
	return r.run(ctx, argv, []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC", "AWS_SHARED_CREDENTIALS_FILE=" + r.account})
}

// reached by the agent itself.
func reached(repo *process.Repository) (repository, error) {
	r := repository{place: repo.Place, of: repo.Of, key: filepath.Join(repo.Dir, "key"), account: filepath.Join(repo.Dir, "account"), ca: filepath.Join(repo.Dir, "ca.pem"), run: repo.Run}
	for path, text := range r.files() {
		if err := durable.WriteFile(path, []byte(text)); err != nil {
			return r, err
		}
	}
	return r, nil
}

// within is the repository as an instance's own account reaches it.
func within(ctx context.Context, host *process.Host, of driver.BackupSource) (repository, error) {
	const folder = shim.ConfFolder + "/backup"
	place, err := host.PlaceOf(of)
	if err != nil {
		return repository{}, err
	}
	if place == nil {
		return repository{}, driver.NothingToRestoreFrom()
	}
	r := repository{place: place, of: of, key: folder + "/key", account: folder + "/account", ca: folder + "/ca.pem"}
	for path, text := range r.files() {
		if err := host.WriteIfChanged(ctx, shim.File{Path: path, Mode: 0o600, Data: []byte(text)}); err != nil {
			return r, err
		}
	}
	r.key, r.account, r.ca = host.Path(r.key), host.Path(r.account), host.Path(r.ca)
	r.run = func(ctx context.Context, argv, env []string) ([]byte, error) {
		return host.Run(ctx, shim.Command{Argv: argv, Env: env, Aside: true})
	}
	return r, nil
}

// snapshot is one as restic tells of it.
type snapshot struct {
	ID    string    `json:"id"`
	Time  time.Time `json:"time"`
	Tags  []string  `json:"tags"`
	Paths []string  `json:"paths"`

	in int // number of its repository
}

func (s snapshot) tag(name string) string {
	for _, t := range s.Tags {
		if value, ok := strings.CutPrefix(t, name); ok {
			return value
		}
	}
	return ""
}

func (s snapshot) number(name string) int64 {
	n, _ := strconv.ParseInt(s.tag(name), 10, 64)
	return n
}

func (s snapshot) backup() driver.Backup {
	at, _ := time.Parse(time.RFC3339Nano, s.tag(tagAt))
	return driver.Backup{ID: s.tag(tagID), Kind: s.tag(tagKind), At: at, StartedAt: s.Time.UTC(), FinishedAt: s.Time.Add(time.Duration(s.number(tagTook)) * time.Millisecond).UTC(),
		SizeBytes: s.number(tagSize), StoredBytes: s.number(tagStored)}
}

// holding is what is kept of an instance.
type holding struct {
	snapshots    []snapshot // that Souk has ordered, oldest first
	repositories int
}

func (h holding) index(id string) int {
	return slices.IndexFunc(h.snapshots, func(s snapshot) bool { return s.tag(tagID) == id })
}

// look lists what all of an instance's repositories hold.
func (r repository) look(ctx context.Context) (h holding, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	for ; ; h.repositories++ {
		one, err := r.at(h.repositories).list(ctx)
		if errors.Is(err, errNoRepository) {
			slices.SortStableFunc(h.snapshots, func(a, b snapshot) int { return a.Time.Compare(b.Time) })
			return h, nil
		}
		if err != nil {
			return h, err
		}
		h.snapshots = append(h.snapshots, one...)
	}
}

// begin makes the repository, unless it is there.
func (r repository) begin(ctx context.Context) error {
	_, err := r.restic(ctx, "init")
	var exit *shim.ExitError
	if errors.As(err, &exit) && strings.Contains(string(exit.Output), "already") {
		return nil
	}
	return r.inWords(err)
}

// errNoRepository: nothing was ever kept there.
var errNoRepository = errors.New("there is no repository")

// list are the snapshots in this repository.
func (r repository) list(ctx context.Context) ([]snapshot, error) {
	output, err := r.restic(ctx, "snapshots", "--no-lock")
	var exit *shim.ExitError
	if errors.As(err, &exit) && strings.Contains(string(exit.Output), "The specified key does not exist") {
		return nil, errNoRepository
	}
	if err != nil {
		return nil, r.inWords(err)
	}
	var all []snapshot
	if err := json.Unmarshal(output, &all); err != nil {
		return nil, fmt.Errorf("read what restic says of the snapshots: %w", err)
	}
	for i := range all {
		all[i].in = r.number
	}
	return slices.DeleteFunc(all, func(s snapshot) bool { return s.tag(tagID) == "" }), nil
}

// Backups lists what is kept of an instance, oldest first.
func (e *engine) Backups(ctx context.Context, repo *process.Repository) ([]driver.Backup, error) {
	r, err := reached(repo)
	if err != nil {
		return nil, err
	}
	h, err := r.look(ctx)
	if err != nil {
		return nil, err
	}
	backups := make([]driver.Backup, len(h.snapshots))
	for i, s := range h.snapshots {
		backups[i] = s.backup()
	}
	return backups, nil
}

// ExpireBackup removes one snapshot and what only it needed. What is left of a
// repository without any is a few hundred bytes that say nothing.
func (e *engine) ExpireBackup(ctx context.Context, repo *process.Repository, id string, _ bool) error {
	r, err := reached(repo)
	if err != nil {
		return err
	}
	h, err := r.look(ctx)
	if err != nil {
		return err
	}
	for _, s := range h.snapshots {
		if s.tag(tagID) != id {
			continue
		}
		r := r.at(s.in)
		if _, err := r.restic(ctx, "unlock"); err != nil { // of who was killed
			return r.inWords(err)
		}
		if _, err := r.restic(ctx, "forget", "--prune", s.ID); err != nil {
			return r.inWords(err)
		}
	}
	return nil
}

// inWords turns what went wrong with the place of backups into words for users.
func (r repository) inWords(err error) error {
	var exit *shim.ExitError
	if !errors.As(err, &exit) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	said := ""
	if exit != nil {
		said = string(exit.Output)
	}
	return r.place.Unusable(said, err)
}
