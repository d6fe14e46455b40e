// Package devpg makes, prepares and clears up after the PostgreSQL server that
// `souk dev` runs as its child.
package devpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// MinMajor is the oldest PostgreSQL that can hold the record.
const MinMajor = 15

// Programs are the server programs of one installed PostgreSQL.
type Programs struct {
	Bin     string // folder of initdb and postgres
	Major   int
	Version string // "15.18"
}

// searched are the folders in which distributions put server programs; those
// in PATH come after.
var searched = []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql@*/bin"}

// Installed finds the installed server programs, newest first.
func Installed(ctx context.Context) []Programs {
	var bins []string
	for _, pattern := range searched {
		found, _ := filepath.Glob(pattern)
		bins = append(bins, found...)
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			bins = append(bins, filepath.Dir(path))
		}
	}
	slices.Sort(bins)
	var all []Programs
	for _, bin := range slices.Compact(bins) {
		if p, err := inspect(ctx, bin); err == nil {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b Programs) int { return b.Major - a.Major })
	return all
}

var versionText = regexp.MustCompile(`\(PostgreSQL\) ((\d+)[^ \n]*)`)

func inspect(ctx context.Context, bin string) (Programs, error) {
	if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
		return Programs{}, err
	}
	text, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return Programs{}, err
	}
	m := versionText.FindSubmatch(text)
	if m == nil {
		return Programs{}, fmt.Errorf("%s/postgres does not tell its version", bin)
	}
	major, err := strconv.Atoi(string(m[2]))
	return Programs{Bin: bin, Major: major, Version: string(m[1])}, err
}

// Choose returns the programs to run the cluster in the folder data with: those
// of the major that made it, or the newest where there is none yet. The errors
// say what to install; nothing is changed.
func Choose(data string, installed []Programs) (Programs, error) {
	supported := slices.DeleteFunc(slices.Clone(installed), func(p Programs) bool { return p.Major < MinMajor })
	made, err := madeBy(data)
	if err != nil {
		return Programs{}, err
	}
	if made == 0 {
		if len(supported) == 0 {
			return Programs{}, fmt.Errorf("Souk keeps its record in PostgreSQL %d or newer, and %s: install one, on Debian with `apt-get install postgresql-15`", MinMajor, describe(installed))
		}
		return supported[0], nil
	}
	for _, p := range supported {
		if p.Major == made {
			return p, nil
		}
	}
	return Programs{}, &MajorError{Folder: data, Made: made, Installed: installed}
}

// madeBy returns the major that made a cluster, 0 where there is none.
func madeBy(data string) (int, error) {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("cannot tell which PostgreSQL made %s: %w", data, err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("cannot tell which PostgreSQL made %s: its file PG_VERSION holds %q", data, strings.TrimSpace(string(text)))
	}
	return major, nil
}

// MajorError means that a cluster was made by a PostgreSQL that is not
// installed.
type MajorError struct {
	Folder    string
	Made      int
	Installed []Programs
}

func (e *MajorError) Error() string {
	text := fmt.Sprintf("the record in %s was made by PostgreSQL %d, and %s; another major cannot read it. Nothing was changed. ", e.Folder, e.Made, describe(e.Installed))
	if e.Made < MinMajor {
		return text + fmt.Sprintf("Souk needs PostgreSQL %d or newer: use another folder (--data-dir or SOUK_DATA_DIR)", MinMajor)
	}
	return text + fmt.Sprintf("Either install PostgreSQL %[1]d beside it (on Debian `apt-get install postgresql-%[1]d`) and start again; "+
		"or begin anew in another folder (--data-dir or SOUK_DATA_DIR); "+
		"or move the record: on a machine with PostgreSQL %[1]d run `souk dev` on this folder, write it out with pg_dumpall, start `souk dev` on a new folder once, and read it into that", e.Made)
}

func describe(installed []Programs) string {
	if len(installed) == 0 {
		return "no PostgreSQL server is installed here"
	}
	var all []string
	for _, p := range installed {
		all = append(all, p.Version)
	}
	return "installed here is PostgreSQL " + strings.Join(all, ", ")
}
